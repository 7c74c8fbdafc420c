/* SPDX-License-Identifier: Apache-2.0
 * assets.h: the files of web/, built into the program by script/embed.
 */
#pragma once
#include <stddef.h>

struct asset {
	const char *path, *type; /* "/app.js", "text/javascript; charset=utf-8" */
	const unsigned char *bytes;
	size_t size;
};

extern const struct asset assets[];
extern const size_t assets_count;
