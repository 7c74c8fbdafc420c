/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"
#include "store/jobs.h"

#include "base/macro.h"

#include <string.h>

struct scene {
	struct db db;
	struct jobs jobs;
	uint64_t runner; /* who claims */
};

static void open_scene(struct scene *scene)
{
	struct err err = { 0 };

	if (db_open(&scene->db, &err) < 0)
		fail_msg("%s", err.text);
	scene->runner = 1;
	scene->jobs = (struct jobs){ .db = &scene->db, .queued_max = 5, .age_ms_max = 1000, .bytes_max = MIB };
	assert_int_equal(jobs_count(&scene->jobs), 0);
}

struct wanted {
	uint64_t key;
	int priority;
	const char *once, *body;
};

/* Submits items as one; the tickets are stored. */
static int submit(struct scene *scene, const struct wanted *wanted, size_t count, struct store_ticket *tickets)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(MIB), out = buf_new(MIB);
	const struct store_submit call = { .head = STORE_HEAD(STORE_SUBMIT, 1), .key = wanted->key, .count = (uint32_t)count };
	int r;

	for (size_t i = 0; i < count; i++) {
		struct store_item item = { .priority = wanted[i].priority, .body_size = (uint32_t)strlen(wanted[i].body) };

		(void)snprintf(item.once, sizeof item.once, "%s", wanted[i].once ? wanted[i].once : "");
		assert_int_equal(buf_append(&parcel, &item, sizeof item), 0);
		assert_int_equal(buf_append_text(&parcel, wanted[i].body), 0);
	}
	r = jobs_submit(&scene->jobs, &call, parcel.bytes, parcel.size, 1000, &out);
	if (out.size == count * sizeof *tickets)
		memcpy(tickets, out.bytes, out.size);
	return r;
}

static struct store_ticket submit_one(struct scene *scene, struct wanted wanted)
{
	struct store_ticket ticket = { 0 };

	assert_int_equal(submit(scene, &wanted, 1, &ticket), 0);
	return ticket;
}

static struct store_job get(struct scene *scene, const char *id)
{
	_cleanup_(buf_free) struct buf out = buf_new(MIB);
	struct store_get call = { .is_any = 1 };
	struct store_job job = { 0 };

	(void)snprintf(call.id, sizeof call.id, "%s", id);
	assert_int_equal(jobs_get(&scene->jobs, &call, &out), 0);
	memcpy(&job, out.bytes, sizeof job);
	assert_int_equal(out.size, sizeof job + job.result_size);
	return job;
}

/* Claims up to count; what was claimed, as the first letters of the bodies. */
static void claim(struct scene *scene, uint32_t count, char *letters, uint64_t *numbers)
{
	_cleanup_(buf_free) struct buf out = buf_new(MIB);
	struct store_job job;
	uint32_t got;
	size_t at = 0;

	assert_int_equal(jobs_claim(&scene->jobs, count, scene->runner, 2000, &out, &got), 0);
	for (uint32_t i = 0; i < got; i++) {
		assert_true(store_take(out.bytes, out.size, &at, &job, sizeof job));
		letters[i] = out.bytes[at];
		at += job.body_size;
		if (numbers)
			numbers[i] = job.number;
	}
	letters[got] = '\0';
	assert_int_equal(at, out.size);
}

static int finish(struct scene *scene, uint64_t number, const char *result, uint64_t now_ms)
{
	struct store_result call = { .number = number, .verdict = "ok" };

	return jobs_finish(&scene->jobs, &call, result, strlen(result), now_ms);
}

static void a_job_goes_from_queued_to_started_to_done_and_no_further(void **state)
{
	struct scene scene;
	char letters[8];
	uint64_t number;

	(void)state;
	open_scene(&scene);

	struct store_ticket ticket = submit_one(&scene, (struct wanted){ .body = "a" });

	assert_true(store_is_id(ticket.id));
	assert_int_equal(get(&scene, ticket.id).state, STORE_QUEUED);
	assert_int_equal(scene.jobs.queued, 1);
	claim(&scene, 2, letters, &number);
	assert_string_equal(letters, "a");
	assert_int_equal(get(&scene, ticket.id).state, STORE_STARTED);
	claim(&scene, 2, letters, NULL);
	assert_string_equal(letters, "");
	assert_int_equal(finish(&scene, number, "result", 3000), 0);
	assert_int_equal(finish(&scene, number, "another", 4000), -EALREADY);

	struct store_job job = get(&scene, ticket.id);

	assert_int_equal(job.state, STORE_DONE);
	assert_int_equal(job.result_size, strlen("result"));
	assert_int_equal(job.ended_ms, 3000);
	assert_string_equal(job.verdict, "ok");
	assert_int_equal(scene.jobs.queued + scene.jobs.started, 0);
	db_close(&scene.db);
}

static void the_same_idempotency_key_is_the_same_job_and_another_body_a_conflict(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);

	struct store_ticket first = submit_one(&scene, (struct wanted){ .once = "k", .body = "a" });
	struct store_ticket again = submit_one(&scene, (struct wanted){ .once = "k", .body = "a" });
	struct store_ticket others = submit_one(&scene, (struct wanted){ .key = 9, .once = "k", .body = "b" });
	struct store_ticket tickets[2];
	const struct wanted batch[] = { { .body = "new" }, { .once = "k", .body = "other" } };

	assert_int_equal(first.outcome, STORE_NEW);
	assert_int_equal(again.outcome, STORE_SAME);
	assert_string_equal(again.id, first.id);
	assert_int_equal(others.outcome, STORE_NEW);
	assert_int_equal(submit(&scene, batch, 2, tickets), -EEXIST);
	assert_int_equal(tickets[0].outcome, STORE_NOT_TAKEN);
	assert_int_equal(tickets[1].outcome, STORE_OTHER_BODY);
	assert_int_equal(scene.jobs.queued, 2);
	db_close(&scene.db);
}

static void a_batch_that_does_not_fit_leaves_nothing(void **state)
{
	const struct wanted batch[] = { { .body = "1" }, { .body = "2" }, { .body = "3" },
					{ .body = "4" }, { .body = "5" }, { .body = "6" } };
	struct store_ticket tickets[6];
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(submit(&scene, batch, 6, tickets), -ENOSPC);
	assert_int_equal(scene.jobs.queued, 0);
	assert_int_equal(submit(&scene, batch, 5, tickets), 0);
	assert_int_equal(scene.jobs.queued, 5);
	assert_int_equal(submit(&scene, batch, 1, tickets), -ENOSPC);
	assert_int_equal(jobs_count(&scene.jobs), 0);
	assert_int_equal(scene.jobs.queued, 5);
	db_close(&scene.db);
}

static void keys_take_turns_and_priority_goes_first(void **state)
{
	struct scene scene;
	char letters[16];

	(void)state;
	open_scene(&scene);
	scene.jobs.queued_max = 100;
	for (const char *body = "aaaa"; *body; body++)
		(void)submit_one(&scene, (struct wanted){ .key = 1, .body = body });
	(void)submit_one(&scene, (struct wanted){ .key = 2, .body = "b" });
	(void)submit_one(&scene, (struct wanted){ .key = 2, .body = "b" });
	(void)submit_one(&scene, (struct wanted){ .key = 3, .body = "c" });
	(void)submit_one(&scene, (struct wanted){ .key = 1, .priority = 1, .body = "u" });
	(void)submit_one(&scene, (struct wanted){ .key = 3, .priority = -1, .body = "z" });
	claim(&scene, 9, letters, NULL);
	assert_string_equal(letters, "uabcabaaz");
	db_close(&scene.db);
}

static void a_job_can_be_canceled_until_it_has_ended_by_its_owner_alone(void **state)
{
	_cleanup_(buf_free) struct buf out = buf_new(MIB);
	struct scene scene;
	char letters[4];
	uint64_t number;

	(void)state;
	open_scene(&scene);

	struct store_ticket ticket = submit_one(&scene, (struct wanted){ .key = 4, .body = "a" });
	struct store_get call = { .key = 5 };
	struct jobs_canceled canceled = { 0 };

	memcpy(call.id, ticket.id, sizeof call.id);
	assert_int_equal(jobs_cancel(&scene.jobs, &call, 2000, &out, &canceled), -ENOENT);
	call.key = 4;
	claim(&scene, 1, letters, &number);
	assert_int_equal(jobs_cancel(&scene.jobs, &call, 2000, &out, &canceled), 0);
	assert_int_equal(scene.jobs.started, 0);
	assert_int_equal(canceled.number, number);
	assert_int_equal(canceled.runner, 1);
	assert_int_equal(finish(&scene, number, "late", 3000), -EALREADY);
	assert_int_equal(jobs_cancel(&scene.jobs, &call, 2000, &out, &canceled), -EALREADY);
	assert_int_equal(get(&scene, ticket.id).state, STORE_CANCELED);
	db_close(&scene.db);
}

static void what_had_begun_and_nobody_runs_is_broken_off_and_survives_a_reopening(void **state)
{
	struct scene scene;
	char letters[4];
	uint64_t numbers[3];

	(void)state;
	open_scene(&scene);

	struct store_ticket kept = submit_one(&scene, (struct wanted){ .body = "a" });
	struct store_ticket lost = submit_one(&scene, (struct wanted){ .body = "b" });
	struct store_ticket waits = submit_one(&scene, (struct wanted){ .body = "c" });

	claim(&scene, 2, letters, numbers);
	db_close(&scene.db);
	open_scene(&scene);
	assert_int_equal(scene.jobs.queued, 1);
	assert_int_equal(scene.jobs.started, 2);
	assert_int_equal(jobs_disown(&scene.jobs), 0);
	assert_int_equal(jobs_adopt(&scene.jobs, numbers, 1, 7), 0);
	assert_int_equal(jobs_break_off(&scene.jobs, 0, 5000), 0);
	assert_int_equal(scene.jobs.started, 1);
	assert_int_equal(get(&scene, kept.id).state, STORE_STARTED);
	assert_int_equal(get(&scene, waits.id).state, STORE_QUEUED);

	struct store_job job = get(&scene, lost.id);

	assert_int_equal(job.state, STORE_DONE);
	assert_string_equal(job.verdict, "internal");
	assert_int_equal(job.result_size, 0);
	assert_int_equal(finish(&scene, numbers[1], "late", 6000), -EALREADY);
	assert_int_equal(finish(&scene, numbers[0], "fine", 6000), 0);
	db_close(&scene.db);
}

static void of_two_runners_the_one_that_goes_breaks_off_its_own_jobs_alone(void **state)
{
	struct scene scene;
	char letters[4];
	uint64_t first, second;

	(void)state;
	open_scene(&scene);
	(void)submit_one(&scene, (struct wanted){ .body = "a" });
	(void)submit_one(&scene, (struct wanted){ .body = "b" });
	claim(&scene, 1, letters, &first);
	scene.runner = 2;
	claim(&scene, 1, letters, &second);
	assert_int_equal(jobs_break_off(&scene.jobs, 0, 5000), 0);
	assert_int_equal(scene.jobs.started, 2);
	assert_int_equal(jobs_break_off(&scene.jobs, 1, 5000), 0);
	assert_int_equal(scene.jobs.started, 1);
	assert_int_equal(finish(&scene, first, "late", 6000), -EALREADY);
	assert_int_equal(finish(&scene, second, "fine", 6000), 0);
	db_close(&scene.db);
}

static void a_database_of_the_first_version_is_brought_up_to_date_with_its_jobs(void **state)
{
	struct scene scene;
	char letters[4];

	(void)state;
	open_scene(&scene);
	(void)submit_one(&scene, (struct wanted){ .body = "a" });
	db_close(&scene.db);

	sqlite3 *plain = NULL;

	assert_int_equal(sqlite3_open("safexec.db", &plain), SQLITE_OK);
	assert_int_equal(sqlite3_exec(plain, "ALTER TABLE jobs DROP COLUMN runner; PRAGMA user_version = 1", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(plain), SQLITE_OK);
	open_scene(&scene);
	claim(&scene, 1, letters, NULL);
	assert_string_equal(letters, "a");
	db_close(&scene.db);
}

static void a_job_that_did_not_run_waits_again_in_its_old_place(void **state)
{
	struct scene scene;
	char letters[4];
	uint64_t number;

	(void)state;
	open_scene(&scene);
	(void)submit_one(&scene, (struct wanted){ .body = "a" });
	(void)submit_one(&scene, (struct wanted){ .body = "b" });
	claim(&scene, 1, letters, &number);
	assert_int_equal(jobs_release(&scene.jobs, number), 0);
	assert_int_equal(jobs_release(&scene.jobs, number), -EALREADY);
	assert_int_equal(scene.jobs.queued, 2);
	assert_int_equal(scene.jobs.started, 0);
	claim(&scene, 2, letters, NULL);
	assert_string_equal(letters, "ab");
	db_close(&scene.db);
}

static void ended_jobs_expire_by_age_and_by_bytes_oldest_first(void **state)
{
	_cleanup_(buf_free) struct buf out = buf_new(MIB);
	struct store_list call = { .is_any = 1, .count = 100 };
	struct scene scene;
	char letters[8];
	uint64_t numbers[5];
	uint32_t count;

	(void)state;
	open_scene(&scene);
	for (const char *body = "abcde"; *body; body++)
		(void)submit_one(&scene, (struct wanted){ .body = body });
	claim(&scene, 4, letters, numbers);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(finish(&scene, numbers[i], "0123456789", UINT64_C(10000) + UINT64_C(100) * i), 0);
	assert_int_equal(jobs_expire(&scene.jobs, 11000), 0); /* the oldest is at the age, not past it */
	assert_int_equal(jobs_expire(&scene.jobs, 11001), 0);
	assert_int_equal(jobs_list(&scene.jobs, &call, &out, &count), 0);
	assert_int_equal(count, 4); /* one queued, three ended */
	scene.jobs.bytes_max = UINT64_C(2) * 522;
	assert_int_equal(jobs_expire(&scene.jobs, 10500), 0);
	out.size = 0;
	assert_int_equal(jobs_list(&scene.jobs, &call, &out, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(scene.jobs.ended_bytes, 2 * 522);
	assert_int_equal(jobs_count(&scene.jobs), 0);
	assert_int_equal(scene.jobs.ended_bytes, 2 * 522);
	assert_int_equal(scene.jobs.queued, 1);
	db_close(&scene.db);
}

static void a_list_filters_by_state_and_goes_on_behind_its_cursor(void **state)
{
	_cleanup_(buf_free) struct buf out = buf_new(MIB);
	struct store_list call = { .key = 1, .count = 2 };
	struct store_job jobs[2];
	struct scene scene;
	char letters[4];
	uint32_t count;

	(void)state;
	open_scene(&scene);
	for (uint64_t key = 1; key <= 2; key++) {
		(void)submit_one(&scene, (struct wanted){ .key = key, .body = "x" });
		(void)submit_one(&scene, (struct wanted){ .key = key, .body = "y" });
	}
	claim(&scene, 1, letters, NULL);
	assert_int_equal(jobs_list(&scene.jobs, &call, &out, &count), 0);
	assert_int_equal(count, 2);
	memcpy(jobs, out.bytes, sizeof jobs);
	assert_true(jobs[0].number > jobs[1].number);
	call.before = jobs[1].number;
	assert_int_equal(jobs_list(&scene.jobs, &call, &out, &count), 0);
	assert_int_equal(count, 0);
	call = (struct store_list){ .is_any = 1, .count = 100, .states = 1u << STORE_QUEUED };
	assert_int_equal(jobs_list(&scene.jobs, &call, &out, &count), 0);
	assert_int_equal(count, 3);
	db_close(&scene.db);
}

static void a_database_of_a_later_version_or_garbage_is_refused_in_words(void **state)
{
	static const char garbage[] = "this is not a database, and long enough to look like something else altogether, really";
	struct scene scene;
	struct err err = { 0 };

	(void)state;
	open_scene(&scene);
	assert_int_equal(sqlite3_exec(scene.db.handle, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	db_close(&scene.db);
	assert_int_equal(db_open(&scene.db, &err), -EINVAL);
	assert_non_null(strstr(err.text, "version 99"));

	int fd = open("safexec.db", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, garbage, strlen(garbage)), strlen(garbage));
	(void)fd_close(fd);
	assert_true(db_open(&scene.db, &err) < 0);
	assert_non_null(strstr(err.text, "not a database"));
	assert_null(scene.db.handle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
	TEST(a_job_goes_from_queued_to_started_to_done_and_no_further),
	TEST(the_same_idempotency_key_is_the_same_job_and_another_body_a_conflict),
	TEST(a_batch_that_does_not_fit_leaves_nothing),
	TEST(keys_take_turns_and_priority_goes_first),
	TEST(a_job_can_be_canceled_until_it_has_ended_by_its_owner_alone),
	TEST(what_had_begun_and_nobody_runs_is_broken_off_and_survives_a_reopening),
	TEST(of_two_runners_the_one_that_goes_breaks_off_its_own_jobs_alone),
	TEST(a_database_of_the_first_version_is_brought_up_to_date_with_its_jobs),
	TEST(a_job_that_did_not_run_waits_again_in_its_old_place),
	TEST(ended_jobs_expire_by_age_and_by_bytes_oldest_first),
	TEST(a_list_filters_by_state_and_goes_on_behind_its_cursor),
	TEST(a_database_of_a_later_version_or_garbage_is_refused_in_words),
};

unit_main(tests)
