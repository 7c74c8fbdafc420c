/* SPDX-License-Identifier: Apache-2.0
 *
 * A call that a guest's filter refuses stands still until it is answered here, on the warden's time, which belongs to all cells. So a guest
 * is answered at once for as many calls as honest programs make, and then a few at a time, with a rest between: it is the guest that
 * waits, and its wall time goes on.
 */
#include "warden/warden.h"

#include "cell/listener.h"

#include <sys/wait.h>

#define ANSWERS_AT_ONCE 300 /* of a cell; with those after a rest 100 a second */
#define ANSWERS_A_REST  10
#define ANSWERS_A_TURN  16 /* then the other cells' turn comes */

static const struct timeval rest_time = { .tv_usec = 100000 };

/* The guest has done all that is its own, and stands in this call until it is killed. When nothing else lives in the cell, its streams are whole
 * and its status is known: what is left is the kernel's work, and nobody has to wait for it. Otherwise it ends as any other process; and so does
 * one that says so again. */
static bool take_end(struct slot *slot, int status)
{
	bool can_be_last = slot->state == SLOT_RUNNING && !(slot->job.frame.flags & (WIRE_JOB_REPORT | WIRE_JOB_OUTPUTS)) &&
			   !slot->job.evidence.has_status && !slot->has_ended_early;

	if (!can_be_last || !cgroup_group_has_one(slot->group)) {
		slot->has_ended_early = true;
		return false;
	}
	warden_free_event(&slot->on_listener);
	job_end(&slot->job, W_EXITCODE(status, 0));
	slot->job.is_halted = true;
	slot_guest_exited(slot, slot->job.evidence.status);
	return true;
}

/* Counted when the caller has its errno: one that was interrupted asks again. False: it cannot be answered. */
static bool refuse(struct slot *slot, const struct listener_call *call)
{
	bool is_program = slot->state == SLOT_RUNNING && !slot->job.evidence.has_status;
	int r = listener_refuse(slot->listener, call);

	if (r == 0 && is_program && !call->is_end)
		refused_add(&slot->job.refused, call->what);
	return r == 0 || r == -ENOENT;
}

/* One call. False: none waits, or nobody listens any more. */
static bool hear_one(struct slot *slot)
{
	struct listener_call call;
	int r = listener_hear(slot->listener, &call);

	if (r == 0 || (r > 0 && call.is_end && take_end(slot, call.status)))
		return false;
	if (r < 0 || !refuse(slot, &call)) {
		hear_close(slot); /* nobody is left, or what failed is ours: who waits gets ENOSYS */
		return false;
	}
	slot->answers_left--;
	return true;
}

static void hear(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	unsigned turn = 0;

	(void)fd;
	(void)what;
	while (turn < ANSWERS_A_TURN && slot->answers_left > 0 && hear_one(slot))
		turn++;
	if (slot->answers_left > 0 || !slot->on_listener)
		return;
	if (event_del(slot->on_listener) < 0 || evtimer_add(slot->on_rest, &rest_time) < 0)
		hear_close(slot);
}

void hear_on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;

	(void)fd;
	(void)what;
	slot->answers_left = ANSWERS_A_REST;
	if (slot->on_listener && event_add(slot->on_listener, NULL) < 0)
		hear_close(slot);
}

void hear_open(struct slot *slot, int *listener)
{
	slot->listener = fd_take(listener);
	slot->answers_left = ANSWERS_AT_ONCE;
	if (slot->listener >= 0 && slot_watch(slot, &slot->on_listener, slot->listener, hear) < 0)
		hear_close(slot);
}

void hear_close(struct slot *slot)
{
	warden_free_event(&slot->on_listener);
	(void)evtimer_del(slot->on_rest);
	slot->listener = fd_close(slot->listener);
}
