/* SPDX-License-Identifier: Apache-2.0
 * stderr of a program: whatever it wrote, each piece of what was found lies within the text.
 */
#include "api/traceback.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_within(struct traceback_text piece, const char *text, size_t size)
{
	check(!piece.bytes || (piece.bytes >= text && piece.size <= size && piece.bytes + piece.size <= text + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size > 0 ? size : 1); /* exactly as long, so that one byte too many is seen */
	struct traceback traceback;

	check(text != NULL);
	if (size > 0)
		memcpy(text, bytes, size);
	if (traceback_parse(text, size, &traceback)) {
		check(traceback.type.size > 0 && traceback.frames_count <= TRACEBACK_FRAMES_MAX);
		check_within(traceback.type, text, size);
		check_within(traceback.message, text, size);
		for (size_t i = 0; i < traceback.frames_count; i++) {
			check_within(traceback.frames[i].file, text, size);
			check_within(traceback.frames[i].function, text, size);
			check_within(traceback.frames[i].source, text, size);
		}
	}
	free(text);
	return 0;
}
