/* SPDX-License-Identifier: Apache-2.0
 * layers.h: what stands between a run and the machine, as bits of a number, made from layers.def.
 */
#pragma once
#include "base/macro.h"

enum layer {
#define LAYER(symbol, name, meaning) LAYER_##symbol,
#include "spec/layers.def"
#undef LAYER
	LAYER_COUNT,
};

/* The layer's place in a number of them: UINT32_C(1) << layer. */
#define LAYER_BIT(symbol) (UINT32_C(1) << LAYER_##symbol)
#define LAYERS_ALL        ((UINT32_C(1) << LAYER_COUNT) - 1)

/* "landlock", "seccomp", ...; "unknown" for a number that is none. */
const char *layer_name(unsigned layer);
