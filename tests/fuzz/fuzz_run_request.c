/* SPDX-License-Identifier: Apache-2.0
 * The body of POST /run: whatever comes, it is a request within its limits or a refusal with a sentence.
 */
#include "api/run_request.h"
#include "api/utf8.h"

#include <stdlib.h>
#include <string.h>

#define CHARS_MAX 50

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct run_params params = { 0 };
	struct err err = { 0 };
	static const struct environment_limits environments[] = { { "base", { .code_chars = CHARS_MAX } },
								  { "science", { .code_chars = CHARS_MAX } } };
	int r = run_request_parse((const char *)bytes, size, environments, ARRAY_SIZE(environments), &params, &err);

	if (r < 0) {
		check(err.code == r && err.text[0] != '\0' && memchr(err.text, '\0', sizeof err.text));
		return 0;
	}
	check(strlen(params.code) == params.code_bytes && utf8_count(params.code, params.code_bytes) <= CHARS_MAX);
	run_params_free(&params);
	return 0;
}
