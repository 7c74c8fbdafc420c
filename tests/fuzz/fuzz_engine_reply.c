/* SPDX-License-Identifier: Apache-2.0
 * The Docker Engine's JSON answers: an id of 64 hexadecimal digits, an exit code of one byte, a state; or -EBADMSG and nothing written.
 */
#include "docker/container.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *body = (const char *)bytes;
	char id[CONTAINER_ID_BYTES] = "untouched";
	struct container_state state = { .exit_code = -7 };
	int code = -7;

	if (container_read_id(body, size, id) == 0) {
		check(strlen(id) == CONTAINER_ID_BYTES - 1);
		for (const char *c = id; *c; c++)
			check(isxdigit((unsigned char)*c));
	} else {
		check(strcmp(id, "untouched") == 0);
	}
	if (container_read_exit(body, size, &code) == 0)
		check(code >= 0 && code <= 255);
	else
		check(code == -7);
	if (container_read_state(body, size, &state) == 0)
		check(state.exit_code >= 0 && state.exit_code <= 255);
	else
		check(state.exit_code == -7);
	return 0;
}
