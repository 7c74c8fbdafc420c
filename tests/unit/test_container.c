/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/container.h"
#include "docker/inside.h"
#include "unit.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const struct options options_of[] = {
	[PROFILE_HARDENED] = { .common.name = "n", .image = "i:1", .profile = PROFILE_HARDENED },
	[PROFILE_ORIGINAL] = { .common.name = "n", .image = "i:1", .profile = PROFILE_ORIGINAL },
};

static char *body_of(enum profile profile, bool is_read_only)
{
	const struct kind kind = { .is_read_only = is_read_only, .limits = limits_default() };
	const struct binds binds = { .folder = container_is_bound(&options_of[profile], &kind) ? "/run/x" : NULL,
				     .init = container_is_fed(&options_of[profile]) ? "/run/init" : NULL };

	return container_new_body(&options_of[profile], &kind, &binds);
}

/* The whole request, so that a new key is a decision. */
static const struct {
	enum profile profile;
	bool is_read_only;
	const char *want;
} bodies[] = {
	{ PROFILE_ORIGINAL, false,
	  "{\"Image\": \"i:1\", \"Cmd\": [\"python\", \"script.py\"], \"WorkingDir\": \"/app\", \"AttachStdout\": true, "
	  "\"AttachStderr\": true,"
	  " \"Labels\": {\"safexec\": \"n\"}, \"HostConfig\": {\"NetworkMode\": \"none\", \"Memory\": 134217728, \"NanoCpus\": "
	  "500000000,"
	  " \"PidsLimit\": 64, \"ReadonlyRootfs\": false, \"Binds\": [\"/run/x:/app\"]}}" },
	{ PROFILE_ORIGINAL, true,
	  "{\"Image\": \"i:1\", \"Cmd\": [\"python\", \"script.py\"], \"WorkingDir\": \"/app\", \"AttachStdout\": true, "
	  "\"AttachStderr\": true,"
	  " \"Labels\": {\"safexec\": \"n\"}, \"HostConfig\": {\"NetworkMode\": \"none\", \"Memory\": 134217728, \"NanoCpus\": "
	  "500000000,"
	  " \"PidsLimit\": 64, \"ReadonlyRootfs\": true, \"Binds\": [\"/run/x:/app:ro\"]}}" },
	{ PROFILE_HARDENED, true,
	  "{\"Image\": \"i:1\", \"Cmd\": [\"/safexec-init\"], \"WorkingDir\": \"/app\", \"AttachStdout\": true, "
	  "\"AttachStderr\": true, \"AttachStdin\": true, \"OpenStdin\": true, \"StdinOnce\": true,"
	  " \"Labels\": {\"safexec\": \"n\"}, \"User\": \"65534:65534\", \"StopSignal\": \"SIGKILL\", \"NetworkDisabled\": true, "
	  "\"Env\": [\"HOME=/tmp\", "
	  "\"LANG=C.UTF-8\"],"
	  " \"HostConfig\": {\"NetworkMode\": \"none\", \"Memory\": 134217728, \"MemorySwap\": 134217728, \"NanoCpus\": 500000000,"
	  " \"PidsLimit\": 65, \"ReadonlyRootfs\": true, \"Binds\": [\"/run/x:/app:ro\", \"/run/init:/safexec-init:ro\"],"
	  " \"CapDrop\": [\"ALL\"], \"SecurityOpt\": [\"no-new-privileges\"], \"LogConfig\": {\"Type\": \"none\"}, \"IpcMode\": "
	  "\"private\","
	  " \"ShmSize\": 16777216, \"Tmpfs\": {\"/tmp\": \"ro,nosuid,nodev,size=64k,mode=1777\"}, \"Ulimits\": ["
	  "{\"Name\": \"core\", \"Soft\": 1, \"Hard\": 1}, {\"Name\": \"memlock\", \"Soft\": 65536, \"Hard\": 65536}, {\"Name\": "
	  "\"nofile\", \"Soft\": 1024, \"Hard\": 1024},"
	  "{\"Name\": \"fsize\", \"Soft\": 16777216, \"Hard\": 16777216}]}}" },
};

/* What profile.c makes is tested with it; that it is there, is tested here. */
static void take_profile(json_t *body, enum profile profile)
{
	json_t *host = json_object_get(body, "HostConfig"), *options = json_object_get(host, "SecurityOpt");
	bool is_hardened = profile == PROFILE_HARDENED;

	assert_int_equal(json_array_size(json_object_get(host, "MaskedPaths")) > 30, is_hardened);
	assert_int_equal(json_array_size(json_object_get(host, "ReadonlyPaths")) > 3, is_hardened);
	(void)json_object_del(host, "MaskedPaths");
	(void)json_object_del(host, "ReadonlyPaths");
	if (is_hardened) {
		assert_memory_equal(json_string_value(json_array_get(options, 1)), "seccomp={", 9);
		assert_int_equal(json_array_remove(options, 1), 0);
	}
}

static void a_container_is_asked_for_with_these_flags_and_no_others(void **state)
{
	(void)state;
	array_for_each(bodies, b) {
		char *text = body_of(b->profile, b->is_read_only);
		json_t *body = json_loads(text, 0, NULL), *want = json_loads(b->want, 0, NULL);

		assert_non_null(want);
		take_profile(body, b->profile);
		if (!json_equal(body, want))
			assert_string_equal(text, b->want); /* shows both */
		json_decref(body);
		json_decref(want);
		free(text);
	}
}

static void only_a_hardened_one_waits_for_an_order_and_has_the_program_in_it_unless_it_is_read_only(void **state)
{
	(void)state;
	for (int profile = PROFILE_HARDENED; profile <= PROFILE_ORIGINAL; profile++) {
		for (int is_read_only = 0; is_read_only <= 1; is_read_only++) {
			char *text = body_of((enum profile)profile, is_read_only);
			bool is_fed = profile == PROFILE_HARDENED;

			assert_int_equal(strstr(text, "\"OpenStdin\":true") != NULL, is_fed);
			assert_int_equal(strstr(text, "/run/init:" INSIDE_PATH ":ro") != NULL, is_fed);
			assert_int_equal(strstr(text, "\"/run/x:/app") == NULL, is_fed && !is_read_only);
			free(text);
		}
	}
}

static void a_container_serves_jobs_of_its_own_kind_only(void **state)
{
	const struct kind made = { .limits = limits_default() };
	struct kind wanted = made;

	(void)state;
	wanted.limits.wall_ms = 20; /* ours to watch */
	wanted.limits.output_bytes = 1;
	assert_true(container_suits(&made, &wanted));
	wanted.is_read_only = true;
	assert_false(container_suits(&made, &wanted));
	wanted = made;
	wanted.limits.memory_bytes++;
	assert_false(container_suits(&made, &wanted));
	wanted = made;
	wanted.limits.file_bytes--;
	assert_true(container_suits(&made, &wanted));
	wanted.limits.file_bytes += 2;
	assert_false(container_suits(&made, &wanted));
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *body;
	int id, exit, state; /* what each reader returns */
} answers[] = {
	{ "", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "[]", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "{\"Id\": \"" ID "\"}", 0, -EBADMSG, -EBADMSG },
	{ "{\"Id\": \"" ID "0\"}", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "{\"Id\": \"../images\"}", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "{\"Id\": 5, \"StatusCode\": 255}", -EBADMSG, 0, -EBADMSG },
	{ "{\"StatusCode\": 256}", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "{\"StatusCode\": -1}", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "{\"StatusCode\": \"0\"}", -EBADMSG, -EBADMSG, -EBADMSG },
	{ "{\"State\": {\"ExitCode\": 137, \"OOMKilled\": true}}", -EBADMSG, -EBADMSG, 0 },
	{ "{\"State\": {}}", -EBADMSG, -EBADMSG, -EBADMSG },
};

static void answers_are_believed_only_when_they_are_whole(void **state)
{
	(void)state;
	array_for_each(answers, a) {
		char id[CONTAINER_ID_BYTES];
		int exit_code;
		struct container_state found;

		assert_int_equal(container_read_id(a->body, strlen(a->body), id), a->id);
		assert_int_equal(container_read_exit(a->body, strlen(a->body), &exit_code), a->exit);
		assert_int_equal(container_read_state(a->body, strlen(a->body), &found), a->state);
		if (a->state == 0)
			assert_true(found.exit_code == 137 && found.is_oom_killed && !found.is_running);
	}
}

static void an_exit_code_is_a_signals_only_where_that_can_kill_a_process_1(void **state)
{
	(void)state;
	for (int code = 0; code <= 255; code++) {
		int number = code - 128, status = container_wait_status(code);
		bool is_deadly = number == SIGKILL || number == SIGILL || number == SIGTRAP || number == SIGBUS ||
				 number == SIGFPE || number == SIGSEGV || number == SIGSYS;

		if (is_deadly)
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == number);
		else
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_is_asked_for_with_these_flags_and_no_others),
		cmocka_unit_test(only_a_hardened_one_waits_for_an_order_and_has_the_program_in_it_unless_it_is_read_only),
		cmocka_unit_test(a_container_serves_jobs_of_its_own_kind_only),
		cmocka_unit_test(answers_are_believed_only_when_they_are_whole),
		cmocka_unit_test(an_exit_code_is_a_signals_only_where_that_can_kill_a_process_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
