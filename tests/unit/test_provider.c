/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "wire/bundle.h"
#include "wire/provider.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void a_frame_is_known_by_size_magic_and_type_together(void **state)
{
	const struct wire_front right = { .head = WIRE_HEAD(WIRE_FRONT) };
	const struct wire_front other_type = { .head = WIRE_HEAD(WIRE_READY) };
	const struct wire_front other_magic = { .head = { .magic = WIRE_MAGIC + 1, .type = WIRE_FRONT } };

	(void)state;
	assert_true(wire_is(&right, sizeof right, WIRE_FRONT, wire_front));
	assert_false(wire_is(&right, (ssize_t)sizeof right - 1, WIRE_FRONT, wire_front));
	assert_false(wire_is(&right, (ssize_t)sizeof right + 1, WIRE_FRONT, wire_front));
	assert_false(wire_is(&right, 0, WIRE_FRONT, wire_front));
	assert_false(wire_is(&right, -EPROTO, WIRE_FRONT, wire_front));
	assert_false(wire_is(&other_type, sizeof other_type, WIRE_FRONT, wire_front));
	assert_false(wire_is(&other_magic, sizeof other_magic, WIRE_FRONT, wire_front));
}

static struct wire_job job_default(void)
{
	return (struct wire_job){ .head = WIRE_HEAD(WIRE_JOB), .limits = limits_default() };
}

static void a_job_brings_its_code_and_stdin_only_when_it_says_so(void **state)
{
	_cleanup_(fd_closep) int code = fd_new_sealed("code", "1", 1);
	static const struct {
		uint32_t flags, zero;
		size_t fds;
		int want;
	} cases[] = {
		{ 0, 0, 1, 0 },
		{ 0, 0, 0, -EBADMSG },
		{ 0, 0, 2, -EBADMSG },
		{ WIRE_JOB_STDIN, 0, 2, 0 },
		{ WIRE_JOB_STDIN, 0, 1, -EBADMSG },
		{ WIRE_JOB_STDIN, 0, 3, -EBADMSG },
		{ WIRE_JOB_READ_ONLY, 0, 1, 0 },
		{ WIRE_JOB_READ_ONLY | WIRE_JOB_STDIN, 0, 2, 0 },
		{ 1u << 8, 0, 1, -EBADMSG },
		{ WIRE_JOB_BUNDLE, 0, 1, 0 },
		{ WIRE_JOB_BUNDLE | WIRE_JOB_OUTPUTS | WIRE_JOB_STDIN, 0, 2, 0 },
		{ WIRE_JOB_OUTPUTS, 0, 1, -EBADMSG },
		{ WIRE_JOB_VALUE, 0, 1, -EBADMSG },
		{ WIRE_JOB_DISPLAYS, 0, 1, -EBADMSG },
		{ WIRE_JOB_VALUE | WIRE_JOB_TELL, 0, 1, 0 },
		{ WIRE_JOB_CHECK, 0, 1, 0 },
		{ 1u << 31, 0, 1, -EBADMSG },
		{ 0, 1, 1, -EBADMSG },
	};

	(void)state;
	array_for_each(cases, c) {
		struct wire_job job = job_default();
		struct err err = { 0 };

		job.flags = c->flags;
		job.zero = c->zero;

		int r = wire_check_job(&job, (int[]){ code, code, code }, c->fds, &err);

		if (r != c->want)
			fail_msg("flags %#x, %zu descriptors: got %d, want %d", c->flags, c->fds, r, c->want);
		assert_int_equal(r < 0, err.text[0] != '\0');
	}
}

static void a_job_with_limits_out_of_range_is_refused(void **state)
{
	_cleanup_(fd_closep) int code = fd_new_sealed("code", "1", 1);
	struct wire_job job = job_default();
	struct err err = { 0 };

	(void)state;
	job.limits.memory_bytes = 0;
	assert_int_equal(wire_check_job(&job, &code, 1, &err), -ERANGE);
	assert_non_null(strstr(err.text, "memory_bytes"));
}

static void code_that_could_change_under_way_is_refused(void **state)
{
	_cleanup_(fd_closep) int code = memfd_create("code", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct wire_job job = job_default();

	(void)state;
	assert_int_equal(wire_check_job(&job, &code, 1, NULL), -EBADMSG);
}

static void code_is_accepted_up_to_its_maximum_length(void **state)
{
	static const struct {
		size_t size;
		int want;
	} cases[] = { { 0, 0 }, { WIRE_MAX_FILE_BYTES, 0 }, { WIRE_MAX_FILE_BYTES + 1, -EBADMSG } };
	char *bytes = calloc(1, WIRE_MAX_FILE_BYTES + 1);

	(void)state;
	assert_non_null(bytes);
	array_for_each(cases, c) {
		_cleanup_(fd_closep) int code = fd_new_sealed("code", bytes, c->size);
		struct wire_job job = job_default();

		assert_int_equal(wire_check_job(&job, &code, 1, NULL), c->want);
	}
	free(bytes);
}

static void stdin_and_bundle_are_accepted_up_to_their_maximum_length(void **state)
{
	static const struct {
		uint32_t flags;
		size_t program, in;
		int want;
	} cases[] = {
		{ WIRE_JOB_BUNDLE, BUNDLE_MAX_BYTES, 0, 0 },
		{ WIRE_JOB_BUNDLE, BUNDLE_MAX_BYTES + 1, 0, -EBADMSG },
		{ WIRE_JOB_STDIN, 0, WIRE_MAX_STDIN_BYTES, 0 },
		{ WIRE_JOB_STDIN, 0, WIRE_MAX_STDIN_BYTES + 1, -EBADMSG },
	};
	char *bytes = calloc(1, BUNDLE_MAX_BYTES + 1);

	(void)state;
	assert_non_null(bytes);
	array_for_each(cases, c) {
		_cleanup_(fd_closep) int program = fd_new_sealed("program", bytes, c->program);
		_cleanup_(fd_closep) int in = fd_new_sealed("stdin", bytes, c->in);
		struct wire_job job = job_default();

		job.flags = c->flags;
		assert_int_equal(wire_check_job(&job, (int[]){ program, in }, c->flags & WIRE_JOB_STDIN ? 2 : 1, NULL), c->want);
	}
	free(bytes);
}

static struct wire_verdict verdict_ok(void)
{
	return (struct wire_verdict){ .head = WIRE_HEAD(WIRE_VERDICT), .result = { .verdict = VERDICT_OK } };
}

static void refused_calls_that_no_provider_counts_so_are_refused(void **state)
{
	static const struct {
		struct refused refused;
		int want;
	} rows[] = {
		{ { .others = 0 }, 0 },
		{ { .calls = { { REFUSED_COUNT - 1, UINT32_MAX } } }, 0 },
		{ { .calls = { { REFUSED_COUNT, 1 } } }, -EBADMSG },
		{ { .calls = { { UINT32_MAX, 1 } } }, -EBADMSG },
		{ { .calls = { { 3, 1 }, { 4, 1 } } }, 0 },
		{ { .calls = { { 3, 1 }, { 3, 1 } } }, -EBADMSG },
		{ { .calls = { { 3, 1 }, { 4, 0 } } }, -EBADMSG },
		{ { .calls = { { 3, 0 } } }, -EBADMSG },
		{ { .calls = { { 0, 0 }, { 4, 1 } } }, -EBADMSG },
		{ { .calls = { [REFUSED_CALLS - 1] = { 4, 1 } } }, -EBADMSG },
		{ { .others = 1 }, -EBADMSG }, /* of a table that is not full */
		{ { .zero = 1 }, -EBADMSG },
	};

	(void)state;
	array_for_each(rows, row) {
		struct wire_verdict verdict = verdict_ok();

		verdict.result.refused = row->refused;
		assert_int_equal(wire_check_verdict(&verdict), row->want);
	}
}

static void a_verdict_out_of_range_is_refused(void **state)
{
	static const struct {
		uint32_t verdict;
		int32_t exit_code, signal;
		uint32_t may_have_run;
		int want;
	} cases[] = {
		{ VERDICT_OK, 0, 0, 0, 0 },          { VERDICT_INTERNAL, -1, 0, 1, 0 },    { VERDICT_ERROR, 255, 0, 0, 0 },
		{ VERDICT_SIGNAL, -1, 64, 0, 0 },    { VERDICT_COUNT, 0, 0, 0, -EBADMSG }, { UINT32_MAX, 0, 0, 0, -EBADMSG },
		{ VERDICT_OK, 256, 0, 0, -EBADMSG }, { VERDICT_OK, -2, 0, 0, -EBADMSG },   { VERDICT_OK, 0, 65, 0, -EBADMSG },
		{ VERDICT_OK, 0, -1, 0, -EBADMSG },  { VERDICT_OK, 0, 0, 2, -EBADMSG },
	};

	(void)state;
	array_for_each(cases, c) {
		struct wire_verdict verdict = verdict_ok();

		verdict.result.verdict = c->verdict;
		verdict.result.exit_code = c->exit_code;
		verdict.result.signal = c->signal;
		verdict.result.may_have_run = c->may_have_run;
		if (wire_check_verdict(&verdict) != c->want)
			fail_msg("verdict %u, exit %d, signal %d, may_have_run %u: want %d", c->verdict, c->exit_code, c->signal,
				 c->may_have_run, c->want);
	}
}

static void text_without_an_end_is_refused(void **state)
{
	struct wire_verdict verdict = verdict_ok();
	struct wire_cell cell = { .head = WIRE_HEAD(WIRE_CELL), .slots = 1, .provider = "native", .environment = "base" };

	(void)state;
	memset(verdict.reason, 'x', sizeof verdict.reason);
	assert_int_equal(wire_check_verdict(&verdict), -EBADMSG);
	assert_int_equal(wire_check_cell(&cell, 3), 0);
	memset(cell.provider, 'x', sizeof cell.provider);
	assert_int_equal(wire_check_cell(&cell, 3), -EBADMSG);
	memcpy(cell.provider, "native", sizeof "native");
	memset(cell.environment, 'x', sizeof cell.environment);
	assert_int_equal(wire_check_cell(&cell, 3), -EBADMSG);
}

static void an_environment_is_text_and_keeps_no_more_ready_than_it_has(void **state)
{
	const struct wire_environment good = {
		.name = "base", .provider = "native", .python = "3.11.2", .preload = "json re", .slots = 2, .idle = 2
	};
	struct wire_environment bad = good;

	(void)state;
	assert_int_equal(wire_check_environment(&good, 0), 0);
	assert_int_equal(wire_check_environment(&good, 1), -EBADMSG);
	bad.idle = 3;
	assert_int_equal(wire_check_environment(&bad, 0), -EBADMSG);
	bad = good;
	memset(bad.name, 'x', sizeof bad.name);
	assert_int_equal(wire_check_environment(&bad, 0), -EBADMSG);
	bad = good;
	memset(bad.provider, 'x', sizeof bad.provider);
	assert_int_equal(wire_check_environment(&bad, 0), -EBADMSG);
	bad = good;
	bad.name[0] = '"';
	assert_int_equal(wire_check_environment(&bad, 0), -EBADMSG);
	bad = good;
	memset(bad.python, 'x', sizeof bad.python);
	assert_int_equal(wire_check_environment(&bad, 0), -EBADMSG);
	bad = good;
	memset(bad.preload, 'x', sizeof bad.preload);
	assert_int_equal(wire_check_environment(&bad, 0), -EBADMSG);
}

static void a_cell_has_three_descriptors_and_a_slot_that_exists(void **state)
{
	static const struct {
		uint32_t slot, slots;
		size_t fds;
		int want;
	} cases[] = {
		{ 0, 1, 3, 0 },        { 7, 8, 3, 0 },        { 8, 8, 3, -EBADMSG }, { 0, 0, 3, -EBADMSG },
		{ 0, 1, 2, -EBADMSG }, { 0, 1, 4, -EBADMSG }, { 0, 1, 0, -EBADMSG },
	};

	(void)state;
	array_for_each(cases, c) {
		struct wire_cell cell = {
			.head = WIRE_HEAD(WIRE_CELL),
			.slot = c->slot,
			.slots = c->slots,
			.provider = "native",
			.environment = "base",
		};

		assert_int_equal(wire_check_cell(&cell, c->fds), c->want);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_frame_is_known_by_size_magic_and_type_together),
	cmocka_unit_test(a_job_brings_its_code_and_stdin_only_when_it_says_so),
	cmocka_unit_test(a_job_with_limits_out_of_range_is_refused),
	cmocka_unit_test(code_that_could_change_under_way_is_refused),
	cmocka_unit_test(code_is_accepted_up_to_its_maximum_length),
	cmocka_unit_test(stdin_and_bundle_are_accepted_up_to_their_maximum_length),
	cmocka_unit_test(a_verdict_out_of_range_is_refused),
	cmocka_unit_test(refused_calls_that_no_provider_counts_so_are_refused),
	cmocka_unit_test(text_without_an_end_is_refused),
	cmocka_unit_test(an_environment_is_text_and_keeps_no_more_ready_than_it_has),
	cmocka_unit_test(a_cell_has_three_descriptors_and_a_slot_that_exists),
};

unit_main(tests)
