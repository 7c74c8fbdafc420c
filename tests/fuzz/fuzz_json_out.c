/* SPDX-License-Identifier: Apache-2.0
 * The JSON writer: whatever a program prints, another parser takes the reply, and what was UTF-8 comes back as it was. The
 * first byte chooses how much is read at once.
 */
#include "api/json_out.h"
#include "api/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool is_utf8(const char *bytes, size_t size)
{
	bool is_valid = true;

	for (size_t at = 0; at < size && is_valid;)
		at += utf8_next(bytes + at, size - at, &is_valid);
	return is_valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct json_out json = { 0 };
	size_t step = size > 0 ? JSON_UNIT_BYTES + bytes[0] % 32 : JSON_UNIT_BYTES;
	size_t used = 0;

	json_out_raw(&json, "\"");
	json_out_content(&json, bytes, size);
	json_out_raw(&json, "\"");

	size_t want = json_out_size(&json);
	char *text = malloc(want);

	check(text != NULL);
	while (used < want) {
		size_t n = json_out_read(&json, text + used, step < want - used ? step : want - used);

		check(n > 0);
		used += n;
	}
	check(json_out_read(&json, text, want) == 0);

	json_t *value = json_loadb(text, want, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	check(value != NULL);
	if (is_utf8((const char *)bytes, size)) /* jansson keeps noncharacters as they are too */
		check(json_string_length(value) == size && memcmp(json_string_value(value), bytes, size) == 0);
	json_decref(value);
	json_out_free(&json);
	free(text);
	return 0;
}
