/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pair.h"

#include "base/fd.h"
#include "base/log.h"
#include "wire/provider.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void pair_init(struct pair *pair, const struct pair_plan *plan, unsigned turn)
{
	*pair = (struct pair){
		.warden = { .program = plan->warden.items[0] },
		.front = { .program = plan->front.items[0] },
		.warden_fd = -EBADF,
		.front_fd = -EBADF,
		.turn = turn,
	};
	(void)snprintf(pair->turn_text, sizeof pair->turn_text, "%u", turn);
}

bool pair_is_there(const struct pair *pair)
{
	return pair->warden.pid != 0 || pair->front.pid != 0;
}

static int begin_start(struct child *child, struct err *err)
{
	nsec_t now = clock_now();

	if (!child_may_start(child, now))
		return err_say(err, -EAGAIN, "%s keeps dying; giving up.", child->program);
	child_note_start(child, now);
	return 0;
}

int pair_start_warden(struct pair *pair, const struct pair_plan *plan, struct err *err)
{
	struct args args = plan->warden;
	int ends[2];
	int r = begin_start(&pair->warden, err);

	if (r < 0)
		return r;
	r = frame_new_pair(ends);
	if (r < 0)
		return err_set(err, r, "Cannot make a socket for %s", pair->warden.program);

	_cleanup_(fd_closep) int ours = ends[0], theirs = ends[1];

	args_add_option(&args, "--supervisor-fd", "3");
	if (pair->turn > 1 && !plan->is_alone)
		args_add_option(&args, "--turn", pair->turn_text);
	r = spawn_program(&args, &theirs, 1, &pair->warden.pid, err);
	if (r < 0)
		return r;
	pair->warden_fd = fd_take(&ours);
	return 0;
}

int pair_start_front(struct pair *pair, const struct pair_plan *plan, struct err *err)
{
	const struct wire_front frame = { .head = WIRE_HEAD(WIRE_FRONT) };
	struct args args = plan->front;
	int ends[2];
	int r = begin_start(&pair->front, err);

	if (r < 0)
		return r;
	r = frame_new_pair(ends);
	if (r < 0)
		return err_set(err, r, "Cannot make a link for %s", pair->front.program);

	_cleanup_(fd_closep) int warden_end = ends[0], front_end = ends[1];

	r = frame_send(pair->warden_fd, &frame, sizeof frame, &warden_end, 1);
	if (r == -EPIPE || r == -ECONNRESET)
		return 0; /* the warden has just died: its exit is the next thing we hear of */
	if (r < 0)
		return err_set(err, r, "Cannot hand %s a link", pair->warden.program);
	r = frame_new_pair(ends);
	if (r < 0)
		return err_set(err, r, "Cannot make a socket for %s", pair->front.program);

	_cleanup_(fd_closep) int ours = ends[0], theirs = ends[1];

	(void)snprintf(pair->uid_text, sizeof pair->uid_text, "%u", pair->front_uid);
	(void)snprintf(pair->gid_text, sizeof pair->gid_text, "%u", pair->front_gid);
	args_add_option(&args, "--listen-fd", "3");
	args_add_option(&args, "--provider-fd", "4");
	args_add_option(&args, "--supervisor-fd", "5");
	args_add_option(&args, "--uid", pair->uid_text);
	args_add_option(&args, "--gid", pair->gid_text);
	r = spawn_program(&args, (int[]){ plan->listen_fd, front_end, theirs }, 3, &pair->front.pid, err);
	if (r == 0)
		pair->front_fd = fd_take(&ours);
	return r;
}

void pair_lose_front(struct pair *pair)
{
	pair->front_fd = fd_close(pair->front_fd);
}

/* The front may not be root's; without root there is no choice but our own ids. */
static bool take_ids(struct pair *pair, const struct wire_ready *ready)
{
	bool is_root = geteuid() == 0;

	if (is_root && (ready->front_uid == 0 || ready->front_gid == 0))
		return false;
	pair->front_uid = is_root ? ready->front_uid : getuid();
	pair->front_gid = is_root ? ready->front_gid : getgid();
	return true;
}

/* A front is of no use without the warden whose cells it holds. */
static void retire_front(struct pair *pair)
{
	child_end(&pair->front, SIGTERM, clock_now(), PAIR_LOST_GRACE);
	pair->front.was_asked = true; /* also when it has ended already: it follows its warden */
}

bool pair_read_warden(struct pair *pair)
{
	struct wire_ready ready;
	size_t fds_count;
	ssize_t size = frame_recv(pair->warden_fd, &ready, sizeof ready, NULL, 0, &fds_count);

	if (size > 0 && wire_is(&ready, size, WIRE_READY, wire_ready) && take_ids(pair, &ready)) {
		pair->is_ready = true;
		pair->lived_at = clock_now();
		return true;
	}
	/* It ends, or talks nonsense and has to: the exit is told of when it comes. */
	if (size > 0)
		log_line("%s sent something unexpected; ending it", pair->warden.program);
	pair->warden_fd = fd_close(pair->warden_fd);
	pair->is_ready = false;
	child_end(&pair->warden, SIGTERM, clock_now(), PAIR_LOST_GRACE);
	retire_front(pair);
	return false;
}

void pair_lose_warden(struct pair *pair)
{
	pair->warden_fd = fd_close(pair->warden_fd);
	pair->is_ready = false;
	retire_front(pair);
}

void pair_end(struct pair *pair, bool is_reload)
{
	nsec_t now = clock_now();

	if (is_reload)
		child_end(&pair->front, SIGHUP, now, PAIR_RELOAD_GRACE);
	else
		child_end(&pair->front, SIGTERM, now, PAIR_FRONT_GRACE);
	if (pair->front.pid == 0)
		child_end(&pair->warden, SIGTERM, now, PAIR_WARDEN_GRACE);
}

nsec_t pair_check_time(struct pair *pair, nsec_t now)
{
	nsec_t front = child_check_time(&pair->front, now), warden = child_check_time(&pair->warden, now);

	return front != 0 && (warden == 0 || front < warden) ? front : warden;
}
