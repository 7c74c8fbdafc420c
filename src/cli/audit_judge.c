/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_judge.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_RAN     200 /* of HTTP: the program ran, whatever became of it */
#define STATUS_REFUSED 400

static const struct {
	const char *name, *meaning;
} grades[] = {
#define GRADE(symbol, name, meaning) { name, meaning },
#include "cli/audit_grades.def"
#undef GRADE
};

const char *audit_grade_name(enum grade grade)
{
	return grades[grade].name;
}

const char *audit_grade_meaning(enum grade grade)
{
	return grades[grade].meaning;
}

enum grade audit_judge(const struct audit_case *what, const struct audit_sight *sight, enum audit_kind kind)
{
	enum grade grade = what->rule(what, sight);

	return grade == GRADE_ESCAPED && !(what->promised & IN(kind)) ? GRADE_WEAK : grade;
}

bool audit_is_failure(enum grade grade, enum audit_kind kind)
{
	/* Of what runs inside another kernel, the host sees too little to be sure. */
	return (IN(kind) & IN_CONFINING) && (grade == GRADE_ESCAPED || (grade == GRADE_UNCLEAR && kind != KIND_RUNTIME));
}

static bool has_run(const struct audit_answer *answer)
{
	return answer->fault == 0 && answer->status == STATUS_RAN;
}

static bool has_succeeded(const struct audit_answer *answer)
{
	return has_run(answer) && answer->is_success;
}

static bool has_word(const struct audit_answer *answer, const char *word, size_t length)
{
	return memmem(answer->output, strlen(answer->output), word, length) ||
	       memmem(answer->error, strlen(answer->error), word, length);
}

/* Whether output or error holds one of the words, which are parted by '|'. */
static bool says(const struct audit_answer *answer, const char *words)
{
	while (words && *words) {
		size_t length = strcspn(words, "|");

		if (has_word(answer, words, length))
			return true;
		words += length + (words[length] == '|');
	}
	return false;
}

enum grade rule_words(const struct audit_case *what, const struct audit_sight *sight)
{
	if (!has_run(&sight->answer))
		return GRADE_UNCLEAR;
	if (says(&sight->answer, what->open))
		return GRADE_ESCAPED;
	if (says(&sight->answer, what->partly))
		return GRADE_WEAK;
	return says(&sight->answer, what->held) ? GRADE_GOOD : GRADE_UNCLEAR;
}

enum grade rule_refused_request(const struct audit_case *what, const struct audit_sight *sight)
{
	const struct audit_answer *answer = &sight->answer;

	if (has_run(answer))
		return GRADE_ESCAPED;
	return answer->fault == 0 && answer->status == STATUS_REFUSED && says(answer, what->held) ? GRADE_GOOD : GRADE_UNCLEAR;
}

enum grade rule_ended_in_time(const struct audit_case *what, const struct audit_sight *sight)
{
	const struct audit_answer *answer = &sight->answer;

	if (!has_run(answer))
		return GRADE_UNCLEAR;
	if (answer->is_success)
		return GRADE_ESCAPED;
	/* Late: the limit is none, or this machine had no time for anybody. */
	return answer->took <= what->most * NSEC_PER_MSEC && says(answer, what->held) ? GRADE_GOOD : GRADE_UNCLEAR;
}

/* False when there is none. */
static bool find_number(const char *text, uint64_t *ret_number)
{
	while (*text && !isdigit((unsigned char)*text))
		text++;
	if (!*text)
		return false;
	errno = 0;
	*ret_number = strtoull(text, NULL, 10);
	return errno == 0;
}

enum grade rule_at_most(const struct audit_case *what, const struct audit_sight *sight)
{
	uint64_t number;

	if (!has_succeeded(&sight->answer) || !find_number(sight->answer.output, &number))
		return GRADE_UNCLEAR;
	return number <= what->most ? GRADE_GOOD : GRADE_ESCAPED;
}

enum grade rule_call_refused(const struct audit_case *what, const struct audit_sight *sight)
{
	static const char refusals[] = "answer: EPERM|answer: EACCES|answer: ENOSYS|answer: EAFNOSUPPORT";

	(void)what;
	if (!has_run(&sight->answer) || !says(&sight->answer, "answer: "))
		return GRADE_UNCLEAR;
	return says(&sight->answer, refusals) ? GRADE_GOOD : GRADE_ESCAPED;
}

enum grade rule_secret_unseen(const struct audit_case *what, const struct audit_sight *sight)
{
	(void)what;
	if (!has_run(&sight->answer))
		return GRADE_UNCLEAR;
	if (says(&sight->answer, sight->secret))
		return GRADE_ESCAPED;
	return sight->answer.is_success ? GRADE_GOOD : GRADE_UNCLEAR; /* a look that failed has seen nothing, and proves nothing */
}

enum grade rule_environment_unseen(const struct audit_case *what, const struct audit_sight *sight)
{
	return sight->is_secret_in_environment ? rule_secret_unseen(what, sight) : GRADE_NOT_APPLICABLE;
}

enum grade rule_token_unseen(const struct audit_case *what, const struct audit_sight *sight)
{
	const struct audit_answer *looks = what->afterwards ? sight->looks : &sight->answer;
	unsigned count = what->afterwards ? sight->looks_count : 1;
	bool is_proved = count > 0;

	/* There must have been something to see. */
	if (what->afterwards)
		is_proved = is_proved && has_succeeded(&sight->answer);
	if (what->beside)
		is_proved = is_proved && sight->processes_during > 0;
	for (unsigned i = 0; i < count; i++) {
		if (has_run(&looks[i]) && says(&looks[i], sight->token))
			return GRADE_ESCAPED;
		is_proved = is_proved && has_succeeded(&looks[i]);
	}
	return is_proved ? GRADE_GOOD : GRADE_UNCLEAR;
}

enum grade rule_other_passwd(const struct audit_case *what, const struct audit_sight *sight)
{
	(void)what;
	if (!has_run(&sight->answer) || sight->host_passwd[0] == '\0')
		return GRADE_UNCLEAR;
	if (strstr(sight->answer.output, sight->host_passwd))
		return GRADE_ESCAPED;
	return sight->answer.output[0] != '\0' || !sight->answer.is_success ? GRADE_GOOD : GRADE_UNCLEAR;
}

enum grade rule_not_on_host(const struct audit_case *what, const struct audit_sight *sight)
{
	(void)what;
	if (sight->file_during[0] != '\0' || sight->file_after[0] != '\0')
		return GRADE_ESCAPED;
	return has_succeeded(&sight->answer) && sight->is_search_proved ? GRADE_GOOD : GRADE_UNCLEAR;
}

enum grade rule_process_gone(const struct audit_case *what, const struct audit_sight *sight)
{
	enum grade grade = rule_ended_in_time(what, sight);

	if (sight->processes_after > 0)
		return GRADE_ESCAPED;
	return grade == GRADE_GOOD && sight->processes_during == 0 ? GRADE_UNCLEAR : grade;
}

enum grade rule_nothing_left(const struct audit_case *what, const struct audit_sight *sight)
{
	(void)what;
	if (sight->left < 0)
		return GRADE_UNCLEAR;
	return sight->left == 0 ? GRADE_GOOD : GRADE_ESCAPED;
}

/* The number after the name in text of the form of /proc/PID/status. */
static bool find_field(const char *text, const char *name, int base, uint64_t *ret_value)
{
	const char *field = strstr(text, name);

	if (!field)
		return false;
	*ret_value = strtoull(field + strlen(name), NULL, base);
	return true;
}

enum grade rule_powerless(const struct audit_case *what, const struct audit_sight *sight)
{
	const char *text = sight->answer.output;
	uint64_t uid, effective, bounding, no_new_privs, seccomp;

	(void)what;
	if (!has_succeeded(&sight->answer) || !find_field(text, "Uid:", 10, &uid) || !find_field(text, "CapEff:", 16, &effective) ||
	    !find_field(text, "CapBnd:", 16, &bounding) || !find_field(text, "NoNewPrivs:", 10, &no_new_privs) ||
	    !find_field(text, "Seccomp:", 10, &seccomp))
		return GRADE_UNCLEAR;
	if (effective != 0)
		return GRADE_ESCAPED;
	return uid != 0 && bounding == 0 && no_new_privs == 1 && seccomp == 2 ? GRADE_GOOD : GRADE_WEAK;
}
