/* SPDX-License-Identifier: Apache-2.0
 * audit.h: the audit log: `audit.log` in the working folder, a JSON object a line, only ever appended to. Each line ends in the
 * SHA-256 of itself up to there, the line before's hash included: who changes, drops or moves a line changes all that follow.
 * A full file is renamed to audit-NUMBER.log, with the number of its first line, and the chain goes on in a new one.
 *
 *     {"n":1,"at":"2026-11-23T01:20:02.123Z","prev":"<64 zeros>",<what the front said>,"hash":"<SHA-256 of all before ,"hash">"}
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

#define AUDIT_HASH_BYTES 65 /* hexadecimal, with its NUL */

struct audit {
	int fd; /* -EBADF: not open */
	uint64_t next, bytes, bytes_max;
	char prev[AUDIT_HASH_BYTES];
	bool is_dirty; /* written, and not yet on the disk for sure */
};

/* Opens or makes it, and takes up the chain at its last whole line; what a crash has left behind that is cut off. -EBADMSG: the
 * last line is not of such a log. */
int audit_open(struct audit *audit, uint64_t bytes_max, struct err *err);

/* Appends a line. -EINVAL: the text holds control characters. */
int audit_append(struct audit *audit, const char *text, size_t size, uint64_t now_ms);

/* What was appended survives a crash of the machine from now on. */
int audit_sync(struct audit *audit);
void audit_close(struct audit *audit);

/* Checks the chain of a file, from the hash in chain on (64 zeros at the very beginning; "": take what the first line says), and
 * leaves the last one there. Returns 0 with the number of lines, -EBADMSG with a sentence that names the line. */
int audit_verify(FILE *file, char chain[AUDIT_HASH_BYTES], uint64_t *ret_lines, struct err *err);
