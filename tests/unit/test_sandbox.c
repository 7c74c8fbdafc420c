/* SPDX-License-Identifier: Apache-2.0 */
#include "front/filter.h"
#include "unit.h"

#include "base/macro.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name) \
	{ \
		SYS_##name, #name \
	}

static const struct {
	long number;
	const char *name;
} refused[] = {
	CALL(fork),
	CALL(vfork),
	CALL(clone),
	CALL(clone3),
	CALL(execve),
	CALL(execveat),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(pidfd_open),
	CALL(pidfd_getfd),
	CALL(kill),
	CALL(mount),
	CALL(umount2),
	CALL(open_tree),
	CALL(move_mount),
	CALL(fsopen),
	CALL(pivot_root),
	CALL(chroot),
	CALL(unshare),
	CALL(setns),
	CALL(open),
	CALL(openat),
	CALL(openat2),
	CALL(creat),
	CALL(unlink),
	CALL(rename),
	CALL(mkdir),
	CALL(mknod),
	CALL(chmod),
	CALL(chown),
	CALL(truncate),
	CALL(readlink),
	CALL(getdents64),
	CALL(socket),
	CALL(socketpair),
	CALL(connect),
	CALL(bind),
	CALL(listen),
	CALL(setuid),
	CALL(setresuid),
	CALL(capset),
	CALL(prctl),
	CALL(seccomp),
	CALL(bpf),
	CALL(perf_event_open),
	CALL(keyctl),
	CALL(add_key),
	CALL(io_uring_setup),
	CALL(userfaultfd),
	CALL(ioctl),
	CALL(personality),
	CALL(init_module),
	CALL(dup2),
	CALL(landlock_create_ruleset),
	CALL(shmget),
	CALL(msgget),
	CALL(getppid),
	CALL(sched_setaffinity),
	CALL(reboot),
};

/* Not _exit(3): AddressSanitizer makes calls of its own there, which the filter refuses. */
static void leave(int status)
{
	(void)syscall(SYS_exit_group, status);
}

static void confine(void)
{
	const struct sandbox_ids ids = { .uid = 65534, .gid = 65534, .is_set = geteuid() == 0 };
	struct err err;

	if (sandbox_enter(&front_profile, &ids, -EBADF, &err) < 0) {
		print_error("%s\n", err.text);
		_exit(2);
	}
}

/* Runs a body in a child that is confined first; the child's exit status says how it went. */
static void check_confined(int (*body)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		confine();
		leave(body());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int try_refused(void)
{
	int failures = 0;

	array_for_each(refused, call) {
		errno = 0;
		if (syscall(call->number, 0, 0, 0, 0, 0, 0) != -1 || errno != EPERM) {
			print_error("%s: %d, not EPERM\n", call->name, errno);
			failures++;
		}
	}
	return failures;
}

static int try_memory(void)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED || code != MAP_FAILED || errno != EPERM)
		return 1;
	return mprotect(data, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EPERM ? 0 : 2;
}

static int try_needed(void)
{
	static const char text[] = "x";
	int fd = memfd_create("code", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd >= 0 && write(fd, text, 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 && close(fd) == 0 ? 0 : 1;
}

static void calls_that_serving_does_not_need_are_refused(void **state)
{
	(void)state;
	check_confined(try_refused);
}

static void memory_is_never_executable(void **state)
{
	(void)state;
	check_confined(try_memory);
}

static void calls_that_serving_needs_work(void **state)
{
	(void)state;
	check_confined(try_needed);
}

static void root_that_would_stay_root_is_an_error(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();

	pid_t child = fork();

	if (child == 0) {
		const struct sandbox_ids ids = { 0 };
		struct err err;

		_exit(sandbox_enter(&front_profile, &ids, -EBADF, &err) == -EPERM ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(calls_that_serving_does_not_need_are_refused),
	cmocka_unit_test(memory_is_never_executable),
	cmocka_unit_test(calls_that_serving_needs_work),
	cmocka_unit_test(root_that_would_stay_root_is_an_error),
};

unit_main(tests)
