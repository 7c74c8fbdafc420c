/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Reads leading digits and leaves *text behind them. An overflow is remembered, so that "99999999999999999999x" is still EINVAL. */
static int take_digits(const char **text, uint64_t *ret_value, bool *ret_overflows)
{
	uint64_t value = 0;
	const char *digit = *text;

	*ret_overflows = false;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*digit - '0'), &value))
			*ret_overflows = true;
	}
	if (digit == *text)
		return -EINVAL;
	*text = digit;
	*ret_value = value;
	return 0;
}

int num_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;
	bool overflows;
	int r = take_digits(&text, &value, &overflows);

	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	if (overflows || value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int num_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes)
{
	static const char units[] = "KMG";
	uint64_t value;
	bool overflows;
	int r = take_digits(&text, &value, &overflows);

	if (r < 0)
		return r;
	if (*text != '\0') {
		const char *unit = strchr(units, *text);

		if (!unit || text[1] != '\0')
			return -EINVAL;
		for (const char *u = units; u <= unit; u++)
			overflows |= __builtin_mul_overflow(value, KIB, &value);
	}
	if (overflows || value < min || value > max)
		return -ERANGE;
	*ret_bytes = value;
	return 0;
}
