/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_run.h"

#include "cli/audit_judge.h"
#include "cli/audit_text.h"
#include "cli/client.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define MAX_CODE_BYTES    (32 * KIB)
#define MAX_WORKERS       8
#define LOOK_EVERY_MS     100
#define NEIGHBOUR_SECONDS 8 /* until it is there */
#define DYING_SECONDS     10

/* --- one POST /run ---------------------------------------------------------------------------------------------------------------- */

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static void text_freep(char **text)
{
	free(*text);
}

/* A member as text that ends in NUL; a NUL within it becomes a space. */
static char *copy_member(const json_t *answer, const char *name)
{
	const json_t *text = json_object_get(answer, name);
	size_t length = json_string_length(text);
	char *copy = malloc(length + 1);

	if (!copy)
		return NULL;
	if (length > 0)
		memcpy(copy, json_string_value(text), length);
	copy[length] = '\0';
	for (char *nul; (nul = memchr(copy, '\0', length));)
		*nul = ' ';
	return copy;
}

static int read_answer(const struct buf *bytes, struct audit_answer *answer)
{
	_cleanup_(json_freep) json_t *json =
		bytes->size > 0 ? json_loadb(bytes->bytes, bytes->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : NULL;
	const json_t *success = json_object_get(json, "success");

	if (!json_is_boolean(success))
		return -EPROTO;
	answer->is_success = json_is_true(success);
	answer->output = copy_member(json, "output");
	answer->error = copy_member(json, "error");
	return answer->output && answer->error ? 0 : -ENOMEM;
}

static void free_answer(struct audit_answer *answer)
{
	free(answer->output);
	free(answer->error);
	*answer = (struct audit_answer){ 0 };
}

static void ask(const struct audit_course *course, const char *code, bool is_read_only, struct audit_answer *answer,
		struct err *err)
{
	_cleanup_(buf_free) struct buf bytes = buf_new(CLIENT_MAX_ANSWER);
	_cleanup_(json_freep) json_t *request = json_pack("{s:s,s:b}", "code", code, "read_only", is_read_only);
	_cleanup_(text_freep) char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
	nsec_t began = clock_now();

	answer->fault =
		body ? client_post_run(course->address, body, CLIENT_RUN_MS, &course->is_cancelled, &bytes, &answer->status, err)
		     : err_set(err, -ENOMEM, "Cannot ask");
	answer->took = clock_now() - began;
	if (answer->fault < 0)
		return;
	answer->fault = read_answer(&bytes, answer);
	if (answer->fault < 0)
		(void)err_set(err, answer->fault, "What answers at %s is no server of ours", course->address);
}

/* --- runs in the background ------------------------------------------------------------------------------------------------------- */

struct background {
	pthread_t thread;
	bool is_started;
	atomic_bool is_over;
	const struct audit_course *course;
	const char *code;
	bool is_read_only;
	struct audit_answer *answer;
};

static void *run_background(void *arg)
{
	struct background *run = arg;

	ask(run->course, run->code, run->is_read_only, run->answer, NULL);
	atomic_store(&run->is_over, true);
	return NULL;
}

static void begin(struct background *run)
{
	run->is_started = pthread_create(&run->thread, NULL, run_background, run) == 0;
	if (!run->is_started)
		run->answer->fault = -EAGAIN;
	atomic_store(&run->is_over, !run->is_started);
}

static void join(struct background *run)
{
	if (run->is_started)
		(void)pthread_join(run->thread, NULL);
	run->is_started = false;
}

static void pause_a_little(void)
{
	const struct timespec time = { .tv_nsec = LOOK_EVERY_MS * (long)NSEC_PER_MSEC };

	(void)nanosleep(&time, NULL);
}

/* --- one case --------------------------------------------------------------------------------------------------------------------- */

struct attempt {
	const struct audit_course *course;
	const struct audit_case *what;
	char token[AUDIT_WORD_BYTES], port[8];
	struct audit_sight sight;
};

static void attempt_free(struct attempt *attempt)
{
	free_answer(&attempt->sight.answer);
	array_for_each(attempt->sight.looks, look)
		free_answer(look);
}

/* The code with its names filled in; NULL without memory. */
static char *write_code(const struct attempt *attempt, const char *template, unsigned repeat)
{
	const struct {
		const char *name, *value;
	} names[] = {
		{ "@TOKEN@", attempt->token },
		{ "@BAIT@", attempt->course->host->bait },
		{ "@PORT@", attempt->port },
	};
	struct buf code = buf_new(MAX_CODE_BYTES);
	int r = 0;

	for (unsigned n = 0; n < (repeat ?: 1); n++) {
		for (const char *rest = template; *rest && r == 0;) {
			size_t skip = 0;

			array_for_each(names, name) {
				if (strncmp(rest, name->name, strlen(name->name)) == 0) {
					skip = strlen(name->name);
					r = buf_append_text(&code, name->value);
				}
			}
			if (skip == 0)
				r = buf_append(&code, rest, 1);
			rest += skip ?: 1;
		}
	}
	assert(r != -ENOBUFS); /* the table's texts are short */
	if (r < 0)
		buf_free(&code);
	return code.bytes;
}

/* Those that still live when what was killed has had the time to die, on a busy machine too. */
static unsigned count_left(const char *token)
{
	nsec_t deadline = clock_now() + DYING_SECONDS * NSEC_PER_SEC;
	unsigned count;

	while ((count = audit_count_processes(token)) > 0 && clock_now() < deadline)
		pause_a_little();
	return count;
}

/* Looks while it runs, and a last time when it is over. */
static void look_at_host(struct attempt *attempt, struct background *run)
{
	struct audit_sight *sight = &attempt->sight;
	unsigned looks = attempt->what->looks;

	while (looks != 0 && !atomic_load(&run->is_over)) {
		if (sight->processes_during == 0 && (looks & LOOK_PROCESSES))
			sight->processes_during = audit_count_processes(attempt->token);
		if (sight->file_during[0] == '\0' && (looks & LOOK_FILES))
			audit_find_file(attempt->token, sight->file_during);
		pause_a_little();
	}
	join(run);
	if (looks & LOOK_PROCESSES)
		sight->processes_after = count_left(attempt->token);
	if (looks & LOOK_FILES)
		audit_find_file(attempt->token, sight->file_after);
}

static void wait_for_neighbour(struct attempt *attempt, struct background *neighbour)
{
	nsec_t deadline = clock_now() + NEIGHBOUR_SECONDS * NSEC_PER_SEC;

	while (attempt->sight.processes_during == 0 && !atomic_load(&neighbour->is_over) && clock_now() < deadline) {
		pause_a_little();
		attempt->sight.processes_during = audit_count_processes(attempt->token);
	}
}

static void look_afterwards(struct attempt *attempt)
{
	_cleanup_(text_freep) char *code = write_code(attempt, attempt->what->afterwards, 1);
	struct background looks[AUDIT_LOOKS] = { 0 };

	if (!code)
		return;
	for (unsigned i = 0; i < AUDIT_LOOKS; i++) {
		looks[i] = (struct background){ .course = attempt->course, .code = code, .answer = &attempt->sight.looks[i] };
		begin(&looks[i]);
	}
	array_for_each(looks, look)
		join(look);
	attempt->sight.looks_count = AUDIT_LOOKS;
}

static void try_case(struct attempt *attempt)
{
	const struct audit_case *what = attempt->what;
	const struct audit_course *course = attempt->course;
	_cleanup_(text_freep) char *code = write_code(attempt, what->code, what->repeat);
	_cleanup_(text_freep) char *beside = what->beside ? write_code(attempt, what->beside, 1) : NULL;
	struct audit_answer ignored = { 0 };
	struct background neighbour = { .course = course, .code = beside, .answer = &ignored };
	struct background run = {
		.course = course, .code = code, .is_read_only = what->is_read_only, .answer = &attempt->sight.answer
	};

	attempt->sight.answer.fault = -ENOMEM;
	if (!code || (what->beside && !beside))
		return;
	if (beside) {
		begin(&neighbour);
		wait_for_neighbour(attempt, &neighbour);
	}
	begin(&run);
	look_at_host(attempt, &run);
	join(&neighbour);
	free_answer(&ignored);
	if (what->afterwards)
		look_afterwards(attempt);
}

static bool is_applicable(const struct audit_case *what)
{
	struct utsname name;

	if (what->is_for_x86_64 && (uname(&name) < 0 || strcmp(name.machine, "x86_64") != 0))
		return false;
	return what->family == 0 || audit_has_family(what->family);
}

static const char *stopped_by(const struct audit_case *what, enum audit_kind kind, enum grade grade)
{
	switch (grade) {
	case GRADE_GOOD:
		return what->layers[kind] ? what->layers[kind] : what->layers[KIND_HARDENED];
	case GRADE_WEAK:
		return AUDIT_PARTLY;
	case GRADE_ESCAPED:
		return AUDIT_NOTHING;
	default:
		return NULL;
	}
}

static void judge_case(const struct attempt *attempt, struct audit_result *result)
{
	const struct audit_case *what = attempt->what;
	enum audit_kind kind = attempt->course->column->kind;

	result->grade = audit_judge(what, &attempt->sight, kind);
	result->status = attempt->sight.answer.status;
	result->took_ms = attempt->sight.answer.took / NSEC_PER_MSEC;
	result->layer = stopped_by(what, kind, result->grade);
	audit_tell_what_happened(what, &attempt->sight, result->happened);
}

static void run_case(struct audit_course *course, unsigned index)
{
	_cleanup_(attempt_free) struct attempt attempt = { .course = course, .what = &audit_cases[index] };
	struct audit_result *result = &course->column->results[index];
	const char *port = strrchr(course->address, ':');

	if (attempt.what->is_last) {
		result->grade = GRADE_NOT_APPLICABLE;
		(void)snprintf(result->happened, sizeof result->happened, "The server is not ours to end.");
		return;
	}
	if (!is_applicable(attempt.what)) {
		result->grade = GRADE_NOT_APPLICABLE;
		(void)snprintf(result->happened, sizeof result->happened, "This machine's kernel does not have it.");
		return;
	}
	audit_new_word(attempt.token);
	(void)snprintf(attempt.port, sizeof attempt.port, "%s", port ? port + 1 : "");
	attempt.sight.token = attempt.token;
	attempt.sight.secret = course->host->secret;
	attempt.sight.host_passwd = course->host->passwd;
	attempt.sight.is_search_proved = course->host->is_search_proved;
	attempt.sight.is_secret_in_environment = course->is_private;
	try_case(&attempt);
	judge_case(&attempt, result);
}

/* --- all cases -------------------------------------------------------------------------------------------------------------------- */

/* The n-th to begin: slow ones first, so that they pass their time beside the others. */
static unsigned nth_case(unsigned n)
{
	for (int is_slow = 1; is_slow >= 0; is_slow--) {
		for (unsigned i = 0; i < audit_cases_count; i++) {
			if (audit_cases[i].is_slow == is_slow && n-- == 0)
				return i;
		}
	}
	return 0;
}

static void *work(void *arg)
{
	struct audit_course *course = arg;
	unsigned n;

	while (!atomic_load(&course->is_cancelled) && (n = atomic_fetch_add(&course->next, 1)) < audit_cases_count) {
		unsigned index = nth_case(n);
		unsigned done;

		run_case(course, index);
		done = atomic_fetch_add(&course->done, 1) + 1;
		if (course->is_verbose && !audit_cases[index].is_last)
			fprintf(stderr, "%-16s %2u/%u  %-8s %s\n", audit_kinds[course->column->kind].title, done, audit_cases_count,
				audit_grade_name(course->column->results[index].grade), audit_cases[index].title);
	}
	return NULL;
}

int audit_run_cases(struct audit_course *course, struct err *err)
{
	pthread_t workers[MAX_WORKERS];
	unsigned wanted = audit_kinds[course->column->kind].workers, count = 0;
	nsec_t began = clock_now();

	assert(wanted <= MAX_WORKERS);
	while (count < wanted && pthread_create(&workers[count], NULL, work, course) == 0)
		count++;
	if (count == 0)
		return err_say(err, -EAGAIN, "Cannot make a thread.");
	for (unsigned i = 0; i < count; i++)
		(void)pthread_join(workers[i], NULL);
	course->column->took_ms = (clock_now() - began) / NSEC_PER_MSEC;
	return atomic_load(&course->is_cancelled) ? -ECANCELED : 0;
}

void audit_run_last(struct audit_column *column, int left)
{
	for (unsigned i = 0; i < audit_cases_count; i++) {
		const struct audit_case *what = &audit_cases[i];
		const struct audit_sight sight = { .left = left };
		struct audit_result *result = &column->results[i];

		if (!what->is_last)
			continue;
		result->grade = audit_judge(what, &sight, column->kind);
		result->layer = stopped_by(what, column->kind, result->grade);
		if (left < 0)
			(void)snprintf(result->happened, sizeof result->happened, "nobody tells what is left");
		else
			(void)snprintf(result->happened, sizeof result->happened, "%d left", left);
	}
}

int audit_run_first(struct audit_course *course, struct err *err)
{
	_cleanup_(free_answer) struct audit_answer answer = { 0 };

	ask(course, "import platform\nprint(platform.python_version(), end='')\n", false, &answer, err);
	if (answer.fault < 0)
		return answer.fault;
	if (answer.status != 200 || !answer.is_success)
		return err_say(err, -EIO, "The server at %s runs no program: %.100s", course->address, answer.error);
	audit_cut_text(answer.output, course->column->python, sizeof course->column->python);
	return 0;
}
