/* SPDX-License-Identifier: Apache-2.0
 * report.h: values and displays on their way out of a guest, a stream of records through a pipe. The guest writes them, and so may
 * any program that it runs: whoever reads them trusts none of it. What does not fit is passed over and said to be cut.
 *
 * A record: magic, type, size, zero (32 bits each, of the machine's own order), then size bytes. REPORT_VALUE: a word of flags, then
 * text. REPORT_DISPLAY: forms one after the other, each the size of its type, the size of its bytes, type, bytes.
 */
#pragma once
#include "base/buf.h"

#include <stdbool.h>

#define REPORT_MAX_RECORD   (4 * MIB)
#define REPORT_MAX_BYTES    (8 * MIB) /* of all records that are kept */
#define REPORT_MAX_DISPLAYS 64
#define REPORT_MAX_FORMS    16
#define REPORT_MAX_TYPE     100 /* bytes of a form's type: letters, digits and /+-._ */

enum report_type { REPORT_VALUE = 1, REPORT_DISPLAY };

enum { REPORT_VALUE_CUT = 1u << 0 }; /* the text is only the beginning */

/* One form of a thing to look at. */
struct run_form {
	const char *type; /* "image/png" */
	const char *bytes;
	size_t size;
};

/* A figure, or the value of the last expression, in several forms. */
struct run_display {
	const struct run_form *forms; /* one block with what they point to */
	size_t forms_count;
};

struct report {
	struct run_display *displays; /* NULL until the first */
	size_t displays_count;
	char *value; /* repr of the last value, owned; NULL: none. The first one counts */
	size_t value_size;
	bool is_value_cut;
	bool is_cut;     /* something was passed over */
	bool is_garbage; /* what came was no record: nothing is read any more */

	/* on the way */
	size_t kept, skip; /* bytes of all records; of the present one, still to be passed over */
	struct buf pending;
};

struct report report_new(void);
void report_free(struct report *report);

/* Takes the next bytes of the stream, however they are cut. Returns how many displays have come with them, or -ENOMEM. */
int report_feed(struct report *report, const char *bytes, size_t size);
