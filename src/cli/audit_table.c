/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_judge.h"
#include "cli/audit_report.h"

#include <string.h>

#define TITLE_WIDTH 76
#define GRADE_WIDTH 17

static void write_heads(const struct audit_report *report, FILE *to)
{
	fprintf(to, "\n%-*s", TITLE_WIDTH, "");
	for (unsigned c = 0; c < report->columns_count; c++)
		fprintf(to, "%-*s", c + 1 < report->columns_count ? GRADE_WIDTH : 0, audit_kinds[report->columns[c].kind].title);
	fprintf(to, "\n");
}

static void write_cases(const struct audit_report *report, FILE *to)
{
	const char *group = "";

	for (unsigned i = 0; i < audit_cases_count; i++) {
		if (strcmp(group, audit_cases[i].group) != 0)
			fprintf(to, "%s\n", audit_cases[i].group);
		group = audit_cases[i].group;
		fprintf(to, "  %-*s", TITLE_WIDTH - 2, audit_cases[i].title);
		for (unsigned c = 0; c < report->columns_count; c++)
			fprintf(to, "%-*s", c + 1 < report->columns_count ? GRADE_WIDTH : 0,
				audit_grade_name(report->columns[c].results[i].grade));
		fprintf(to, "\n");
	}
}

static void write_column(const struct audit_column *column, FILE *to)
{
	char counts[AUDIT_COUNTS_BYTES];

	fprintf(to, "\n%s: %s.\n", audit_kinds[column->kind].title, audit_counts_text(column, counts));
	for (unsigned i = 0; i < audit_cases_count; i++) {
		const struct audit_result *result = &column->results[i];

		if (result->grade != GRADE_GOOD)
			fprintf(to, "  %-8s %s\n           %s\n", audit_grade_name(result->grade), audit_cases[i].title,
				result->happened);
	}
}

void audit_write_table(const struct audit_report *report, FILE *to)
{
	struct audit_facts facts;

	audit_collect_facts(report, &facts);
	fprintf(to, "Security report\n\n");
	for (unsigned i = 0; i < facts.count; i++)
		fprintf(to, "%-16s %s\n", facts.list[i].name, facts.list[i].value);
	write_heads(report, to);
	write_cases(report, to);
	for (unsigned c = 0; c < report->columns_count; c++)
		write_column(&report->columns[c], to);
	fprintf(to, "\n%s\n",
		audit_has_failed(report) ? "FAILED: something escaped, or is not known."
					 : "Nothing escaped where it is promised that nothing does.");
}
