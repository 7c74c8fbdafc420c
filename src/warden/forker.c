/* SPDX-License-Identifier: Apache-2.0
 *
 * Forkers, for cgroup version 1: a copy of the zygote lives in each slot's groups, and the slot's guests are born there as its
 * children would be. It is asked of the zygote, moved once, and then serves until its generation is replaced.
 */
#include "warden/warden.h"

#include "base/num.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void forker_drop(struct slot *slot)
{
	warden_free_event(&slot->on_forker);
	slot->forker_link = fd_close(slot->forker_link); /* it exits at end of file */
	slot->forker_from = NULL;
}

static void read_forker(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	struct order order;
	int r = order_recv_of(fd, &order, NULL, 0, &slot->warden->ids.base, 1);

	(void)what;
	if (r == -EAGAIN)
		return;
	if (r > 0 && order.type == ORDER_GUEST_BORN) {
		if (order.serial == slot->serial)
			slot_guest_born(slot, order.guest.pid);
		return;
	}
	forker_drop(slot);
	if (slot->state == SLOT_ATTACHING || slot->state == SLOT_MAKING)
		slot_cell_failed(slot, "the slot's forker died");
}

void forker_ask(struct slot *slot)
{
	struct generation *current = slot->environment->current;
	struct order order = { .type = ORDER_FORKER, .serial = slot->index };
	int link[2];

	forker_drop(slot);
	if (frame_new_pair(link) < 0)
		return;
	slot->forker_link = link[0];
	slot->forker_from = current;
	slot->state = SLOT_ATTACHING;
	(void)evtimer_add(slot->on_deadline, &slot_setup_time);

	int r = frame_note_senders(link[0]);

	if (r == 0)
		r = fd_set_nonblock(link[0], true);

	if (r == 0)
		r = order_send(current->nursery.zygote_link, &order, &link[1], 1);
	(void)fd_close(link[1]);
	if (r == 0)
		r = slot_watch(slot, &slot->on_forker, slot->forker_link, read_forker);
	if (r < 0)
		slot_cell_failed(slot, "the zygote takes no orders");
}

static void see_attached(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	siginfo_t info = { 0 };

	(void)what;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0)
		return; /* we shall be called again */
	warden_free_event(&slot->on_attached);
	(void)fd_close(fd);
	if (slot->state != SLOT_ATTACHING)
		return;
	if (info.si_code != CLD_EXITED || info.si_status != 0) {
		forker_drop(slot);
		slot_cell_failed(slot, "the slot's forker cannot be moved into its cgroups");
		return;
	}
	(void)evtimer_del(slot->on_deadline);
	slot->state = SLOT_EMPTY;
	warden_fill(slot->warden);
}

static int pid_of(int pidfd, pid_t *ret_pid)
{
	char path[64], text[512];
	uint64_t pid;

	(void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	if (fd_read_file(AT_FDCWD, path, text, sizeof text) < 0)
		return -ESRCH;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "Pid:\t", 5) == 0 && num_parse_u64(line + 5, 1, INT32_MAX, &pid) == 0) {
			*ret_pid = (pid_t)pid;
			return 0;
		}
	}
	return -ESRCH;
}

/* A move into four version 1 groups sleeps some 50 ms; a child does it, and the loop goes on. */
void forker_made(struct slot *slot, int pidfd)
{
	pid_t forker;

	if (slot->state != SLOT_ATTACHING || slot->on_attached)
		return;
	if (pidfd < 0 || pid_of(pidfd, &forker) < 0) {
		forker_drop(slot);
		slot_cell_failed(slot, "the zygote cannot fork");
		return;
	}

	pid_t mover = fork();

	if (mover == 0)
		_exit(cgroup_group_attach(slot->group, forker) < 0);

	int watched = mover < 0 ? -1 : (int)syscall(SYS_pidfd_open, mover, 0);

	if (watched >= 0 && slot_watch(slot, &slot->on_attached, watched, see_attached) == 0)
		return;
	if (mover > 0)
		(void)waitpid(mover, NULL, 0);
	(void)fd_close(watched);
	slot_cell_failed(slot, "no process is left to move the slot's forker");
}
