/* SPDX-License-Identifier: Apache-2.0
 *
 * The verdict table of the guests' filters, asked in user space: nothing here is called, so that the list can hold what
 * would stop the machine. test_filter_live.c checks a part of it against the kernel.
 */
#include "bpf.h"
#include "cell/filter.h"
#include "unit.h"

#include "base/macro.h"
#include "spec/refused.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HIGH       (UINT64_C(1) << 32) /* what the kernel does not look at in an int */
#define X32        0x40000000u
#define ARCH_X32   AUDIT_ARCH_X86_64 /* x32 has no number of its own: the call's has a bit */
#define THREAD     (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS)
#define LAST_KNOWN 600

static struct filters filters;

static int build(void **state)
{
	struct err err;

	if (filters_build(&filters, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	return unit_note_fds(state);
}

/* The kernel takes the strictest answer, whatever the order (seccomp(2)); one that it tells a listener of is for the table to say. 0: allowed. */
static int verdict(uint32_t arch, long number, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)number, .arch = arch };
	int error;

	memcpy(data.args, args, sizeof data.args);

	uint32_t first = bpf_run(&filters.allow, &data), second = bpf_run(&filters.refuse, &data);
	uint32_t counts = first < second ? first : second;

	switch (counts & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return 0;
	case SECCOMP_RET_TRACE: /* by nobody */
		return ENOSYS;
	case SECCOMP_RET_USER_NOTIF:
		(void)filters_judge(&data, &error);
		assert_int_not_equal(error, 0);
		return error;
	case SECCOMP_RET_ERRNO:
		assert_true((counts & SECCOMP_RET_DATA) != 0);
		return (int)(counts & SECCOMP_RET_DATA);
	default:
		fail_msg("%s", "a refused call never kills");
		return -1;
	}
}

/* Without a listener: what the filter says by itself. */
static int verdict_alone(uint32_t arch, long number, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)number, .arch = arch };

	memcpy(data.args, args, sizeof data.args);

	uint32_t first = bpf_run(&filters.allow, &data), second = bpf_run(&filters.refuse_alone, &data);

	if (second != SECCOMP_RET_ALLOW)
		return (int)(second & SECCOMP_RET_DATA);
	return first == SECCOMP_RET_ALLOW ? 0 : ENOSYS;
}

struct call {
	const char *name;
	long number;
	uint64_t args[6];
	int want; /* errno, or 0 */
};

static void check_call(const struct call *call)
{
	int got = verdict(AUDIT_ARCH_X86_64, call->number, call->args);

	assert_int_equal(verdict_alone(AUDIT_ARCH_X86_64, call->number, call->args), call->want);
	if (got != call->want)
		fail_msg("%s(%#llx, %#llx, %#llx): %d, not %d", call->name, (unsigned long long)call->args[0],
			 (unsigned long long)call->args[1], (unsigned long long)call->args[2], got, call->want);
}

#define CALL(want, name, ...) \
	{ \
#name, SYS_##name, { __VA_ARGS__ }, want \
	}

static void arguments_decide_where_they_matter_and_only_by_the_bits_that_the_kernel_sees(void **state)
{
	/* clang-format off */
	static const struct call calls[] = {
		CALL(0, socket, AF_UNIX, SOCK_STREAM), CALL(0, socket, AF_UNIX, SOCK_DGRAM, 1), CALL(0, socket, AF_UNIX | HIGH, SOCK_STREAM),
		CALL(0, socket, AF_INET, SOCK_STREAM, 0), CALL(0, socket, AF_INET, SOCK_STREAM, 6), CALL(0, socket, AF_INET, SOCK_DGRAM, 17),
		CALL(0, socket, AF_INET6, SOCK_STREAM, 0), CALL(0, socket, AF_INET6, SOCK_STREAM, 6), CALL(0, socket, AF_INET6, SOCK_DGRAM, 17),
		CALL(0, socket, AF_INET | HIGH, SOCK_STREAM, 6 | HIGH),
		CALL(ENOSYS, socket, AF_INET, SOCK_DGRAM, 1), CALL(ENOSYS, socket, AF_INET, SOCK_RAW, 255), CALL(ENOSYS, socket, AF_INET, SOCK_STREAM, 132),
		CALL(ENOSYS, socket, AF_INET, SOCK_STREAM, 262), CALL(ENOSYS, socket, AF_INET6, SOCK_DGRAM, 58), CALL(ENOSYS, socket, AF_INET, 1, 132 | HIGH),
		CALL(0, socket, AF_NETLINK, SOCK_RAW, 0), CALL(ENOSYS, socket, AF_NETLINK, SOCK_RAW, 12), CALL(ENOSYS, socket, AF_NETLINK, SOCK_RAW, 9),
		CALL(EAFNOSUPPORT, socket, AF_VSOCK, SOCK_STREAM), CALL(EAFNOSUPPORT, socket, AF_VSOCK | HIGH, SOCK_STREAM),
		CALL(EAFNOSUPPORT, socket, AF_VSOCK | 0xffffffff00000000, SOCK_STREAM),
		CALL(EAFNOSUPPORT, socket, AF_ALG, SOCK_SEQPACKET), CALL(EAFNOSUPPORT, socket, AF_ALG | HIGH, SOCK_SEQPACKET),
		CALL(EAFNOSUPPORT, socket, AF_PACKET, SOCK_RAW), CALL(EAFNOSUPPORT, socket, AF_XDP, SOCK_RAW), CALL(EAFNOSUPPORT, socket, AF_UNSPEC, SOCK_RAW),
		CALL(EAFNOSUPPORT, socket, AF_BLUETOOTH, SOCK_RAW), CALL(EAFNOSUPPORT, socket, AF_TIPC, SOCK_STREAM), CALL(EAFNOSUPPORT, socket, AF_RDS, SOCK_SEQPACKET),
		CALL(EAFNOSUPPORT, socket, 63, SOCK_STREAM), CALL(ENOSYS, socket, 64, SOCK_STREAM), CALL(ENOSYS, socket, 0xffffffff, SOCK_STREAM),
		CALL(0, socketpair, AF_UNIX, SOCK_STREAM), CALL(0, socketpair, AF_UNIX | HIGH, SOCK_STREAM),
		CALL(EAFNOSUPPORT, socketpair, AF_INET, SOCK_STREAM), CALL(EAFNOSUPPORT, socketpair, AF_TIPC, SOCK_STREAM),
		CALL(EAFNOSUPPORT, socketpair, AF_TIPC | HIGH, SOCK_STREAM),

		CALL(0, clone, SIGCHLD), CALL(0, clone, CLONE_VM | CLONE_VFORK | SIGCHLD), CALL(0, clone, THREAD),
		CALL(0, clone, SIGCHLD | HIGH), CALL(0, clone, CLONE_PARENT | SIGCHLD),
		CALL(EPERM, clone, CLONE_NEWUSER | SIGCHLD), CALL(EPERM, clone, CLONE_NEWUSER | HIGH), CALL(EPERM, clone, CLONE_NEWUSER | 0xffffffff00000000),
		CALL(EPERM, clone, CLONE_NEWNS), CALL(EPERM, clone, CLONE_NEWCGROUP), CALL(EPERM, clone, CLONE_NEWUTS), CALL(EPERM, clone, CLONE_NEWIPC),
		CALL(EPERM, clone, CLONE_NEWPID), CALL(EPERM, clone, CLONE_NEWNET), CALL(EPERM, clone, CLONE_NEWNET | CLONE_NEWUSER | THREAD),
		CALL(EPERM, clone, 0xffffffff), CALL(ENOSYS, clone3, 0, 88),

		CALL(0, ioctl, 1, 0x5413), CALL(EPERM, ioctl, 0, 0x5412), CALL(EPERM, ioctl, 0, 0x5412 | HIGH), CALL(EPERM, ioctl, 0, 0x541c),
		CALL(0, fcntl, 3, F_GETFD), CALL(0, fcntl, 3, F_DUPFD_CLOEXEC), CALL(EPERM, fcntl, 3, F_NOTIFY), CALL(EPERM, fcntl, 3, F_NOTIFY | HIGH),

		CALL(0, madvise, 0, 4096, 4), CALL(EINVAL, madvise, 0, 4096, 12), CALL(EINVAL, madvise, 0, 4096, 12 | HIGH),
		CALL(0, prctl, 15), CALL(EINVAL, prctl, 67, 1), CALL(EINVAL, prctl, 67 | HIGH, 1), CALL(EINVAL, prctl, 62, 1),

		CALL(0, mknod, 0, 0600), CALL(0, mknod, 0, S_IFREG | 0600), CALL(0, mknod, 0, S_IFIFO | 0600), CALL(0, mknod, 0, S_IFSOCK | 0777),
		CALL(EPERM, mknod, 0, S_IFCHR | 0666), CALL(EPERM, mknod, 0, S_IFBLK | 0666), CALL(EPERM, mknod, 0, S_IFCHR | HIGH), CALL(ENOSYS, mknod, 0, S_IFDIR),
		CALL(0, mknodat, 3, 0, S_IFIFO | 0600), CALL(EPERM, mknodat, 3, 0, S_IFCHR | 0666), CALL(EPERM, mknodat, 3, 0, S_IFBLK | HIGH),
	};
	/* clang-format on */

	(void)state;
	array_for_each(calls, call)
		check_call(call);
}

/* Each row of syscalls.def on its own, whatever the other arguments are. */
static void every_row_of_the_table_holds(void **state)
{
	enum { ALLOW_CALL, REFUSE_CALL, OTHER };
	static const struct {
		int kind;
		struct call call;
	} rows[] = {
#define ALLOW(c)                                { ALLOW_CALL, { #c, SYS_##c, { 0 }, 0 } },
#define ALLOW_IF(c, i, m, v)                    { OTHER, { #c, SYS_##c, { [i] = v }, 0 } },
#define ALLOW_SOCKET(family, protocol)          { OTHER, { "socket", SYS_socket, { family, SOCK_STREAM, protocol }, 0 } },
#define REFUSE(c, e, reason)                    { REFUSE_CALL, { #c, SYS_##c, { 0 }, e } },
#define REFUSE_IF(c, e, i, m, v, label, reason) { OTHER, { #c, SYS_##c, { [i] = v }, e } },
#define REFUSE_FAMILIES(c, e, reason)           { OTHER, { #c, SYS_##c, { AF_VSOCK }, e } },
#define QUIET(c, e, reason)                     { REFUSE_CALL, { #c, SYS_##c, { 0 }, e } },
#include "spec/syscalls.def"
	};

	(void)state;
	array_for_each(rows, row) {
		struct call call = row->call;

		check_call(&call);
		if (row->kind == OTHER || call.number == SYS_ioctl || call.number == SYS_fcntl)
			continue;
		memset(call.args, 0xff, sizeof call.args);
		check_call(&call);
	}
}

static void a_refused_call_has_the_name_of_its_row_or_its_family(void **state)
{
	static const struct {
		struct seccomp_data call;
		const char *name;
		int error;
	} rows[] = {
		{ { .nr = SYS_ptrace }, "ptrace", EPERM },
		{ { .nr = SYS_inotify_init1, .args = { 1 } }, "inotify_init1", ENOSYS },
		{ { .nr = SYS_clone, .args = { CLONE_NEWUSER | SIGCHLD | HIGH } }, "clone(CLONE_NEWUSER)", EPERM },
		{ { .nr = SYS_clone, .args = { CLONE_NEWNET | CLONE_NEWNS } }, "clone(CLONE_NEWNS)", EPERM },
		{ { .nr = SYS_ioctl, .args = { 0, 0x5412 | HIGH } }, "ioctl(TIOCSTI)", EPERM },
		{ { .nr = SYS_mknodat, .args = { 3, 0, S_IFCHR | 0600 } }, "mknodat(S_IFCHR)", EPERM },
		{ { .nr = SYS_socket, .args = { AF_VSOCK | HIGH, SOCK_STREAM } }, "socket(AF_VSOCK)", EAFNOSUPPORT },
		{ { .nr = SYS_socket, .args = { 0 } }, "socket(AF_UNSPEC)", EAFNOSUPPORT },
		{ { .nr = SYS_socket, .args = { AF_MCTP } }, "socket(AF_MCTP)", EAFNOSUPPORT },
		{ { .nr = SYS_socket, .args = { 63 } }, "socket(63)", EAFNOSUPPORT },
		{ { .nr = SYS_socketpair, .args = { AF_INET } }, "socketpair(AF_INET)", EAFNOSUPPORT },
		/* What no notification is made of; were there one, it is an errno all the same. */
		{ { .nr = SYS_socket, .args = { 64 } }, "other", ENOSYS },
		{ { .nr = SYS_socket, .args = { 0xffffffff } }, "other", ENOSYS },
		{ { .nr = SYS_socket, .args = { AF_UNIX } }, "other", ENOSYS },
		{ { .nr = SYS_read }, "other", ENOSYS },
		{ { .nr = SYS_clone3 }, "other", ENOSYS },
		{ { .nr = -1 }, "other", ENOSYS },
		{ { .nr = LAST_KNOWN }, "other", ENOSYS },
	};

	(void)state;
	array_for_each(rows, row) {
		char name[REFUSED_NAME_BYTES];
		int error = 0;

		refused_name(filters_judge(&row->call, &error), name);
		assert_string_equal(name, row->name);
		assert_int_equal(error, row->error);
	}
}

/* Of every number, with arguments that some row looks for: what is told to the listener is in the table, and only that. */
static void the_listener_knows_all_that_it_is_told_of(void **state)
{
	static const uint64_t values[] = { 0,  1,    2,      12,     40,         62,      63,      64,
					   67, 1026, 0x5412, 0x541c, 0x10000000, 0020000, 0060000, UINT64_MAX };
	int error;

	(void)state;
	for (int number = 0; number < LAST_KNOWN; number++) {
		array_for_each(values, value) {
			struct seccomp_data data = { .nr = number, .arch = AUDIT_ARCH_X86_64 };

			array_for_each(data.args, argument)
				*argument = *value;

			bool is_told = bpf_run(&filters.refuse, &data) == SECCOMP_RET_USER_NOTIF;

			assert_int_equal(is_told, filters_judge(&data, &error) < REFUSED_COUNT);
		}
	}
}

static void the_end_of_a_guest_is_told_by_its_mark_alone(void **state)
{
	struct seccomp_data data = { .nr = FILTER_END_CALL, .arch = AUDIT_ARCH_X86_64, .args = { FILTER_END_MARK } };

	(void)state;
	assert_int_equal(bpf_run(&filters.refuse, &data), SECCOMP_RET_USER_NOTIF);
	for (unsigned bit = 0; bit < 64; bit++) {
		data.args[0] = FILTER_END_MARK ^ UINT64_C(1) << bit;
		assert_int_equal(bpf_run(&filters.refuse, &data), SECCOMP_RET_ALLOW);
	}
	assert_int_equal(verdict(data.arch, data.nr, (const uint64_t *)data.args), 0); /* anybody's getpgrp(2) */
}

static void what_is_not_on_the_list_looks_like_an_older_kernel(void **state)
{
	static const struct call unknown[] = {
		CALL(ENOSYS, vserver),
		CALL(ENOSYS, afs_syscall),
		CALL(ENOSYS, uselib),
		CALL(ENOSYS, nfsservctl),
		{ "cachestat", 451, { 0 }, ENOSYS },
		{ "map_shadow_stack", 453, { 0 }, ENOSYS },
		{ "statmount", 457, { 0 }, ENOSYS },
		{ "open_tree_attr", 467, { 0 }, ENOSYS },
		{ "one of tomorrow", LAST_KNOWN, { 0 }, ENOSYS },
	};

	(void)state;
	array_for_each(unknown, call)
		check_call(call);
}

/* A number means another call there: 11 is munmap here and execve on i386. */
static void no_call_by_another_entry_is_allowed(void **state)
{
	static const struct {
		uint32_t arch, bit;
	} entries[] = {
		{ AUDIT_ARCH_I386, 0 },
		{ ARCH_X32, X32 },
		{ AUDIT_ARCH_AARCH64, 0 },
		{ AUDIT_ARCH_I386, X32 },
		{ ARCH_X32, 0x80000000u },
		{ ARCH_X32, X32 | 0x80000000u },
		{ 0, 0 },
		{ AUDIT_ARCH_X86_64 + 1, 0 },
	};
	const uint64_t args[6] = { 0 };

	(void)state;
	array_for_each(entries, entry) {
		for (uint32_t number = 0; number < LAST_KNOWN; number++) {
			int got = verdict(entry->arch, (long)(number | entry->bit), args);

			if (got != ENOSYS)
				fail_msg("arch %#x, number %#x: %d, not ENOSYS", entry->arch, number | entry->bit, got);
		}
	}
}

/* The kernel's limit is 4096 (BPF_MAXINSNS); a longer program is a slower one for each call of every guest. */
static void the_filters_are_as_short_as_they_have_to_be(void **state)
{
	(void)state;
	assert_in_range(filters.allow.count, 50, 900);
	assert_in_range(filters.refuse.count, 50, 900);
	assert_in_range(filters.refuse_alone.count, 50, 900);
}

static void building_them_twice_gives_the_same_filters(void **state)
{
	static struct filters again;
	struct err err;

	(void)state;
	assert_int_equal(filters_build(&again, &err), 0);
	assert_memory_equal(&again, &filters, sizeof again);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(arguments_decide_where_they_matter_and_only_by_the_bits_that_the_kernel_sees),
	cmocka_unit_test(every_row_of_the_table_holds),
	cmocka_unit_test(a_refused_call_has_the_name_of_its_row_or_its_family),
	cmocka_unit_test(the_listener_knows_all_that_it_is_told_of),
	cmocka_unit_test(the_end_of_a_guest_is_told_by_its_mark_alone),
	cmocka_unit_test(what_is_not_on_the_list_looks_like_an_older_kernel),
	cmocka_unit_test(no_call_by_another_entry_is_allowed),
	cmocka_unit_test(the_filters_are_as_short_as_they_have_to_be),
	cmocka_unit_test(building_them_twice_gives_the_same_filters),
};

int main(void)
{
	return cmocka_run_group_tests(tests, build, unit_check_fds) == 0 ? 0 : 1;
}
