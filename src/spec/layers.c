/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/layers.h"

static const char *const names[] = {
#define LAYER(symbol, name, meaning) [LAYER_##symbol] = name,
#include "spec/layers.def"
#undef LAYER
};

_Static_assert(LAYER_COUNT < 32, "the layers fit a number of 32 bits");

const char *layer_name(unsigned layer)
{
	return layer < LAYER_COUNT ? names[layer] : "unknown";
}
