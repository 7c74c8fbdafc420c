/* SPDX-License-Identifier: Apache-2.0
 *
 * One slot's group, with processes in it: limits, usage and what the kernel refused. Needs root.
 */
#include "place.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* The body runs in a child that lives in the group; returns its wait status. */
static int run_inside(struct cgroup_group *group, void (*body)(void))
{
	int go[2], status;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		char byte;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		body();
		_exit(0);
	}
	if (cgroup_group_needs_forker(group))
		assert_int_equal(cgroup_group_attach(group, child), 0);
	else
		assert_int_equal(cgroup_write_number(cgroup_group_fd(group), "cgroup.procs", (uint64_t)child), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	(void)fd_close(go[0]);
	(void)fd_close(go[1]);
	return status;
}

static uint64_t read_limit(const struct cgroup_group *group, int dir, const char *v1, const char *v2)
{
	bool is_v1 = cgroup_group_needs_forker(group);

	uint64_t number = 0;

	assert_int_equal(cgroup_read_number(group->dirs[is_v1 ? dir : 0], is_v1 ? v1 : v2, NULL, &number), 0);
	return number;
}

static void limits_arrive_in_the_kernel_in_any_order(void **state)
{
	static const struct {
		uint64_t memory, pids, cpu_millis;
	} cases[] = {
		{ 64 * MIB, 8, 500 }, { 256 * MIB, 64, 2000 }, { 32 * MIB, 1, 50 }, { 32 * MIB, 2, 64000 }, { 64 * MIB, 2, 1000 },
	};
	struct place place;
	struct err err = { 0 };

	(void)state;
	open_place(&place, "limits");
	array_for_each(cases, c) {
		struct limits limits = limits_default();
		uint64_t forkers = cgroup_group_needs_forker(place.group) ? 1 : 0;

		limits.memory_bytes = c->memory;
		limits.pids = c->pids;
		limits.cpu_millis = c->cpu_millis;
		assert_int_equal(cgroup_group_renew(place.group, &err), 0);
		if (cgroup_group_set_limits(place.group, &limits, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(read_limit(place.group, V1_MEMORY, "memory.limit_in_bytes", "memory.max"), c->memory);
		assert_int_equal(read_limit(place.group, V1_PIDS, "pids.max", "pids.max"), c->pids + forkers);
		assert_int_equal(read_limit(place.group, V1_CPU, "cpu.cfs_quota_us", "cpu.max"), c->cpu_millis * 100);
	}
	close_place(&place);
}

static void a_renewed_and_a_killed_group_are_not_short_of_cpu(void **state)
{
	struct place place;
	struct limits limits = limits_default();
	struct err err = { 0 };

	(void)state;
	open_place(&place, "cpu");
	for (int i = 0; i < 2; i++) {
		char text[64];
		bool is_v1 = cgroup_group_needs_forker(place.group);

		assert_int_equal(cgroup_group_set_limits(place.group, &limits, &err), 0);
		if (i == 0)
			cgroup_group_unthrottle(place.group);
		else
			assert_int_equal(cgroup_group_renew(place.group, &err), 0);
		assert_true(fd_read_file(place.group->dirs[is_v1 ? V1_CPU : 0], is_v1 ? "cpu.cfs_quota_us" : "cpu.max", text,
					 sizeof text) > 0);
		assert_int_equal(strncmp(text, is_v1 ? "-1" : "max", is_v1 ? 2 : 3), 0);
	}
	close_place(&place);
}

static void burn(void)
{
	const clock_t end = clock() + CLOCKS_PER_SEC / 10;
	size_t size = 8 * MIB;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		_exit(1);
	memset(bytes, 1, size);
	while (clock() < end)
		;
}

static void usage_is_counted_from_the_last_renewal_on(void **state)
{
	struct place place;
	struct usage usage = { .wall_us = 42 };
	struct cgroup_events events;
	struct err err = { 0 };

	(void)state;
	open_place(&place, "usage");
	assert_int_equal(run_inside(place.group, burn), 0);
	assert_int_equal(cgroup_group_read(place.group, &usage, &events, &err), 0);
	assert_in_range(usage.cpu_user_us + usage.cpu_system_us, 50000, 5000000);
	assert_true(usage.memory_peak_bytes >= 8 * MIB);
	assert_int_equal(usage.wall_us, 42);
	assert_false(events.is_oom || events.is_pids_full);

	assert_int_equal(cgroup_group_renew(place.group, &err), 0);
	assert_int_equal(cgroup_group_read(place.group, &usage, &events, &err), 0);
	assert_in_range(usage.cpu_user_us + usage.cpu_system_us, 0, 20000);
	assert_true(usage.memory_peak_bytes < 8 * MIB);
	close_place(&place);
}

/* 64 MiB in a group of 32: the kernel kills it, and nothing else. */
static void want_too_much_memory(void)
{
	size_t size = 64 * MIB;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes != MAP_FAILED)
		memset(bytes, 1, size);
}

/* At most eight, each of which ends with us, or was too late to see us. */
static void want_too_many_processes(void)
{
	pid_t parent = getpid();

	for (int i = 0; i < 8; i++) {
		pid_t child = fork();

		if (child < 0)
			_exit(errno == EAGAIN ? 0 : 2);
		if (child == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			if (getppid() == parent)
				(void)pause();
			_exit(0);
		}
	}
	_exit(3);
}

static void what_the_kernel_refused_is_known_until_the_next_renewal(void **state)
{
	static const struct {
		void (*body)(void);
		bool is_oom, is_pids_full;
	} cases[] = { { want_too_much_memory, true, false }, { want_too_many_processes, false, true } };
	struct place place;
	struct limits limits = limits_default();
	struct err err = { 0 };

	(void)state;
	limits.memory_bytes = 32 * MIB;
	limits.pids = 3;
	open_place(&place, "events");
	array_for_each(cases, c) {
		struct usage usage = { 0 };
		struct cgroup_events events;

		assert_int_equal(cgroup_group_renew(place.group, &err), 0);
		assert_int_equal(cgroup_group_set_limits(place.group, &limits, &err), 0);

		int status = run_inside(place.group, c->body);

		assert_int_equal(cgroup_group_read(place.group, &usage, &events, &err), 0);
		assert_int_equal(status, c->is_oom ? SIGKILL : 0);
		assert_int_equal(events.is_oom, c->is_oom);
		assert_int_equal(events.is_pids_full, c->is_pids_full);
	}
	close_place(&place);
}

/* Nothing is put down to a cause that nobody could look up, and no group is taken for empty. */
static void a_group_that_cannot_be_read_says_so(void **state)
{
	struct place place;

	(void)state;
	open_place(&place, "unread");

	int dirs = cgroup_group_needs_forker(place.group) ? V1_COUNT : 1;

	for (int i = 0; i < dirs; i++) {
		struct usage usage = { .cpu_user_us = 42 };
		struct cgroup_events events;
		struct err err = { 0 };
		int real = place.group->dirs[i];

		if (dirs > 1 && i == V1_CPU)
			continue; /* it counts nothing */
		place.group->dirs[i] = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(place.group->dirs[i] >= 0);
		assert_int_equal(cgroup_group_read(place.group, &usage, &events, &err), -ENOENT);
		assert_non_null(strstr(err.text, "cannot be read"));
		assert_int_equal(usage.cpu_user_us, 42);
		if (dirs == 1 || i == V1_PIDS)
			assert_false(cgroup_group_is_empty(place.group) || cgroup_group_has_one(place.group));
		(void)fd_close(place.group->dirs[i]);
		place.group->dirs[i] = real;
	}
	assert_true(cgroup_group_is_empty(place.group));
	close_place(&place);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_group_that_cannot_be_read_says_so),
	cmocka_unit_test(limits_arrive_in_the_kernel_in_any_order),
	cmocka_unit_test(a_renewed_and_a_killed_group_are_not_short_of_cpu),
	cmocka_unit_test(usage_is_counted_from_the_last_renewal_on),
	cmocka_unit_test(what_the_kernel_refused_is_known_until_the_next_renewal),
};

unit_main(tests)
