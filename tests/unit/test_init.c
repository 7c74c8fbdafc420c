/* SPDX-License-Identifier: Apache-2.0
 *
 * What an init does with its cell, looked at from a child that joins the cell's namespaces. Needs root.
 */
#include "cell.h"
#include "private.h"
#include "unit.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

static void cell_start(struct cell *cell, const char *code, bool is_read_only, const struct limits *limits)
{
	_cleanup_(fd_closep) int file = fd_new_sealed("code", code, strlen(code));
	struct order job = { .type = ORDER_JOB, .job = { .flags = is_read_only ? WIRE_JOB_READ_ONLY : 0, .limits = *limits } };
	int in = -EBADF;

	assert_int_equal(order_send(cell->link, &job, &file, 1), 0);

	struct order go = nest_receive(cell->gate, ORDER_GO, &in, 1);

	assert_int_equal(in, -EBADF);
	assert_memory_equal(&go.job.limits, limits, sizeof *limits);
	(void)nest_receive(cell->link, ORDER_STARTED, NULL, 0);
}

/* Runs look in a child inside the cell's namespaces, with the guest's uid. */
static void cell_visit(const struct cell *cell, void (*look)(void))
{
	uint32_t id = cell->nest.ids.base + GUEST_ID;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		for (size_t i = 0; i < NS_COUNT; i++)
			CHECK(setns(cell->namespaces[i], 0) == 0);

		pid_t inside = fork(); /* born in the pid namespace */

		CHECK(inside >= 0);
		if (inside > 0) {
			CHECK(waitpid(inside, &status, 0) == inside);
			_exit(status == 0 ? 0 : 1);
		}
		CHECK(setgroups(0, NULL) == 0 && setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0);
		CHECK(chdir("/app") == 0);
		look();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* --- what a cell looks like ---------------------------------------------------------------------------------------------- */

static const char code[] = "print('hello')\n";

static int create(const char *path)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : 0;
}

static void look_from_inside(void)
{
	static const char *const hidden[] = { "/run/safexec/_zygote.abi3.so",
					      "/run/safexec/preload",
					      "/proc/sys",
					      "/proc/keys",
					      "/sys",
					      "/home",
					      "/root",
					      "/var",
					      "/tmp/app",
					      "/tmp/shm" };
	char text[64];
	struct utsname name;

	CHECK(fd_read_file(AT_FDCWD, "/app/script.py", text, sizeof text) == (ssize_t)sizeof code - 2);
	CHECK(strcmp(text, "print('hello')") == 0);
	CHECK(create("/app/new") == 0 && create("/tmp/new") == 0 && create("/dev/shm/new") == 0);
	CHECK_REFUSED(EROFS, create("/usr/new"));
	CHECK_REFUSED(EROFS, create("/new"));
	array_for_each(hidden, path)
		CHECK_REFUSED(ENOENT, access(*path, F_OK));
	CHECK(uname(&name) == 0 && strcmp(name.nodename, "cell") == 0);
	CHECK_REFUSED(ENOENT, access("/proc/1", F_OK)); /* the init is another user's */
	CHECK_REFUSED(EPERM, kill(1, 0));
}

static void look_at_read_only(void)
{
	CHECK_REFUSED(EROFS, create("/app/new"));
	CHECK_REFUSED(EROFS, create("/app/script.py"));
	CHECK_REFUSED(EROFS, create("/tmp/new"));
	CHECK(create("/dev/shm/new") == 0); /* multiprocessing's locks live there */
}

static void fill(void)
{
	static const char block[64 << 10];
	int fd = open("/tmp/big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	for (int i = 0; i < 1024 && write(fd, block, sizeof block) > 0; i++)
		;

	struct statvfs fs;

	CHECK(statvfs("/app", &fs) == 0 && fs.f_bavail == 0); /* one room for all three */
	CHECK(fs.f_blocks * fs.f_frsize == MIB);
}

static void a_cell_comes_with_namespaces_of_its_own(void **state)
{
	struct cell cell;

	(void)state;
	cell_open(&cell);
	for (size_t i = 0; i < NS_COUNT; i++) {
		struct stat named, ours;

		assert_int_equal(fstat(cell.namespaces[i], &named), 0);
		assert_int_equal(stat(namespace_paths[i], &ours), 0);
		assert_true(named.st_ino == cell.named.namespaces.ino[i]);
		assert_true(named.st_ino != ours.st_ino);
	}
	cell_close(&cell);
}

static void a_job_finds_its_code_and_room_to_write(void **state)
{
	struct limits limits = limits_default();
	struct cell cell;

	(void)state;
	cell_open(&cell);
	cell_make_ready(&cell);
	cell_start(&cell, code, false, &limits);
	cell_visit(&cell, look_from_inside);
	cell_close(&cell);
}

static void a_read_only_job_writes_nothing_where_people_look(void **state)
{
	struct limits limits = limits_default();
	struct cell cell;

	(void)state;
	cell_open(&cell);
	cell_make_ready(&cell);
	cell_start(&cell, code, true, &limits);
	cell_visit(&cell, look_at_read_only);
	cell_close(&cell);
}

/* What is mounted where, of all mounts of the init's: number, parent, device, root, place. Their flags may change. */
static void read_mounts(const struct cell *cell, char *text, size_t size)
{
	char path[64], line[1024];
	size_t used = 0;
	int pid = 0;

	(void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", cell->pidfd);

	FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		(void)sscanf(line, "Pid: %d", &pid);
	(void)fclose(file);
	(void)snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	text[0] = '\0';
	while (fgets(line, sizeof line, file)) {
		int fields = 0;

		for (char *at = line; *at != '\0'; at++) {
			if (*at == ' ' && ++fields == 5)
				*at = '\0';
		}
		used += (size_t)snprintf(text + used, size - used, "%s\n", line);
		assert_true(used < size);
	}
	(void)fclose(file);
}

/* The warden orders a guest when init is up: whoever could swap a source or a target does not exist before that. */
static void all_mounts_are_made_before_a_guest_can_exist(void **state)
{
	static const char *const places[] = { " /app\n", " /tmp\n", " /dev/shm\n", " /proc\n" };
	static char before[16 * KIB], after[16 * KIB];
	struct limits limits = limits_default();
	struct cell cell;

	(void)state;
	cell_open(&cell);
	read_mounts(&cell, before, sizeof before);
	array_for_each(places, place)
		assert_non_null(strstr(before, *place));
	cell_make_ready(&cell);
	cell_start(&cell, code, true, &limits);
	read_mounts(&cell, after, sizeof after);
	assert_string_equal(after, before);
	cell_close(&cell);
}

static void a_guests_listener_is_passed_on_before_the_guest_is_ready(void **state)
{
	struct order offer = { .type = ORDER_LISTENER };
	_cleanup_(fd_closep) int sent = fd_new_sealed("listener", "1", 1);
	int got = -EBADF;
	struct cell cell;

	(void)state;
	cell_open(&cell);
	assert_int_equal(order_send(cell.gate, &offer, &sent, 1), 0);
	assert_int_equal(nest_receive(cell.link, ORDER_LISTENER, &got, 1).serial, SERIAL);
	assert_true(got >= 0);
	(void)fd_close(got);
	cell_make_ready(&cell);
	cell_close(&cell);
}

static void a_full_disk_is_told_when_asked(void **state)
{
	struct limits limits = limits_default();
	struct order question = { .type = ORDER_DISK };
	struct cell cell;

	(void)state;
	limits.disk_bytes = MIB;
	cell_open(&cell);
	cell_make_ready(&cell);
	cell_start(&cell, code, false, &limits);
	for (uint32_t is_full = 0; is_full < 2; is_full++) {
		assert_int_equal(order_send(cell.link, &question, NULL, 0), 0);
		assert_int_equal(nest_receive(cell.link, ORDER_DISK, NULL, 0).disk.is_full, is_full);
		if (!is_full)
			cell_visit(&cell, fill);
	}
	cell_close(&cell);
}

static void code_that_somebody_could_still_change_is_refused(void **state)
{
	struct order job = { .type = ORDER_JOB, .job = { .limits = limits_default() } };
	struct cell cell;

	(void)state;
	cell_open(&cell);
	cell_make_ready(&cell);

	_cleanup_(fd_closep) int file = memfd_create("code", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(order_send(cell.link, &job, &file, 1), 0);
	assert_non_null(strstr(nest_receive(cell.link, ORDER_CELL_FAILED, NULL, 0).text, "cannot write the program"));
	nest_wait(cell.pidfd); /* it is dead, and the guest was never told to go */

	struct order none;

	assert_int_equal(order_recv(cell.gate, &none, NULL, 0), 0);
	cell_close(&cell);
}

static void a_second_job_is_passed_over(void **state)
{
	struct limits limits = limits_default();
	struct order job = { .type = ORDER_JOB, .job = { .limits = limits } }, question = { .type = ORDER_DISK };
	struct cell cell;

	(void)state;
	cell_open(&cell);
	cell_make_ready(&cell);
	cell_start(&cell, code, false, &limits);

	_cleanup_(fd_closep) int other = fd_new_sealed("code", "other", 5);

	assert_int_equal(order_send(cell.link, &job, &other, 1), 0);
	assert_int_equal(order_send(cell.link, &question, NULL, 0), 0);
	(void)nest_receive(cell.link, ORDER_DISK, NULL, 0); /* the next answer is to the question */
	cell_visit(&cell, look_from_inside);
	cell_close(&cell);
}

static void a_guest_that_is_not_confined_fails_the_cell_with_its_reason(void **state)
{
	struct order failed = { .type = ORDER_CELL_FAILED, .text = "seccomp: the guest could still call" };
	struct cell cell;

	(void)state;
	cell_open(&cell);
	assert_int_equal(order_send(cell.gate, &failed, NULL, 0), 0);
	assert_string_equal(nest_receive(cell.link, ORDER_CELL_FAILED, NULL, 0).text, failed.text);
	cell_close(&cell);
}

static void a_cell_dies_with_its_nursery_and_with_either_end_that_is_closed(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct cell cell;

		cell_open(&cell);
		if (i == 0)
			nursery_kill(&cell.nest.nursery);
		else if (i == 1)
			cell.gate = fd_close(cell.gate); /* the guest died on its way */
		else {
			cell_make_ready(&cell);
			cell.link = fd_close(cell.link); /* the warden is gone */
		}
		nest_wait(cell.pidfd);
		cell_close(&cell);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_cell_comes_with_namespaces_of_its_own),
	cmocka_unit_test(a_job_finds_its_code_and_room_to_write),
	cmocka_unit_test(a_read_only_job_writes_nothing_where_people_look),
	cmocka_unit_test(all_mounts_are_made_before_a_guest_can_exist),
	cmocka_unit_test(a_guests_listener_is_passed_on_before_the_guest_is_ready),
	cmocka_unit_test(a_full_disk_is_told_when_asked),
	cmocka_unit_test(code_that_somebody_could_still_change_is_refused),
	cmocka_unit_test(a_second_job_is_passed_over),
	cmocka_unit_test(a_guest_that_is_not_confined_fails_the_cell_with_its_reason),
	cmocka_unit_test(a_cell_dies_with_its_nursery_and_with_either_end_that_is_closed),
};

unit_main(tests)
