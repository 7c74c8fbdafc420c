/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_judge.h"
#include "cli/audit_report.h"
#include "cli/audit_text.h"

#include <string.h>

#define write_text audit_write_html

static const char page_head[] =
#define PAGE_HEAD(text)    text;
#define PAGE_PICTURE(text) static const char page_picture[] = text;
#include "cli/audit_page.def"
#undef PAGE_HEAD
#undef PAGE_PICTURE

	static void write_element(FILE * to, const char *name, const char *text)
{
	fprintf(to, "<%s>", name);
	write_text(to, text);
	fprintf(to, "</%s>\n", name);
}

static void write_grade(FILE *to, enum grade grade)
{
	const char *name = audit_grade_name(grade);

	fprintf(to, "<td><span class=\"grade %s\">%s</span></td>", grade == GRADE_NOT_APPLICABLE ? "none" : name, name);
}

static void write_facts(const struct audit_report *report, FILE *to)
{
	struct audit_facts facts;

	audit_collect_facts(report, &facts);
	fprintf(to, "<table>\n");
	for (unsigned i = 0; i < facts.count; i++) {
		fprintf(to, "<tr>");
		write_element(to, "th", facts.list[i].name);
		write_element(to, "td", facts.list[i].value);
		fprintf(to, "</tr>\n");
	}
	fprintf(to, "</table>\n");
}

static void write_titles(const struct audit_column *column, const char *what, enum grade grade, FILE *to)
{
	if (audit_count(column, grade) == 0)
		return;
	fprintf(to, "<li><strong>%s:</strong> ", what);
	audit_write_titles(column, grade, to, write_text);
	fprintf(to, ".</li>\n");
}

static void write_summary(const struct audit_report *report, FILE *to)
{
	char counts[AUDIT_COUNTS_BYTES];

	fprintf(to, "<h2>Summary</h2>\n<p class=\"verdict\">%s</p>\n",
		audit_has_failed(report) ? "Something escaped, or is not known, in a column that promises to hold it."
					 : "Nothing escaped in a column that promises to hold it.");
	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_column *column = &report->columns[c];
		const struct audit_kind_row *kind = &audit_kinds[column->kind];

		fprintf(to, "<h3>%s: %s</h3>\n", kind->title, audit_counts_text(column, counts));
		write_element(to, "p", kind->about);
		fprintf(to, "<ul>\n");
		write_titles(column, "Protects against", GRADE_GOOD, to);
		write_titles(column, "Does not protect against", GRADE_WEAK, to);
		write_titles(column, "Escaped", GRADE_ESCAPED, to);
		write_titles(column, "Not known", GRADE_UNCLEAR, to);
		write_titles(column, "Nothing to try it on here", GRADE_NOT_APPLICABLE, to);
		fprintf(to, "</ul>\n");
	}
}

static void write_limits(FILE *to)
{
	fprintf(to, "<h2>What this report cannot tell</h2>\n<ul>\n");
	for (const char *const *limit = audit_limits; *limit; limit++)
		write_element(to, "li", *limit);
	fprintf(to, "</ul>\n<h2>The grades</h2>\n<table>\n");
	for (enum grade grade = 0; grade < GRADE_COUNT; grade++) {
		fprintf(to, "<tr>");
		write_grade(to, grade);
		write_element(to, "td", audit_grade_meaning(grade));
		fprintf(to, "</tr>\n");
	}
	fprintf(to, "</table>\n");
}

static void write_overview(const struct audit_report *report, FILE *to)
{
	const char *group = "";

	fprintf(to, "<h2>What was tried</h2>\n<div class=\"scroll\"><table>\n<tr><th></th>");
	for (unsigned c = 0; c < report->columns_count; c++)
		fprintf(to, "<th>%s</th>", audit_kinds[report->columns[c].kind].title);
	fprintf(to, "</tr>\n");
	for (unsigned i = 0; i < audit_cases_count; i++) {
		if (strcmp(group, audit_cases[i].group) != 0) {
			group = audit_cases[i].group;
			fprintf(to, "<tr class=\"group\"><th colspan=\"%u\">%s</th></tr>\n", report->columns_count + 1, group);
		}
		fprintf(to, "<tr><td><a href=\"#%s\">", audit_cases[i].id);
		write_text(to, audit_cases[i].title);
		fprintf(to, "</a></td>");
		for (unsigned c = 0; c < report->columns_count; c++)
			write_grade(to, report->columns[c].results[i].grade);
		fprintf(to, "</tr>\n");
	}
	fprintf(to, "</table></div>\n");
}

static void write_code(const char *before, const char *code, unsigned repeat, FILE *to)
{
	if (!code)
		return;
	if (before[0] || repeat > 1)
		fprintf(to, "<p>%s", before);
	if (repeat > 1)
		fprintf(to, "The following, %u times:", repeat);
	fprintf(to, "%s", before[0] || repeat > 1 ? "</p>\n" : "");
	write_element(to, "pre", code);
}

static void write_case(const struct audit_report *report, unsigned index, FILE *to)
{
	const struct audit_case *what = &audit_cases[index];

	fprintf(to, "<h3 id=\"%s\">", what->id);
	write_text(to, what->title);
	fprintf(to, "</h3>\n");
	write_code("A run beside:", what->beside, 1, to);
	write_code(what->is_read_only ? "With <code>read_only</code>:" : "", what->code, what->repeat, to);
	write_code("Then, eight runs at once:", what->afterwards, 1, to);
	fprintf(to, "<div class=\"scroll\"><table>\n<tr><th></th><th>grade</th><th>stopped by</th><th>what happened</th></tr>\n");
	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_result *result = &report->columns[c].results[index];

		fprintf(to, "<tr><td>%s</td>", audit_kinds[report->columns[c].kind].title);
		write_grade(to, result->grade);
		write_element(to, "td", result->layer ?: "");
		fprintf(to, "<td>");
		write_text(to, result->happened);
		fprintf(to, " (%.1f s)</td></tr>\n", (double)result->took_ms / 1e3);
	}
	fprintf(to, "</table></div>\n");
}

void audit_write_html_report(const struct audit_report *report, FILE *to)
{
	fprintf(to, "%s<h1>Security report</h1>\n<p>Every line comes from a run made when this report was written.</p>\n",
		page_head);
	write_facts(report, to);
	write_summary(report, to);
	fprintf(to, "<h2>The layers</h2>\n%s", page_picture);
	write_overview(report, to);
	write_limits(to);
	fprintf(to, "<h2>Every attempt</h2>\n<p><code>@TOKEN@</code> stands for a word that only this attempt knows, "
		    "<code>@BAIT@</code> for "
		    "the path of a file of the host that everybody may read and that holds a secret word, <code>@PORT@</code> for "
		    "the port of "
		    "the audited server.</p>\n");
	for (unsigned i = 0; i < audit_cases_count; i++)
		write_case(report, i, to);
	fprintf(to, "</body>\n</html>\n");
}
