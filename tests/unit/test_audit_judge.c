/* SPDX-License-Identifier: Apache-2.0
 * The rules of an audit, against sights that are made up: above all, that each of them can say "escaped", and that none takes
 * silence for success.
 */
#include "cli/audit_judge.h"
#include "unit.h"

#include <string.h>

#define RAN(out) \
	{ \
		.status = 200, .is_success = true, .output = (char[]){ out }, .error = (char[]) \
		{ \
			"" \
		} \
	}
#define FAILED(text) \
	{ \
		.status = 200, .output = (char[]){ "" }, .error = (char[]) \
		{ \
			text \
		} \
	}
#define BUSY \
	{ \
		.status = 503, .output = (char[]){ "" }, .error = (char[]) \
		{ \
			"The server is busy." \
		} \
	}
#define SILENT \
	{ \
		.fault = -EIO \
	}

#define AFTER_MS(a, ms) .answer = a, .answer.took = (ms)*NSEC_PER_MSEC

static const struct audit_case words = {
	.rule = rule_words, .held = "refused|unreachable", .partly = "made", .open = "done|opened"
};
static const struct audit_case refusal = { .rule = rule_refused_request, .held = "limit is 5000" };
static const struct audit_case timeout = { .rule = rule_ended_in_time, .held = "timed out", .most = 12000 };
static const struct audit_case at_most = { .rule = rule_at_most, .most = 64 };
static const struct audit_case call = { .rule = rule_call_refused };
static const struct audit_case secret = { .rule = rule_secret_unseen };
static const struct audit_case environment = { .rule = rule_environment_unseen };
static const struct audit_case token = { .rule = rule_token_unseen };
static const struct audit_case neighbour = { .rule = rule_token_unseen, .beside = "x" };
static const struct audit_case traces = { .rule = rule_token_unseen, .afterwards = "x" };
static const struct audit_case passwd = { .rule = rule_other_passwd };
static const struct audit_case folder = { .rule = rule_not_on_host };
static const struct audit_case process = { .rule = rule_process_gone, .held = "timed out", .most = 12000 };
static const struct audit_case aftermath = { .rule = rule_nothing_left };
static const struct audit_case powers = { .rule = rule_powerless };

#define IDS(uid, eff, bnd, nnp, sec) "Uid: " uid "\nCapEff: " eff "\nCapBnd: " bnd "\nNoNewPrivs: " nnp "\nSeccomp: " sec "\n"

static void each_rule_tells_held_from_open_from_unknown(void **state)
{
	const struct {
		const struct audit_case *what;
		enum grade want;
		struct audit_sight sight;
	} cases[] = {
		{ &words, GRADE_GOOD, { .answer = RAN("Connection refused") } },
		{ &words, GRADE_GOOD, { .answer = FAILED("OSError: unreachable") } },
		{ &words, GRADE_WEAK, { .answer = RAN("made, then refused") } },
		{ &words, GRADE_ESCAPED, { .answer = RAN("made\nopened") } },
		{ &words, GRADE_ESCAPED, { .answer = RAN("refused\ndone") } },
		{ &words, GRADE_UNCLEAR, { .answer = RAN("something else") } },
		{ &words, GRADE_UNCLEAR, { .answer = RAN("") } },
		{ &words, GRADE_UNCLEAR, { .answer = BUSY } },
		{ &words, GRADE_UNCLEAR, { .answer = SILENT } },

		{ &refusal,
		  GRADE_GOOD,
		  { .answer = { .status = 400, .output = (char[]){ "" }, .error = (char[]){ "the limit is 5000." } } } },
		{ &refusal,
		  GRADE_UNCLEAR,
		  { .answer = { .status = 400, .output = (char[]){ "" }, .error = (char[]){ "bad JSON" } } } },
		{ &refusal, GRADE_ESCAPED, { .answer = RAN("") } },
		{ &refusal, GRADE_ESCAPED, { .answer = FAILED("the limit is 5000.") } },
		{ &refusal, GRADE_UNCLEAR, { .answer = SILENT } },

		{ &timeout, GRADE_GOOD, { AFTER_MS(FAILED("Execution timed out"), 10100) } },
		{ &timeout, GRADE_GOOD, { AFTER_MS(FAILED("Execution timed out"), 12000) } },
		{ &timeout, GRADE_UNCLEAR, { AFTER_MS(FAILED("Execution timed out"), 12001) } }, /* a busy machine does that too */
		{ &timeout, GRADE_ESCAPED, { AFTER_MS(RAN(""), 12001) } },
		{ &timeout, GRADE_ESCAPED, { AFTER_MS(RAN(""), 100) } },
		{ &timeout, GRADE_UNCLEAR, { AFTER_MS(FAILED("Killed by signal 9"), 100) } },
		{ &timeout, GRADE_UNCLEAR, { AFTER_MS(BUSY, 100) } },

		{ &at_most, GRADE_GOOD, { .answer = RAN("63 children, then EAGAIN 11") } },
		{ &at_most, GRADE_GOOD, { .answer = RAN("about 64") } },
		{ &at_most, GRADE_ESCAPED, { .answer = RAN("65 children") } },
		{ &at_most, GRADE_UNCLEAR, { .answer = RAN("99999999999999999999999 children") } },
		{ &at_most, GRADE_UNCLEAR, { .answer = RAN("many") } },
		{ &at_most, GRADE_UNCLEAR, { .answer = FAILED("1") } },

		{ &call, GRADE_GOOD, { .answer = RAN("answer: EPERM\n") } },
		{ &call, GRADE_GOOD, { .answer = RAN("answer: ENOSYS\n") } },
		{ &call, GRADE_ESCAPED, { .answer = RAN("answer: done\n") } },
		{ &call, GRADE_ESCAPED, { .answer = RAN("answer: EFAULT\n") } }, /* the kernel itself has looked at the arguments */
		{ &call, GRADE_UNCLEAR, { .answer = FAILED("ModuleNotFoundError") } },
		{ &call, GRADE_UNCLEAR, { .answer = SILENT } },

		{ &secret, GRADE_GOOD, { .secret = "w00f", .answer = RAN("no such file") } },
		{ &secret, GRADE_ESCAPED, { .secret = "w00f", .answer = RAN("it says w00f") } },
		{ &secret, GRADE_ESCAPED, { .secret = "w00f", .answer = FAILED("KeyError: w00f") } },
		{ &secret, GRADE_UNCLEAR, { .secret = "w00f", .answer = FAILED("SyntaxError") } },
		{ &secret, GRADE_UNCLEAR, { .secret = "w00f", .answer = SILENT } },

		{ &environment, GRADE_NOT_APPLICABLE, { .secret = "w00f", .answer = RAN("{}") } },
		{ &environment, GRADE_GOOD, { .secret = "w00f", .is_secret_in_environment = true, .answer = RAN("{}") } },
		{ &environment, GRADE_ESCAPED, { .secret = "w00f", .is_secret_in_environment = true, .answer = RAN("{w00f}") } },

		{ &token, GRADE_GOOD, { .token = "w1", .answer = RAN("nobody") } },
		{ &token, GRADE_ESCAPED, { .token = "w1", .answer = RAN("7 python w1") } },
		{ &neighbour, GRADE_GOOD, { .token = "w1", .processes_during = 1, .answer = RAN("nobody") } },
		{ &neighbour, GRADE_UNCLEAR, { .token = "w1", .answer = RAN("nobody") } }, /* there was nobody to be seen */
		{ &neighbour, GRADE_ESCAPED, { .token = "w1", .answer = RAN("7 python w1") } },

		{ &traces,
		  GRADE_GOOD,
		  { .token = "w1", .answer = RAN(""), .looks_count = 2, .looks = { RAN("none"), RAN("none") } } },
		{ &traces,
		  GRADE_ESCAPED,
		  { .token = "w1", .answer = RAN(""), .looks_count = 2, .looks = { RAN("none"), RAN("/tmp/w1") } } },
		{ &traces, GRADE_UNCLEAR, { .token = "w1", .answer = RAN(""), .looks_count = 2, .looks = { RAN("none"), BUSY } } },
		{ &traces,
		  GRADE_UNCLEAR,
		  { .token = "w1", .answer = FAILED("MemoryError"), .looks_count = 1, .looks = { RAN("none") } } },
		{ &traces, GRADE_UNCLEAR, { .token = "w1", .answer = RAN("") } },

		{ &passwd, GRADE_GOOD, { .host_passwd = "root:x:0:0:me", .answer = RAN("root:x:0:0:root") } },
		{ &passwd, GRADE_GOOD, { .host_passwd = "root:x:0:0:me", .answer = FAILED("FileNotFoundError") } },
		{ &passwd, GRADE_ESCAPED, { .host_passwd = "root:x:0:0:me", .answer = RAN("root:x:0:0:me\n") } },
		{ &passwd, GRADE_UNCLEAR, { .host_passwd = "root:x:0:0:me", .answer = RAN("") } },
		{ &passwd, GRADE_UNCLEAR, { .host_passwd = "", .answer = RAN("root:x:0:0:root") } },

		{ &folder, GRADE_GOOD, { .is_search_proved = true, .answer = RAN("written") } },
		{ &folder, GRADE_UNCLEAR, { .answer = RAN("written") } }, /* a search that finds not even the bait */
		{ &folder, GRADE_UNCLEAR, { .is_search_proved = true, .answer = FAILED("PermissionError") } },
		{ &folder, GRADE_ESCAPED, { .is_search_proved = true, .file_during = "/tmp/x", .answer = RAN("written") } },
		{ &folder, GRADE_ESCAPED, { .is_search_proved = true, .file_after = "/tmp/x", .answer = FAILED("x") } },

		{ &process, GRADE_GOOD, { .processes_during = 1, AFTER_MS(FAILED("timed out"), 10100) } },
		{ &process, GRADE_UNCLEAR, { AFTER_MS(FAILED("timed out"), 10100) } },
		{ &process, GRADE_UNCLEAR, { .processes_during = 1, AFTER_MS(FAILED("timed out"), 12001) } },
		{ &process, GRADE_UNCLEAR, { .processes_during = 1, AFTER_MS(FAILED("Killed by signal 9"), 10100) } },
		{ &process, GRADE_ESCAPED, { .processes_during = 1, .processes_after = 1, AFTER_MS(FAILED("timed out"), 10100) } },
		{ &process, GRADE_ESCAPED, { .processes_during = 1, .processes_after = 1, AFTER_MS(SILENT, 10100) } },

		{ &aftermath, GRADE_GOOD, { .left = 0 } },
		{ &aftermath, GRADE_ESCAPED, { .left = 1 } },
		{ &aftermath, GRADE_UNCLEAR, { .left = -1 } },

		{ &powers, GRADE_GOOD, { .answer = RAN(IDS("1000", "0000", "0000", "1", "2")) } },
		{ &powers, GRADE_WEAK, { .answer = RAN(IDS("0", "0000", "0000", "1", "2")) } },
		{ &powers, GRADE_WEAK, { .answer = RAN(IDS("1000", "0000", "00ff", "1", "2")) } },
		{ &powers, GRADE_WEAK, { .answer = RAN(IDS("1000", "0000", "0000", "0", "2")) } },
		{ &powers, GRADE_WEAK, { .answer = RAN(IDS("1000", "0000", "0000", "1", "0")) } },
		{ &powers, GRADE_ESCAPED, { .answer = RAN(IDS("0", "a80425fb", "a80425fb", "0", "2")) } },
		{ &powers, GRADE_UNCLEAR, { .answer = RAN("Uid: 1000\n") } },
		{ &powers, GRADE_UNCLEAR, { .answer = FAILED("FileNotFoundError") } },
	};

	(void)state;
	array_for_each(cases, c) {
		enum grade got = audit_judge(c->what, &c->sight, KIND_NATIVE), promised;
		struct audit_case what = *c->what;

		what.promised = IN_CONFINING;
		promised = audit_judge(&what, &c->sight, KIND_NATIVE);
		if (promised != c->want)
			fail_msg("case %zu: %s, not %s", (size_t)(c - cases), audit_grade_name(promised),
				 audit_grade_name(c->want));
		assert_int_equal(got, c->want == GRADE_ESCAPED ? GRADE_WEAK : c->want); /* nothing promised, nothing escaped */
	}
}

static void an_escape_counts_only_where_it_is_promised_that_there_is_none(void **state)
{
	const struct audit_case what = { .rule = rule_words, .open = "done", .promised = IN_NATIVE };
	const struct audit_sight sight = { .answer = RAN("done") };

	(void)state;
	assert_int_equal(audit_judge(&what, &sight, KIND_NATIVE), GRADE_ESCAPED);
	assert_int_equal(audit_judge(&what, &sight, KIND_HARDENED), GRADE_WEAK);
	assert_int_equal(audit_judge(&what, &sight, KIND_ORIGINAL), GRADE_WEAK);
}

static void an_audit_fails_for_escapes_and_for_what_is_not_known_but_never_for_the_original(void **state)
{
	const struct {
		enum grade grade;
		bool fails;
	} cases[] = {
		{ GRADE_GOOD, false },   { GRADE_WEAK, false },   { GRADE_NOT_APPLICABLE, false },
		{ GRADE_ESCAPED, true }, { GRADE_UNCLEAR, true },
	};

	(void)state;
	array_for_each(cases, c) {
		assert_int_equal(audit_is_failure(c->grade, KIND_NATIVE), c->fails);
		assert_int_equal(audit_is_failure(c->grade, KIND_HARDENED), c->fails);
		assert_false(audit_is_failure(c->grade, KIND_ORIGINAL));
	}
}

static void the_table_is_whole(void **state)
{
	(void)state;
	for (unsigned i = 0; i < audit_cases_count; i++) {
		const struct audit_case *what = &audit_cases[i];

		assert_true(what->id && what->group && what->title && what->code && what->rule);
		for (unsigned kind = 0; kind < KIND_COUNT; kind++)
			assert_true(what->layers[kind] || kind == KIND_RUNTIME);
		for (unsigned other = 0; other < i; other++)
			assert_string_not_equal(what->id, audit_cases[other].id);
		assert_true(what->promised & IN_NATIVE);
		assert_false(what->promised & IN(KIND_ORIGINAL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_tells_held_from_open_from_unknown),
		cmocka_unit_test(an_escape_counts_only_where_it_is_promised_that_there_is_none),
		cmocka_unit_test(an_audit_fails_for_escapes_and_for_what_is_not_known_but_never_for_the_original),
		cmocka_unit_test(the_table_is_whole),
	};

	return cmocka_run_group_tests(tests, unit_note_fds, unit_check_fds) == 0 ? 0 : 1;
}
