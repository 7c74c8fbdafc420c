/* SPDX-License-Identifier: Apache-2.0
 *
 * The zygote's fork without an interpreter: what Python would do before and after it is counted instead.
 */
#include "private.h"
#include "unit.h"
#include "zygote/fork.h"

#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* As Python.h declares them. */
void PyOS_BeforeFork(void);
void PyOS_AfterFork_Parent(void);

static int before, after;

void PyOS_BeforeFork(void)
{
	before++;
}

void PyOS_AfterFork_Parent(void)
{
	after++;
}

static volatile sig_atomic_t heard;

static void hear(int number)
{
	heard = number;
}

static int is_whole(void)
{
	if (signal(SIGUSR1, hear) == SIG_ERR || raise(SIGUSR1) != 0 || heard != SIGUSR1)
		return 1;
	return syscall(SYS_gettid) == getpid() ? 0 : 2;
}

static void a_child_knows_its_own_thread_and_the_parent_its_pidfd(void **state)
{
	int pidfd = -EBADF, status;

	(void)state;
	before = after = 0;
	assert_int_equal(fork_prepare(), 0);

	pid_t child = fork_into_cell(-EBADF, -EBADF, false, &pidfd);

	assert_true(child >= 0);
	if (child == 0)
		_exit(after == 0 ? is_whole() : 10);
	assert_int_equal(before, 1);
	assert_int_equal(after, 1);

	struct pollfd waited = { .fd = pidfd, .events = POLLIN };

	assert_int_equal(poll(&waited, 1, 20000), 1);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	(void)fd_close(pidfd);
}

/* The kernel gives a robust lock back only when its word holds the dead thread's id and the list was announced: glibc's record
 * of the thread was right in the child. set_robust_list(2) */
static void a_lock_that_a_child_died_with_is_given_back(void **state)
{
	pthread_mutex_t *lock = mmap(NULL, sizeof(pthread_mutex_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t robust;
	int status;

	(void)state;
	assert_true(lock != MAP_FAILED);
	(void)pthread_mutexattr_init(&robust);
	(void)pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
	(void)pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	(void)pthread_mutex_init(lock, &robust);
	assert_int_equal(fork_prepare(), 0);

	pid_t child = fork_into_cell(-EBADF, -EBADF, false, NULL);

	assert_true(child >= 0);
	if (child == 0)
		_exit(pthread_mutex_lock(lock));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_mutex_trylock(lock), EOWNERDEAD);
	(void)pthread_mutex_consistent(lock);
	(void)pthread_mutex_unlock(lock);
	(void)munmap(lock, sizeof(pthread_mutex_t));
}

/* A forker's guests are the zygote's children, which is who hears of their end. */
static void a_sibling_is_its_parents_parents_child(void **state)
{
	int tell[2], status;
	pid_t sibling = 0;

	(void)state;
	assert_int_equal(fork_prepare(), 0);
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);

	pid_t forker = fork_into_cell(-EBADF, -EBADF, false, NULL);

	assert_true(forker >= 0);
	if (forker == 0) {
		pid_t guest = fork_into_cell(-EBADF, -EBADF, true, NULL);

		if (guest == 0)
			_exit(is_whole() == 0 ? 7 : 8);
		_exit(write(tell[1], &guest, sizeof guest) == (ssize_t)sizeof guest && waitpid(guest, NULL, 0) < 0 ? 0 : 1);
	}
	assert_int_equal(read(tell[0], &sibling, sizeof sibling), sizeof sibling);
	assert_int_equal(waitpid(sibling, &status, __WALL), sibling);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(waitpid(forker, &status, 0), forker);
	assert_int_equal(status, 0);
	(void)fd_close(tell[0]);
	(void)fd_close(tell[1]);
}

static void fork_into_a_pid_namespace(void)
{
	int status, own = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);

	CHECK(own >= 0 && fork_prepare() == 0);

	pid_t child = fork_into_cell(own, -EBADF, false, NULL);

	CHECK(child >= 0);
	if (child == 0)
		_exit(getppid() == 1 && getpid() > 1 && is_whole() == 0 ? 0 : 1);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void a_child_is_born_in_the_given_pid_namespace(void **state)
{
	(void)state;
	private_run(CLONE_NEWPID, fork_into_a_pid_namespace);
}

static void what_cannot_be_joined_is_an_error_and_no_child(void **state)
{
	_cleanup_(fd_closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	before = after = 0;
	assert_int_equal(fork_prepare(), 0);
	assert_int_equal(fork_into_cell(null, -EBADF, false, NULL), -EINVAL); /* not a namespace */
	assert_int_equal(fork_into_cell(-EBADF, null, false, NULL), -EBADF);  /* not a cgroup */
	assert_int_equal(before, after);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_child_knows_its_own_thread_and_the_parent_its_pidfd),
	cmocka_unit_test(a_lock_that_a_child_died_with_is_given_back),
	cmocka_unit_test(a_sibling_is_its_parents_parents_child),
	cmocka_unit_test(a_child_is_born_in_the_given_pid_namespace),
	cmocka_unit_test(what_cannot_be_joined_is_an_error_and_no_child),
};

unit_main(tests)
