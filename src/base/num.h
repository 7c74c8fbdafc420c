/* SPDX-License-Identifier: Apache-2.0
 * num.h: numbers from text, strictly: the whole text, no sign, no blanks, no overflow.
 */
#pragma once
#include "base/macro.h"

/* Decimal digits only. -EINVAL: empty or something else in it; -ERANGE: outside min..max. */
int num_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* Decimal digits with an optional K, M or G (powers of 1024). Errors as above. */
int num_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes);
