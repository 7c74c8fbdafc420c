/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's own answers under both filters, loaded in a child as a guest loads them. Only calls that do no harm when
 * a filter has a hole.
 */
#include "cell/filter.h"
#include "unit.h"

#include "base/macro.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH (1L << 32)

static struct filters filters;

static void load(const struct filter *filter)
{
	struct sock_fprog program = { filter->count, (struct sock_filter *)(uintptr_t)filter->rows };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		_exit(100);
}

/* Not _exit(3): AddressSanitizer makes calls of its own there. */
static void leave(int status)
{
	(void)syscall(SYS_exit_group, status);
}

/* Runs body in a child under both filters; its status is the number of failures. */
static void check_filtered(int (*body)(void))
{
	struct err err;
	int status;

	assert_int_equal(filters_build(&filters, &err), 0);

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(101);
		load(&filters.allow);
		load(&filters.refuse);
		leave(body());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define CALL(want, name, ...) \
	{ \
#name, SYS_##name, { __VA_ARGS__ }, want \
	}

static int make_calls(void)
{
	static const struct {
		const char *name;
		long number, args[3];
		int want;
	} calls[] = {
		/* An unfiltered kernel would answer EBADF, EFAULT or EINVAL to these. */
		CALL(EPERM, setns, -1, 0),
		CALL(EPERM, unshare, -1),
		CALL(EPERM, mount, 0, 0, 0),
		CALL(EPERM, umount2, 0, 0),
		CALL(EPERM, open_tree, -1, 0, 0),
		CALL(EPERM, open_by_handle_at, -1, 0, 0),
		CALL(EPERM, bpf, -1, 0, 0),
		CALL(EPERM, perf_event_open, 0, 0, -1),
		CALL(EPERM, keyctl, -1, 0, 0),
		CALL(EPERM, add_key, 0, 0, 0),
		CALL(EPERM, io_uring_setup, 1, 0),
		CALL(EPERM, userfaultfd, -1),
		CALL(EPERM, ptrace, -1, 0, 0),
		CALL(EPERM, process_vm_readv, 0, 0, 0),
		CALL(EPERM, pidfd_getfd, -1, 0, 0),
		CALL(EPERM, seccomp, -1, 0, 0),
		CALL(EPERM, modify_ldt, -1, 0, 0),
		CALL(EPERM, clone, CLONE_NEWUSER | SIGCHLD),
		CALL(EPERM, clone, CLONE_NEWUSER | SIGCHLD | HIGH),
		CALL(ENOSYS, clone3, 0, 0),
		CALL(ENOSYS, inotify_init1, 0),
		CALL(ENOSYS, memfd_secret, 0),
		CALL(EPERM, fcntl, 0, F_NOTIFY, 0),
		CALL(EPERM, fcntl, 0, F_NOTIFY | HIGH, 0),
		CALL(EPERM, ioctl, -1, 0x5412, 0),
		CALL(EAFNOSUPPORT, socket, AF_VSOCK, SOCK_STREAM, 0),
		CALL(EAFNOSUPPORT, socket, AF_VSOCK | HIGH, SOCK_STREAM, 0),
		CALL(EAFNOSUPPORT, socket, AF_ALG | HIGH, SOCK_SEQPACKET, 0),
		CALL(EAFNOSUPPORT, socketpair, AF_TIPC | HIGH, SOCK_STREAM, 0),
		CALL(ENOSYS, socket, AF_INET, SOCK_STREAM, 132),
		{ "getpid by the x32 entry", 0x40000000 | SYS_getpid, { 0 }, ENOSYS },
		{ "a call of tomorrow", 600, { 0 }, ENOSYS },
		/* And what is allowed reaches the kernel. */
		CALL(EBADF, read, -1, 0, 0),
		CALL(EBADF, ioctl, -1, 0x5413, 0),
		CALL(ESRCH, kill, 0x7ffffff0, 0),
		CALL(EBADF, pidfd_send_signal, -1, 0, 0),
	};
	int failures = 0;

	array_for_each(calls, call) {
		errno = 0;
		if (syscall(call->number, call->args[0], call->args[1], call->args[2], 0, 0, 0) != -1 || errno != call->want) {
			print_error("%s: %d, not %d\n", call->name, errno, call->want);
			failures++;
		}
	}
	return failures;
}

/* int $0x80 enters as i386, where 20 is getpid and here writev: the number alone says nothing. */
static int enter_as_i386(void)
{
	long answer = 20;

	__asm__ volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
	return answer == -ENOSYS ? 0 : 1;
}

static int do_honest_work(void)
{
	static const struct {
		int family, type, protocol;
	} kinds[] = {
		{ AF_UNIX, SOCK_STREAM, 0 }, { AF_INET, SOCK_STREAM, 6 }, { AF_INET6, SOCK_DGRAM, 17 }, { AF_NETLINK, SOCK_RAW, 0 }
	};
	int pair[2], status, failures = 0;

	array_for_each(kinds, kind) {
		int fd = socket(kind->family, kind->type | SOCK_CLOEXEC, kind->protocol);

		if (fd < 0 && errno != EAFNOSUPPORT) /* a kernel without IPv6 says that too */
			failures++;
		else if (fd >= 0)
			(void)close(fd);
	}
	failures += socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0;

	/* As fork() does it, but for the sanitizers' handlers. */
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		leave(7);
	failures += child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7;
	return failures;
}

static void refused_calls_fail_with_their_errno_and_the_program_lives(void **state)
{
	(void)state;
	check_filtered(make_calls);
}

static void the_i386_entry_is_closed(void **state)
{
	(void)state;
	check_filtered(enter_as_i386);
}

static void sockets_and_children_work(void **state)
{
	(void)state;
	check_filtered(do_honest_work);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(refused_calls_fail_with_their_errno_and_the_program_lives),
	cmocka_unit_test(the_i386_entry_is_closed),
	cmocka_unit_test(sockets_and_children_work),
};

unit_main(tests)
