/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/environments.h"

#include <string.h>

static const struct {
	const char *name, *preload;
} known[] = {
#define ENVIRONMENT(name, preload) { #name, preload },
#include "spec/environments.def"
#undef ENVIRONMENT
};

const char *environments_preload(const char *name)
{
	array_for_each(known, row) {
		if (strcmp(row->name, name) == 0)
			return row->preload;
	}
	return known[0].preload;
}
