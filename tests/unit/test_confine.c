/* SPDX-License-Identifier: Apache-2.0
 *
 * Each stage's own proof: with one premise taken away, confine() names the stage and the process never becomes a guest. A
 * cell is made for each case; in the zygote's place, a child of the test enters its user and pid namespace. Needs root.
 */
#include "cell.h"
#include "private.h"
#include "unit.h"

#include "cell/landlock.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static struct confine_plan plan; /* 32 kB, too large for a stack */

/* Not _exit(3): AddressSanitizer makes calls of its own there. */
static void leave(int status)
{
	(void)syscall(SYS_exit_group, status);
}

static void become_root_inside(const struct nursery *nursery)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/ns/user", nursery->pid);

	int user = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(user >= 0 && setns(user, CLONE_NEWUSER) == 0);
	CHECK(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 && setgroups(0, NULL) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* so that /proc/self stays ours, as after the zygote's exec */
}

/* What a guest finds, asked after the last stage; the number of the first thing that is not so. */
static int look_like_a_guest(const struct confine_cell *cell)
{
	uid_t uid[3];
	char cwd[16], byte;

	if (fcntl(cell->listener, F_GETFD) != FD_CLOEXEC || close(cell->listener) < 0)
		return 9;

	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd != CONFINE_GATE_FD + 1) /* 0 to 3 are open and nothing else is */
		return 1;
	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 || uid[0] != cell->guest_id || uid[1] != uid[0] || uid[2] != uid[0])
		return 2;
	if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, "/app") != 0)
		return 3;
	if (read(STDIN_FILENO, &byte, 1) != 0)
		return 4;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
		return 5;
	if (syscall(SYS_unshare, CLONE_NEWUSER) != -1 || errno != ENOSYS) /* nobody listens */
		return 6;
	if (plan.landlock_abi > 0 && (open(CONFINE_CANARY, O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES))
		return 7;
	return access("/usr/bin/python3", X_OK) == 0 ? 0 : 8;
}

struct premise {
	const char *stage; /* that is to fail; "" when all hold */
	void (*take_away)(struct confine_cell *cell);
	bool takes_landlock;
};

static void confine_a_child(struct cell *cell, const struct premise *premise, struct err *ret_err)
{
	struct confine_cell guest = { .plan = &plan, .guest_id = GUEST_ID };
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC), status;

	assert_true(out >= 0);
	memcpy(guest.fds, cell->namespaces, sizeof cell->namespaces);
	memcpy(guest.namespaces, cell->named.namespaces.ino, sizeof guest.namespaces);
	guest.fds[GUEST_STDOUT] = guest.fds[GUEST_STDERR] = out;
	guest.fds[GUEST_GATE] = cell->gate;
	guest.fds[GUEST_CGROUP] = -EBADF;

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		become_root_inside(&cell->nest.nursery);
		CHECK(setns(guest.fds[NS_PID], CLONE_NEWPID) == 0);

		pid_t inside = fork();

		CHECK(inside >= 0);
		if (inside > 0) {
			CHECK(waitpid(inside, &status, 0) == inside);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
		}
		(void)setsid();
		premise->take_away(&guest);
		leave(confine(&guest, ret_err) < 0 ? 0 : look_like_a_guest(&guest));
	}
	(void)fd_close(out);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void take_nothing(struct confine_cell *cell)
{
	(void)cell;
}

static void take_gate(struct confine_cell *cell)
{
	cell->fds[GUEST_GATE] = -EBADF;
}

static void swap_namespaces(struct confine_cell *cell)
{
	cell->namespaces[NS_NET]++;
}

static void forget_pid_namespace(struct confine_cell *cell)
{
	cell->namespaces[NS_PID] = 1;
}

static void stay_root(struct confine_cell *cell)
{
	cell->guest_id = 0;
}

static void take_unmapped_id(struct confine_cell *cell)
{
	cell->guest_id = IDS_MAPPED;
}

static void plan_missing_path(struct confine_cell *cell)
{
	(void)cell;
	memcpy(plan.paths[0], "/absent", sizeof "/absent");
}

static void plan_canary(struct confine_cell *cell)
{
	(void)cell;
	memcpy(plan.paths[0], "/run", sizeof "/run");
}

static void forget_filter(struct confine_cell *cell)
{
	(void)cell;
	plan.filters.allow.count = 0;
}

static void allow_everything(struct confine_cell *cell)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, 0x7fff0000u); /* SECCOMP_RET_ALLOW */

	(void)cell;
	plan.filters.allow = plan.filters.refuse = (struct filter){ .count = 1, .rows = { allow } };
}

static void allow_what_is_refused(struct confine_cell *cell)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, 0x7fff0000u); /* SECCOMP_RET_ALLOW */

	(void)cell;
	plan.filters.refuse = (struct filter){ .count = 1, .rows = { allow } };
}

static void allow_what_is_not_known(struct confine_cell *cell)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, 0x7fff0000u);

	(void)cell;
	plan.filters.allow = (struct filter){ .count = 1, .rows = { allow } };
}

static const struct premise premises[] = {
	{ "", take_nothing, false },
	{ "descriptors", take_gate, false },
	{ "namespaces", swap_namespaces, false },
	{ "namespaces", forget_pid_namespace, false },
	{ "identity", stay_root, false },
	{ "identity", take_unmapped_id, false },
	{ "landlock", plan_missing_path, true },
	{ "landlock", plan_canary, true },
	{ "seccomp", forget_filter, false },
	{ "seccomp", allow_everything, false },
	{ "seccomp", allow_what_is_refused, false },
	{ "seccomp", allow_what_is_not_known, false },
};

static void a_stage_without_its_premise_is_named_and_stops_the_guest(void **state)
{
	struct err *err = mmap(NULL, sizeof *err, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(err != MAP_FAILED);
	assert_int_equal(filters_build(&plan.filters, err), 0);
	plan.landlock_abi = landlock_probe();
	plan.paths_count = 3;
	memcpy(plan.paths[0], "/usr", sizeof "/usr");
	memcpy(plan.paths[1], "/etc", sizeof "/etc");
	memcpy(plan.paths[2], "/proc", sizeof "/proc");
	array_for_each(premises, premise) {
		struct cell cell;
		size_t length = strlen(premise->stage);

		if (premise->takes_landlock && plan.landlock_abi == 0) {
			print_message("left out: this kernel has no Landlock\n");
			continue;
		}
		*err = (struct err){ 0 };
		cell_open(&cell);
		confine_a_child(&cell, premise, err);
		cell_close(&cell);
		if (length == 0 && err->code != 0)
			fail_msg("%s", err->text);
		if (length > 0 && (err->code >= 0 || strncmp(err->text, premise->stage, length) != 0 || err->text[length] != ':'))
			fail_msg("%s should have failed: %d, '%s'", premise->stage, err->code, err->text);
		assert_true(length == 0 || strstr(err->text, "the guest could still "));
	}
	(void)munmap(err, sizeof *err);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_stage_without_its_premise_is_named_and_stops_the_guest),
};

unit_main(tests)
