/* SPDX-License-Identifier: Apache-2.0
 * audit_json.c: the report for programs. The shape is described in safexec(1); a change that breaks a reader changes the name in
 * "format".
 */
#include "cli/audit_judge.h"
#include "cli/audit_report.h"

#include <jansson.h>

#define FORMAT_NAME "safexec-audit-1"

static void json_freep(json_t **json)
{
	json_decref(*json);
}

/* Without memory jansson gives NULL, which every call here passes on: in the end nothing is written, and the caller's fclose
 * finds an empty file. */
static json_t *make_machine(const struct audit_machine *machine)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:I,s:s}", "kernel", machine->kernel, "system", machine->system, "processor",
			 machine->processor, "cpus", (int)machine->cpus, "memory_bytes", (json_int_t)machine->memory_bytes,
			 "cgroups", machine->cgroups);
}

static json_t *make_counts(const struct audit_column *column)
{
	json_t *counts = json_object();

	for (enum grade grade = 0; grade < GRADE_COUNT; grade++)
		(void)json_object_set_new(counts, audit_grade_name(grade), json_integer(audit_count(column, grade)));
	return counts;
}

static json_t *make_columns(const struct audit_report *report)
{
	json_t *columns = json_array();

	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_column *column = &report->columns[c];
		const struct audit_kind_row *kind = &audit_kinds[column->kind];

		(void)json_array_append_new(
			columns, json_pack("{s:s,s:s,s:s,s:s?,s:s,s:b,s:s,s:s,s:I,s:o}", "id", kind->id, "title", kind->title,
					   "provider", kind->provider, "profile", kind->profile, "about", kind->about, "promises",
					   (IN(column->kind) & IN_CONFINING) != 0, "python", column->python, "engine",
					   column->engine, "took_ms", (json_int_t)column->took_ms, "counts", make_counts(column)));
	}
	return columns;
}

static json_t *make_results(const struct audit_report *report, unsigned index)
{
	json_t *results = json_object();

	for (unsigned c = 0; c < report->columns_count; c++) {
		const struct audit_result *result = &report->columns[c].results[index];

		(void)json_object_set_new(results, audit_kinds[report->columns[c].kind].id,
					  json_pack("{s:s,s:s?,s:s,s:i,s:I}", "grade", audit_grade_name(result->grade),
						    "stopped_by", result->layer, "happened", result->happened, "status",
						    (int)result->status, "took_ms", (json_int_t)result->took_ms));
	}
	return results;
}

static json_t *make_cases(const struct audit_report *report)
{
	json_t *cases = json_array();

	for (unsigned i = 0; i < audit_cases_count; i++) {
		const struct audit_case *what = &audit_cases[i];

		(void)json_array_append_new(cases, json_pack("{s:s,s:s,s:s,s:s,s:i,s:s?,s:s?,s:b,s:o}", "id", what->id, "group",
							     what->group, "title", what->title, "code", what->code, "repeat",
							     what->repeat ? (int)what->repeat : 1, "beside", what->beside,
							     "afterwards", what->afterwards, "read_only", what->is_read_only,
							     "results", make_results(report, i)));
	}
	return cases;
}

static json_t *make_limits(void)
{
	json_t *limits = json_array();

	for (const char *const *limit = audit_limits; *limit; limit++)
		(void)json_array_append_new(limits, json_string(*limit));
	return limits;
}

void audit_write_json(const struct audit_report *report, FILE *to)
{
	_cleanup_(json_freep) json_t *document =
		json_pack("{s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:o}", "format", FORMAT_NAME, "version", SAFEXEC_VERSION, "date",
			  report->machine.date, "command", report->command, "failed", audit_has_failed(report), "machine",
			  make_machine(&report->machine), "columns", make_columns(report), "cases", make_cases(report), "limits",
			  make_limits());

	if (document && json_dumpf(document, to, JSON_INDENT(1)) == 0)
		(void)fputc('\n', to);
}
