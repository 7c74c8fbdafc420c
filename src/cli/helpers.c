/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/helpers.h"

#include "base/fd.h"
#include "base/log.h"
#include "wire/ids.h"
#include "wire/store.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GRACE (5 * NSEC_PER_SEC)

static const uint32_t offsets[HELPERS] = {
	[HELPER_STORE] = IDS_STORE_OFFSET - IDS_FRONT_OFFSET,
	[HELPER_SENDER] = IDS_SENDER_OFFSET - IDS_FRONT_OFFSET,
};

void helpers_init(struct helpers *helpers, const struct args args[HELPERS])
{
	*helpers = (struct helpers){ .args = args, .linked = { -EBADF, -EBADF } };
	for (int i = 0; i < HELPERS; i++)
		helpers->list[i] = (struct helper){ .child = { .program = args[i].items[0] }, .fd = -EBADF };
}

static int start(struct helper *helper, struct args args, struct err *err)
{
	int ends[2];
	int r = frame_new_pair(ends);

	if (r < 0)
		return err_set(err, r, "Cannot make a socket for %s", helper->child.program);

	_cleanup_(fd_closep) int ours = ends[0], theirs = ends[1];

	(void)snprintf(helper->uid_text, sizeof helper->uid_text, "%u", helper->uid);
	(void)snprintf(helper->gid_text, sizeof helper->gid_text, "%u", helper->gid);
	args_add_option(&args, "--supervisor-fd", "3");
	args_add_option(&args, "--uid", helper->uid_text);
	args_add_option(&args, "--gid", helper->gid_text);
	r = spawn_program(&args, &theirs, 1, &helper->child.pid, err);
	if (r == 0)
		helper->fd = fd_take(&ours);
	return r;
}

static void keep(struct helper *helper, const struct args *args, uint32_t uid, uint32_t gid)
{
	nsec_t now = clock_now();
	struct err err = { 0 };
	int r;

	if (helper->child.pid != 0 && (helper->uid != uid || helper->gid != gid))
		child_end(&helper->child, SIGTERM, now, GRACE); /* a new warden has other ids to give */
	if (helper->child.pid != 0 || helper->is_given_up)
		return;
	helper->uid = uid;
	helper->gid = gid;
	if (!child_may_start(&helper->child, now)) {
		r = err_say(&err, -EAGAIN, "%s keeps dying.", helper->child.program);
	} else {
		child_note_start(&helper->child, now);
		r = start(helper, *args, &err);
	}
	if (r == 0)
		return;
	helper->is_given_up = true;
	log_line("%s The server goes on without it.", err.text);
}

static void send_end(int socket, uint64_t peer, bool is_followed, int end)
{
	const struct store_link frame = { .head = STORE_HEAD(STORE_LINK, peer), .is_followed = is_followed };
	int r = frame_send(socket, &frame, sizeof frame, &end, 1);

	if (r < 0 && r != -EPIPE && r != -ECONNRESET) /* whoever has just died is told of when its exit comes */
		log_line("A link cannot be handed on: %s", strerrordesc_np(-r));
}

/* A pair of sockets, an end to each; each is told who is at the other one. is_followed: the first gets another such link next. */
static void link_two(int one, uint64_t one_is, int other, uint64_t other_is, bool is_followed)
{
	int ends[2];
	int r = frame_new_pair(ends);

	if (r < 0) {
		log_line("A link cannot be made: %s", strerrordesc_np(-r));
		return;
	}
	send_end(one, other_is, is_followed, ends[0]);
	send_end(other, one_is, false, ends[1]);
	(void)fd_close(ends[0]);
	(void)fd_close(ends[1]);
}

void helpers_adopt(struct helpers *helpers, int which, pid_t pid, int fd, int front_fd)
{
	struct helper *helper = &helpers->list[which];

	helper->child.pid = pid;
	helper->fd = fd;
	helper->uid = helper->gid = UINT32_MAX; /* nobody's: helpers_keep puts one of our own in its place */
	if (pid == 0)
		return;
	helpers->is_sender_linked = true;
	if (which == HELPER_STORE)
		helpers->linked[0] = front_fd;
}

/* Whether it is there and was not asked to make room for another. */
static bool stays(const struct helper *helper)
{
	return helper->fd >= 0 && !helper->child.was_asked;
}

static int *find_linked(struct helpers *helpers, int front_fd)
{
	array_for_each(helpers->linked, linked) {
		if (*linked == front_fd)
			return linked;
	}
	return NULL;
}

static bool needs_link(struct helpers *helpers, int front_fd)
{
	return front_fd >= 0 && !find_linked(helpers, front_fd);
}

/* A store that has just come has to know of both before it goes by the word of one. */
static void link_fronts(struct helpers *helpers, const int front_fds[static HELPER_FRONTS])
{
	const struct helper *store = &helpers->list[HELPER_STORE];

	for (int i = 0; i < HELPER_FRONTS && stays(store); i++) {
		int *place = find_linked(helpers, -EBADF);

		if (!place || !needs_link(helpers, front_fds[i]))
			continue;
		link_two(store->fd, STORE_PEER_STORE, front_fds[i], STORE_PEER_FRONT,
			 i + 1 < HELPER_FRONTS && needs_link(helpers, front_fds[i + 1]));
		*place = front_fds[i];
	}
}

void helpers_keep(struct helpers *helpers, uint32_t front_uid, uint32_t front_gid, const int front_fds[static HELPER_FRONTS])
{
	const struct helper *store = &helpers->list[HELPER_STORE], *sender = &helpers->list[HELPER_SENDER];
	bool is_root = geteuid() == 0;

	for (int i = 0; i < HELPERS; i++)
		keep(&helpers->list[i], &helpers->args[i], is_root ? front_uid + offsets[i] : front_uid,
		     is_root ? front_gid + offsets[i] : front_gid);
	link_fronts(helpers, front_fds);
	if (!helpers->is_sender_linked && stays(store) && stays(sender)) {
		link_two(store->fd, STORE_PEER_STORE, sender->fd, STORE_PEER_SENDER, false);
		helpers->is_sender_linked = true;
	}
}

void helpers_read_store(struct helpers *helpers)
{
	struct helper *store = &helpers->list[HELPER_STORE];
	struct store_up up = { 0 };
	size_t fds_count;
	ssize_t size = frame_recv(store->fd, &up, sizeof up, NULL, 0, &fds_count);

	if (size == (ssize_t)sizeof up && up.head.magic == STORE_MAGIC && up.head.type == STORE_UP && !helpers->is_store_up) {
		helpers->is_store_up = true;
		helpers->keys = up.status == 0 ? up.keys : 0;
		return;
	}
	if (size > 0)
		log_line("%s sent something unexpected; ending it", store->child.program);
	store->fd = fd_close(store->fd);
	child_end(&store->child, SIGTERM, clock_now(), GRACE);
}

bool helpers_take_exit(struct helpers *helpers, pid_t pid, int wait_status)
{
	array_for_each(helpers->list, helper) {
		if (child_take_exit(&helper->child, pid, wait_status))
			return true;
	}
	return false;
}

static void note_exit(struct helpers *helpers, struct helper *helper, bool is_ending)
{
	char text[CHILD_TEXT_BYTES];

	helper->fd = fd_close(helper->fd);
	helpers->is_sender_linked = false;
	if (helper == &helpers->list[HELPER_STORE]) {
		helpers->linked[0] = helpers->linked[1] = -EBADF;
		helpers->is_store_up = false;
	}
	if (child_ended_well(&helper->child) && (is_ending || helper->child.was_asked))
		return;
	helper->is_given_up |= child_gave_reason(&helper->child);
	log_line("%s %s", helper->child.program, child_describe(&helper->child, text));
}

void helpers_look(struct helpers *helpers, bool is_ending)
{
	array_for_each(helpers->list, helper) {
		if (child_look(&helper->child))
			note_exit(helpers, helper, is_ending);
	}
}

void helpers_lose_front(struct helpers *helpers, int front_fd)
{
	int *linked = front_fd >= 0 ? find_linked(helpers, front_fd) : NULL;

	if (linked)
		*linked = -EBADF;
}

void helpers_end(struct helpers *helpers)
{
	array_for_each(helpers->list, helper)
		child_end(&helper->child, SIGTERM, clock_now(), GRACE);
}

void helpers_kill(const struct helpers *helpers)
{
	array_for_each(helpers->list, helper)
		child_kill(&helper->child);
}

bool helpers_are_there(const struct helpers *helpers)
{
	array_for_each(helpers->list, helper) {
		if (helper->child.pid != 0)
			return true;
	}
	return false;
}

nsec_t helpers_check_time(struct helpers *helpers, nsec_t now)
{
	nsec_t until = 0;

	array_for_each(helpers->list, helper) {
		nsec_t at = child_check_time(&helper->child, now);

		if (at != 0 && (until == 0 || at < until))
			until = at;
	}
	return until;
}
