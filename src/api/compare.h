/* SPDX-License-Identifier: Apache-2.0
 * compare.h: whether a program printed what was expected of it. Pure functions over bytes; none allocates.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

enum compare_how {
	COMPARE_EXACT,   /* byte for byte */
	COMPARE_LINES,   /* line by line without the blanks around each; blank lines at the end do not count */
	COMPARE_NUMBERS, /* word by word; two numbers are equal within the tolerance, absolute or relative to the expected one */
	COMPARE_COUNT,
};

/* "exact", "lines", "numbers"; COMPARE_COUNT for another word. */
enum compare_how compare_by_name(const char *name);
const char *compare_name(enum compare_how how);

/* True when they agree. Else *ret_line is the first line of the output (from 1) that does not; NULL is allowed. */
bool compare_output(enum compare_how how, double tolerance, const char *got, size_t got_size, const char *want, size_t want_size,
		    uint64_t *ret_line);
