/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_judge.h"
#include "cli/audit_report.h"
#include "cli/audit_text.h"

#include <inttypes.h>
#include <string.h>

#define write_text audit_write_markdown

static void write_facts(const struct audit_report *report, FILE *to)
{
	struct audit_facts facts;

	audit_collect_facts(report, &facts);
	fprintf(to, "| | |\n|---|---|\n");
	for (unsigned i = 0; i < facts.count; i++) {
		fprintf(to, "| %s | ", facts.list[i].name);
		write_text(to, facts.list[i].value);
		fprintf(to, " |\n");
	}
}

static void write_titles(const struct audit_column *column, const char *what, enum grade grade, FILE *to)
{
	if (audit_count(column, grade) == 0)
		return;
	fprintf(to, "- %s: ", what);
	audit_write_titles(column, grade, to, write_text);
	fprintf(to, ".\n");
}

static void write_summary(const struct audit_report *report, FILE *to)
{
	char counts[AUDIT_COUNTS_BYTES];

	fprintf(to, "\n## Summary\n\n%s\n",
		audit_has_failed(report) ? "**Something escaped, or is not known, in a column that promises to hold it.**"
					 : "Nothing escaped in a column that promises to hold it.");
	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_column *column = &report->columns[c];
		const struct audit_kind_row *kind = &audit_kinds[column->kind];

		fprintf(to, "\n### %s: %s\n\n", kind->title, audit_counts_text(column, counts));
		write_text(to, kind->about);
		fprintf(to, "\n\n");
		write_titles(column, "Protects against", GRADE_GOOD, to);
		write_titles(column, "Does not protect against", GRADE_WEAK, to);
		write_titles(column, "**Escaped**", GRADE_ESCAPED, to);
		write_titles(column, "**Not known**", GRADE_UNCLEAR, to);
		write_titles(column, "Nothing to try it on here", GRADE_NOT_APPLICABLE, to);
	}
	fprintf(to, "\n### What this report cannot tell\n\n");
	for (const char *const *limit = audit_limits; *limit; limit++) {
		fprintf(to, "- ");
		write_text(to, *limit);
		fprintf(to, "\n");
	}
	fprintf(to, "\n### The grades\n\n");
	for (enum grade grade = 0; grade < GRADE_COUNT; grade++)
		fprintf(to, "- %s: %s.\n", audit_grade_name(grade), audit_grade_meaning(grade));
}

static void write_overview(const struct audit_report *report, FILE *to)
{
	const char *group = "";

	fprintf(to, "\n## What was tried\n\n| |");
	for (unsigned c = 0; c < report->columns_count; c++)
		fprintf(to, " %s |", audit_kinds[report->columns[c].kind].title);
	fprintf(to, "\n|---|");
	for (unsigned c = 0; c < report->columns_count; c++)
		fprintf(to, "---|");
	fprintf(to, "\n");
	for (unsigned i = 0; i < audit_cases_count; i++) {
		if (strcmp(group, audit_cases[i].group) != 0) {
			group = audit_cases[i].group;
			fprintf(to, "| **%s** |", group);
			for (unsigned c = 0; c < report->columns_count; c++)
				fprintf(to, " |");
			fprintf(to, "\n");
		}
		fprintf(to, "| ");
		write_text(to, audit_cases[i].title);
		for (unsigned c = 0; c < report->columns_count; c++) {
			enum grade grade = report->columns[c].results[i].grade;

			fprintf(to, grade == GRADE_GOOD ? " | %s" : " | **%s**", audit_grade_name(grade));
		}
		fprintf(to, " |\n");
	}
}

static void write_code(const char *before, const char *code, unsigned repeat, FILE *to)
{
	if (!code)
		return;
	fprintf(to, "\n%s", before);
	if (repeat > 1)
		fprintf(to, "The following, %u times:", repeat);
	fprintf(to, "\n```python\n%s%s```\n", code, strchr(code, '\n') ? "" : "\n");
}

static void write_case(const struct audit_report *report, unsigned index, FILE *to)
{
	const struct audit_case *what = &audit_cases[index];

	fprintf(to, "\n### ");
	write_text(to, what->title);
	fprintf(to, "\n");
	write_code("A run beside:\n", what->beside, 1, to);
	write_code(what->is_read_only ? "With `read_only`:\n" : "", what->code, what->repeat, to);
	write_code("Then, eight runs at once:\n", what->afterwards, 1, to);
	fprintf(to, "\n| | grade | stopped by | what happened |\n|---|---|---|---|\n");
	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_result *result = &report->columns[c].results[index];

		fprintf(to, "| %s | %s | ", audit_kinds[report->columns[c].kind].title, audit_grade_name(result->grade));
		write_text(to, result->layer ?: "");
		fprintf(to, " | ");
		write_text(to, result->happened);
		fprintf(to, " (%.1f s) |\n", (double)result->took_ms / 1e3);
	}
}

void audit_write_markdown_report(const struct audit_report *report, FILE *to)
{
	fprintf(to,
		"# Security report\n\nEvery line comes from a run made when this report was written, by the command below.\n\n");
	write_facts(report, to);
	write_summary(report, to);
	write_overview(report, to);
	fprintf(to, "\n## Every attempt\n\n`@TOKEN@` stands for a word that only this attempt knows, `@BAIT@` for the path of a "
		    "file of the "
		    "host that everybody may read and that holds a secret word, `@PORT@` for the port of the audited server. A gap "
		    "in the "
		    "column \"stopped by\" means that nothing is known.\n");
	for (unsigned i = 0; i < audit_cases_count; i++)
		write_case(report, i, to);
}
