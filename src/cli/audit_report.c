/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_report.h"

#include "cli/audit_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const struct audit_format audit_formats[] = {
	{ "table", audit_write_table },
	{ "md", audit_write_markdown_report },
	{ "json", audit_write_json },
	{ "html", audit_write_html_report },
};

const unsigned audit_formats_count = ARRAY_SIZE(audit_formats);

const char *const audit_limits[] = {
	"An audit tries a list of known attempts. It shows what failed; it does not prove that nothing works.",
	"All columns share the host's kernel: a hole in the kernel that needs none of the refused calls is a way out of each of "
	"them.",
	"Runs on one machine share caches, memory and time: what one can learn of another by measuring is not tried here.",
	"That an attempt was stopped is measured. Which layer stopped it is known from the design; for native, "
	"tests/attacks/test_layers.py "
	"leaves out a layer at a time and shows it.",
	NULL,
};

unsigned audit_count(const struct audit_column *column, enum grade grade)
{
	unsigned count = 0;

	for (unsigned i = 0; i < audit_cases_count; i++)
		count += column->results[i].grade == grade;
	return count;
}

const char *audit_counts_text(const struct audit_column *column, char text[AUDIT_COUNTS_BYTES])
{
	size_t used = 0;

	text[0] = '\0';
	for (enum grade grade = 0; grade < GRADE_COUNT; grade++) {
		unsigned count = audit_count(column, grade);

		if (count > 0)
			used += (size_t)snprintf(text + used, AUDIT_COUNTS_BYTES - used, "%s%u %s", used > 0 ? ", " : "", count,
						 audit_grade_name(grade));
	}
	return text;
}

bool audit_has_failed(const struct audit_report *report)
{
	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_column *column = &report->columns[c];

		for (unsigned i = 0; i < audit_cases_count; i++) {
			if (audit_is_failure(column->results[i].grade, column->kind))
				return true;
		}
	}
	return false;
}

static void add_fact(struct audit_facts *facts, const char *name, const char *format, ...) _printf_(3, 4);

static void add_fact(struct audit_facts *facts, const char *name, const char *format, ...)
{
	va_list args;

	facts->list[facts->count].name = name;
	va_start(args, format);
	(void)vsnprintf(facts->list[facts->count].value, sizeof facts->list[facts->count].value, format, args);
	va_end(args);
	facts->count++;
}

void audit_collect_facts(const struct audit_report *report, struct audit_facts *facts)
{
	const struct audit_machine *machine = &report->machine;

	facts->count = 0;
	add_fact(facts, "Date", "%s", machine->date);
	add_fact(facts, "Command", "%s", report->command);
	add_fact(facts, "safexec", "%s", SAFEXEC_VERSION);
	add_fact(facts, "Kernel", "%s", machine->kernel);
	add_fact(facts, "System", "%s", machine->system);
	add_fact(facts, "Machine", "%u x %s, %" PRIu64 " MiB of memory, cgroups %s", machine->cpus, machine->processor,
		 machine->memory_bytes / MIB, machine->cgroups);
	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_column *column = &report->columns[c];

		add_fact(facts, audit_kinds[column->kind].title, "Python %s%s%s, %u cases in %.1f s", column->python,
			 column->engine[0] ? ", " : "", column->engine, audit_cases_count, (double)column->took_ms / 1e3);
	}
}

static bool is_same_group(unsigned one, unsigned other)
{
	return strcmp(audit_cases[one].group, audit_cases[other].group) == 0;
}

/* The case after the group that begins with this one. Sets whether all of them, of more than one, have that grade. */
static unsigned end_of_group(const struct audit_column *column, unsigned first, enum grade grade, bool *ret_is_whole)
{
	unsigned end = first, count = 0;

	for (; end < audit_cases_count && is_same_group(first, end); end++)
		count += column->results[end].grade == grade;
	*ret_is_whole = count > 1 && count == end - first;
	return end;
}

void audit_write_titles(const struct audit_column *column, enum grade grade, FILE *to, void (*write)(FILE *to, const char *text))
{
	const char *between = "";
	bool is_whole;

	for (unsigned first = 0, end; first < audit_cases_count; first = end) {
		end = end_of_group(column, first, grade, &is_whole);
		if (is_whole) {
			fprintf(to, "%sall %u of \"%s\"", between, end - first, audit_cases[first].group);
			between = "; ";
		}
		for (unsigned i = first; i < end && !is_whole; i++) {
			if (column->results[i].grade != grade)
				continue;
			(void)fputs(between, to);
			write(to, audit_cases[i].title);
			between = "; ";
		}
	}
}
