/* SPDX-License-Identifier: Apache-2.0
 * base64.h: base64 as RFC 4648 (section 4) has it: with padding, without blanks, nothing left over.
 */
#pragma once
#include "base/macro.h"

/* Room for what `size` characters can hold; never 0. */
size_t base64_decoded_max(size_t size);

/* Decodes into room. -EINVAL: it is not base64. */
int base64_decode(const char *text, size_t size, char *room, size_t *ret_size);

/* The characters that so many bytes take, without a NUL. */
size_t base64_encoded_size(size_t size);

/* Writes them into room; no NUL. */
void base64_encode(const void *bytes, size_t size, char *room);
