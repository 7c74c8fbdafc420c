/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's own answers under both filters, loaded in a child as a guest loads them. Only calls that do no harm when
 * a filter has a hole.
 */
#include "cell/listener.h"
#include "unit.h"

#include "base/macro.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH (1L << 32)

static struct filters filters;

static unsigned told; /* refused calls that came to the listener */

static int load_heard(const struct filter *filter)
{
	struct sock_fprog program = { filter->count, (struct sock_filter *)(uintptr_t)filter->rows };
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

	if (listener < 0)
		_exit(102);
	return listener;
}

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

/* Answers what the child's filter refuses until the child is dead. */
static void listen_to(int listener)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };
	struct listener_call call;
	int r = 0;

	while (r >= 0) {
		assert_int_equal(poll(&polled, 1, 10000), 1);
		r = listener_hear(listener, &call);
		if (r == 1) {
			r = listener_refuse(listener, &call); /* it may have been killed */
			assert_true(r == 0 || r == -ENOENT);
			assert_true(listener_refuse(listener, &call) < 0);
			r = 0;
			told++;
		}
	}
	assert_int_equal(r, -EPIPE);
	assert_int_equal(listener_hear(listener, &call), -EPIPE);
}

enum hearing { HEARD, UNHEARD, ALONE }; /* a listener, one that has gone away, a filter that says it all */

/* Runs body in a child under both filters; its status is the number of failures. */
static void check_filtered(int (*body)(void), enum hearing hearing)
{
	struct err err;
	int status, pair[2], listener = -EBADF;

	assert_int_equal(filters_build(&filters, &err), 0);
	assert_int_equal(frame_new_pair(pair), 0);
	told = 0;

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		char byte = 'x';

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(101);
		if (hearing == ALONE)
			load(&filters.refuse_alone);
		else
			listener = load_heard(&filters.refuse);
		load(&filters.allow);
		if (frame_send(pair[1], &byte, 1, &listener, listener >= 0 ? 1 : 0) < 0)
			_exit(103);
		(void)close(listener);
		(void)close(pair[0]);
		(void)frame_recv(pair[1], &byte, 1, NULL, 0, &(size_t){ 0 }); /* until the parent has it, or has closed it */
		leave(body());
	}

	char byte;
	size_t count = 0;

	assert_int_equal(frame_recv(pair[0], &byte, 1, &listener, 1, &count), 1);
	assert_int_equal(count, hearing == ALONE ? 0 : 1);
	if (hearing == UNHEARD)
		listener = fd_close(listener);
	assert_int_equal(frame_send(pair[0], &byte, 1, NULL, 0), 0);
	if (hearing == HEARD)
		listen_to(listener);
	(void)fd_close(listener);
	(void)close(pair[0]);
	(void)close(pair[1]);
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
		CALL(EPERM, syncfs, -1),
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

/* "older" kernels, which do not know these calls, are what a program sees when nobody listens any more. */
static int make_calls_unheard(void)
{
	static const long calls[] = { SYS_setns, SYS_mount, SYS_ptrace, SYS_keyctl, SYS_bpf, SYS_seccomp, FILTER_END_CALL };
	int failures = 0;

	array_for_each(calls, call) {
		long argument = *call == FILTER_END_CALL ? (long)FILTER_END_MARK : -1;

		failures += syscall(*call, argument, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS;
	}
	return failures;
}

/* A tracer could let go on what `allow` leaves to one: there is none, and a program cannot become one. */
static int have_no_tracer(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status;

	if (child == 0)
		leave(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM ? 0 : 1);
	return child < 0 || waitpid(child, &status, 0) != child || status != 0 ||
	       syscall(SYS_ptrace, PTRACE_SEIZE, getppid(), 0, PTRACE_O_TRACESECCOMP) != -1 || errno != EPERM;
}

static int die_in_a_call(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		leave(make_calls());
	(void)kill(child, SIGKILL); /* wherever it stands */
	return waitpid(child, NULL, 0) != child;
}

static void refused_calls_fail_with_their_errno_and_the_program_lives(void **state)
{
	(void)state;
	check_filtered(make_calls, HEARD);
	assert_in_range(told, 20, 40);
	check_filtered(make_calls, ALONE);
}

static void a_listener_that_has_gone_lets_nothing_go_on(void **state)
{
	(void)state;
	check_filtered(make_calls_unheard, UNHEARD);
}

static void nobody_can_trace(void **state)
{
	(void)state;
	check_filtered(have_no_tracer, HEARD);
	assert_int_equal(told, 2);
}

static void a_caller_that_is_killed_does_not_stop_the_listener(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++)
		check_filtered(die_in_a_call, HEARD);
}

static void the_i386_entry_is_closed(void **state)
{
	(void)state;
	check_filtered(enter_as_i386, HEARD);
}

static void sockets_and_children_work(void **state)
{
	(void)state;
	check_filtered(do_honest_work, HEARD);
	assert_int_equal(told, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(refused_calls_fail_with_their_errno_and_the_program_lives),
	cmocka_unit_test(a_listener_that_has_gone_lets_nothing_go_on),
	cmocka_unit_test(nobody_can_trace),
	cmocka_unit_test(a_caller_that_is_killed_does_not_stop_the_listener),
	cmocka_unit_test(the_i386_entry_is_closed),
	cmocka_unit_test(sockets_and_children_work),
};

unit_main(tests)
