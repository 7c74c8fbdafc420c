/* SPDX-License-Identifier: Apache-2.0
 * audit_report.h: the forms of an audit's report. All four are made of the same struct audit_report and tell the same.
 */
#pragma once
#include "cli/audit.h"

#include <stdio.h>

struct audit_format {
	const char *name;
	void (*write)(const struct audit_report *report, FILE *to);
};

extern const struct audit_format audit_formats[];
extern const unsigned audit_formats_count;

void audit_write_table(const struct audit_report *report, FILE *to); /* for a terminal: plain text */
void audit_write_markdown_report(const struct audit_report *report, FILE *to);
void audit_write_json(const struct audit_report *report, FILE *to);        /* its shape: safexec(1) */
void audit_write_html_report(const struct audit_report *report, FILE *to); /* one file that needs no other */

/* What the forms share. */

/* Sentences on what an audit cannot tell. Ends in NULL. */
extern const char *const audit_limits[];

unsigned audit_count(const struct audit_column *column, enum grade grade);

/* "35 good, 2 weak": the grades that occur. */
#define AUDIT_COUNTS_BYTES 128
const char *audit_counts_text(const struct audit_column *column, char text[AUDIT_COUNTS_BYTES]);

/* Whether something escaped, or is not known, in a column that promises to hold it. */
bool audit_has_failed(const struct audit_report *report);

/* The machine's facts as pairs of name and value, count of them stored. The texts live as long as the room. */
#define AUDIT_MAX_FACTS 12
struct audit_facts {
	struct {
		const char *name;
		char value[224];
	} list[AUDIT_MAX_FACTS];
	unsigned count;
};
void audit_collect_facts(const struct audit_report *report, struct audit_facts *facts);

/* Titles of the column's cases of that grade, each through write, parted by "; "; a group that is whole by its name. */
void audit_write_titles(const struct audit_column *column, enum grade grade, FILE *to, void (*write)(FILE *to, const char *text));
