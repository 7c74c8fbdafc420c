/* SPDX-License-Identifier: Apache-2.0
 * refused.h: which of the calls that syscalls.def refuses a run has made, and how often. A refusal is a number: the row of the table, or for
 * a row of families, the family in it. Fixed-size, so that it travels between our programs as it is.
 */
#pragma once
#include "base/macro.h"

#include <stdbool.h>

#define REFUSED_CALLS      16 /* different ones of a run; what comes later is counted as others */
#define REFUSED_NAME_BYTES 40
#define REFUSED_FAMILIES   64

/* How many rows there are of each kind. */
enum {
	REFUSED_ROWS = 0
#define ALLOW(c)
#define ALLOW_IF(c, i, m, v)
#define ALLOW_SOCKET(family, protocol)
#define QUIET(c, e, reason)
#define REFUSE(c, e, reason)                    +1
#define REFUSE_IF(c, e, i, m, v, label, reason) +1
#define REFUSE_FAMILIES(c, e, reason)
#include "spec/syscalls.def"
#undef REFUSE
#undef REFUSE_IF
#undef REFUSE_FAMILIES
	,
	REFUSED_FAMILY_ROWS = 0
#define REFUSE(c, e, reason)
#define REFUSE_IF(c, e, i, m, v, label, reason)
#define REFUSE_FAMILIES(c, e, reason) +1
#include "spec/syscalls.def"
#undef ALLOW
#undef ALLOW_IF
#undef ALLOW_SOCKET
#undef QUIET
#undef REFUSE
#undef REFUSE_IF
#undef REFUSE_FAMILIES
	,
	REFUSED_COUNT = REFUSED_ROWS + REFUSED_FAMILY_ROWS * REFUSED_FAMILIES, /* no refusal's number is as large */
};

struct refused_call {
	uint32_t what;  /* its number */
	uint32_t count; /* 0: this one and those behind it are not used */
};

struct refused {
	struct refused_call calls[REFUSED_CALLS]; /* in the order in which they were first made */
	uint32_t others;                          /* made when the table was full */
	uint32_t zero;
};

/* A number that is none changes nothing. */
void refused_add(struct refused *refused, uint32_t what);

/* Whether every number is one, none twice, and none behind an unused one. */
bool refused_is_valid(const struct refused *refused);

/* How many calls in all. */
uint64_t refused_sum(const struct refused *refused);

/* "ptrace", "clone(CLONE_NEWUSER)", "socket(AF_VSOCK)"; "other" for a number that is none. */
void refused_name(uint32_t what, char text[REFUSED_NAME_BYTES]);

/* "The sandbox refused ptrace (2 times) and mount (1 time)."; "" when it refused nothing. */
void refused_sentence(const struct refused *refused, char *text, size_t size);
