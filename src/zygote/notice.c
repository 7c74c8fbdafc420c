/* SPDX-License-Identifier: Apache-2.0 */
#include "zygote/notice.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK UINT64_C(0x5afe0e7d1a57ca11) /* exit_group's second argument, which the kernel does not look at */

static struct {
	pid_t guest;
	int status;
	bool has_status;
} notice; /* listed in ARCHITECTURE.md under "Mutable globals" */

/* The first one that was registered is called last: the script's, and those of its libraries, are over. */
static void note_status(int status, void *arg)
{
	(void)arg;
	notice.status = status;
	notice.has_status = true;
}

/* Comes after the destructors of all libraries that were loaded later. Those that were there before have none that could be noticed; what
 * exit() would do after them is to write out C's streams. A child or another thread of the guest ends as ever. */
__attribute__((destructor(101))) static void give_notice(void)
{
	if (!notice.has_status || notice.guest != getpid() || notice.guest != gettid())
		return;
	(void)fflush(NULL);
	(void)syscall(SYS_exit_group, notice.status, MARK);
	/* ENOSYS: nobody listens any more. exit() goes on. */
}

void notice_prepare(void)
{
	(void)on_exit(note_status, NULL);
}

int notice_open(void)
{
	const uint32_t low = (uint32_t)MARK, high = (uint32_t)(MARK >> 32);
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + sizeof(uint32_t)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof rows / sizeof rows[0], rows };
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

	notice.guest = getpid();
	return listener < 0 ? -errno : listener;
}
