/* SPDX-License-Identifier: Apache-2.0
 * ADDR:PORT: what is accepted has a usual form that means the same and does not change any more; numbers likewise.
 */
#include "base/num.h"
#include "cli/listen.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_address(const char *text)
{
	struct listen_address first, again;

	if (listen_parse(text, &first) < 0)
		return;
	check(memchr(first.text, '\0', sizeof first.text) != NULL);
	check(listen_parse(first.text, &again) == 0);
	check(strcmp(first.text, again.text) == 0);
	check(listen_is_loopback(&first) == listen_is_loopback(&again));
}

static void check_numbers(const char *text)
{
	uint64_t value;

	if (num_parse_u64(text, 10, 20000, &value) == 0)
		check(value >= 10 && value <= 20000 && value == strtoull(text, NULL, 10));
	if (num_parse_size(text, 10, GIB, &value) == 0)
		check(value >= 10 && value <= GIB);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char text[128];

	if (size >= sizeof text)
		return 0;
	memcpy(text, bytes, size);
	text[size] = '\0';
	check_address(text);
	check_numbers(text);
	return 0;
}
