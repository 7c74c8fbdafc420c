/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"
#include "base/macro.h"
#include "unit.h"

#include <string.h>

static const struct route table[] = {
	{ .method = "GET", .path = "/" },
	{ .method = "POST", .path = "/v1/jobs" },
	{ .method = "POST", .path = "/v1/jobs/batch" },
	{ .method = "GET", .path = "/v1/jobs/{id}" },
	{ .method = "DELETE", .path = "/v1/jobs/{id}" },
	{ .method = "GET", .path = "/v1/jobs/{id}/files" },
};

#define LONGEST "a123456789b123456789c123456789d123456789e123456789f123456789g123"

static const struct {
	const char *method, *path;
	int want; /* the row; -1: none */
	const char *id, *allow;
} cases[] = {
	{ "GET", "/", 0, "", "" },
	{ "PUT", "/", -1, "", "GET" },
	{ "GET", "", -1, "", "" },
	{ "GET", "//", -1, "", "" },
	{ "POST", "/v1/jobs", 1, "", "" },
	{ "POST", "/v1/jobs/", -1, "", "" },
	{ "POST", "/v1/jobs/batch", 2, "", "" },
	{ "GET", "/v1/jobs/job_0-A", 3, "job_0-A", "" },
	{ "DELETE", "/v1/jobs/7", 4, "7", "" },
	{ "PUT", "/v1/jobs/7", -1, "", "GET, DELETE" },
	{ "GET", "/v1/jobs/7/files", 5, "7", "" },
	{ "GET", "/v1/jobs/7/", -1, "", "" },
	{ "GET", "/v1/jobs/a%2f", -1, "", "" },
	{ "GET", "/v1/jobs/a.b", -1, "", "" },
	{ "GET", "/v1/jobs/" LONGEST, 3, LONGEST, "" },
	{ "GET", "/v1/jobs/" LONGEST "4", -1, "", "" },
};

static void a_path_finds_its_row_and_what_stands_for_the_id(void **state)
{
	(void)state;
	array_for_each(cases, c) {
		struct route_match match;

		route_find(table, ARRAY_SIZE(table), c->method, c->path, &match);

		int row = match.route ? (int)(match.route - table) : -1;

		if (row != c->want || (c->want >= 0 && strcmp(match.id, c->id) != 0) ||
		    (c->want < 0 && strcmp(match.allow, c->allow) != 0))
			fail_msg("%s %s: row %d, id \"%s\", allow \"%s\"", c->method, c->path, row, match.id, match.allow);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_path_finds_its_row_and_what_stands_for_the_id),
};

unit_main(tests)
