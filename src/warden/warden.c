/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/warden.h"

#include "base/log.h"
#include "cell/landlock.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_SECONDS 1
#define TICKS_A_WORD 10 /* between two words to the supervisor that cells work */

void warden_free_event(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

/* --- looking things up ---------------------------------------------------------------------------------------------------------------- */

struct slot *warden_find_cell(struct warden *warden, uint64_t serial)
{
	for (unsigned i = 0; i < warden->options->common.slots; i++) {
		if (serial != 0 && warden->slots[i].serial == serial)
			return &warden->slots[i];
	}
	return NULL;
}

struct slot *warden_find_guest(struct warden *warden, const struct generation *generation, pid_t pid)
{
	for (unsigned i = 0; i < warden->options->common.slots; i++) {
		struct slot *slot = &warden->slots[i];

		if (pid > 0 && slot->guest_pid == pid && slot->generation == generation && !slot->job.evidence.has_status)
			return slot;
	}
	return NULL;
}

/* --- keeping cells ready -------------------------------------------------------------------------------------------------------------- */

static bool is_on_its_way(const struct slot *slot)
{
	return slot->state == SLOT_ATTACHING || slot->state == SLOT_MAKING;
}

/* Ready cells of a retired zygote go one at a time, each after its successor is ready somewhere. */
static void retire_one(const struct environment *environment)
{
	for (unsigned i = 0; i < environment->options->slots; i++) {
		struct slot *slot = &environment->slots[i];

		if (slot->state == SLOT_READY && slot->generation->is_retired) {
			slot_retire_cell(slot);
			return;
		}
	}
}

static void fill_environment(const struct environment *environment)
{
	unsigned wanted = environment->options->idle;
	bool is_quiet = true;
	nsec_t now = clock_now();

	if (!environment->current)
		return;
	for (unsigned i = 0; i < environment->options->slots; i++) {
		const struct slot *slot = &environment->slots[i];

		is_quiet &= !is_on_its_way(slot);
		if (wanted > 0 && (is_on_its_way(slot) || slot->state == SLOT_READY))
			wanted--;
	}
	for (unsigned i = 0; wanted > 0 && i < environment->options->slots; i++) {
		struct slot *slot = &environment->slots[i];

		if (slot->state != SLOT_EMPTY || now < slot->not_before)
			continue;
		slot_make_cell(slot);
		is_quiet = false;
		wanted--;
	}
	if (is_quiet)
		retire_one(environment);
}

static void fill(evutil_socket_t fd, short what, void *arg)
{
	struct warden *warden = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < warden->environments_count; i++)
		fill_environment(&warden->environments[i]);
}

void warden_fill(struct warden *warden)
{
	event_active(warden->on_fill, EV_TIMEOUT, 0); /* after the current callback, so that no slot is made inside its own end */
}

/* Whether one is ready, or runs: its end is watched by the clock of this loop. */
static bool has_working_cell(const struct warden *warden)
{
	for (unsigned i = 0; i < warden->options->common.slots; i++) {
		enum slot_state state = warden->slots[i].state;

		if (state == SLOT_READY || state == SLOT_RUNNING || state == SLOT_ASKING)
			return true;
	}
	return false;
}

/* Whether a front is served by now. */
static bool is_proven(const struct warden *warden)
{
	for (size_t i = 0; i < warden->environments_count; i++) {
		if (!warden->environments[i].is_proven)
			return false;
	}
	return true;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct warden *warden = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < warden->environments_count; i++)
		generation_rotate(&warden->environments[i]);
	generation_collect(warden);
	warden_fill(warden);
	if (++warden->ticks % TICKS_A_WORD == 0 && is_proven(warden) && has_working_cell(warden))
		(void)upstream_announce(&warden->upstream, &warden->ids); /* a supervisor that is gone is noticed otherwise */
}

/* --- supervisor and front --------------------------------------------------------------------------------------------------------------- */

static void offer_all(void *arg)
{
	struct warden *warden = arg;

	for (size_t i = 0; i < warden->environments_count; i++) {
		if (warden->environments[i].current)
			generation_describe(warden->environments[i].current);
	}
	for (unsigned i = 0; i < warden->options->common.slots; i++)
		slot_offer(&warden->slots[i]);
}

static void lose_supervisor(const char *why, void *arg)
{
	struct warden *warden = arg;

	if (why)
		log_line("%s", why);
	(void)event_base_loopbreak(warden->loop);
}

static const struct upstream_events upstream_events = { .front_came = offer_all, .ended = lose_supervisor };

void warden_prove(struct environment *environment)
{
	struct warden *warden = environment->warden;
	bool was_proven = environment->is_proven;

	environment->is_proven = true;
	if (!was_proven && is_proven(warden) && upstream_announce(&warden->upstream, &warden->ids) < 0)
		(void)event_base_loopbreak(warden->loop);
}

static void see_term(evutil_socket_t fd, short what, void *arg)
{
	struct warden *warden = arg;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(warden->loop);
}

/* --- start and end ------------------------------------------------------------------------------------------------------------------------ */

/* The zygote's files lie beside this program, in the build folder as when installed. */
static int open_beside(const char *name, int *ret_fd, struct err *err)
{
	char path[PATH_MAX], file[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n < 0)
		return err_set(err, -errno, "/proc/self/exe cannot be read");
	path[n] = '\0';
	(void)snprintf(file, sizeof file, "%s/%s", dirname(path), name);
	*ret_fd = open(file, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(err, -errno, "%s, a part of safexec, cannot be opened", file) : 0;
}

static int add_events(struct warden *warden)
{
	struct timeval second = { .tv_sec = TICK_SECONDS };

	warden->on_term = evsignal_new(warden->loop, SIGTERM, see_term, warden);
	warden->on_tick = event_new(warden->loop, -1, EV_PERSIST, tick, warden);
	warden->on_fill = event_new(warden->loop, -1, 0, fill, warden);
	if (!warden->on_term || !warden->on_tick || !warden->on_fill)
		return -ENOMEM;
	return event_add(warden->on_term, NULL) < 0 || event_add(warden->on_tick, &second) < 0 ? -ENOMEM : 0;
}

static int make_slots(struct warden *warden, struct err *err)
{
	unsigned index = 0;

	warden->slots = calloc(warden->options->common.slots, sizeof *warden->slots);
	if (!warden->slots)
		return err_set(err, -ENOMEM, "no memory for %u slots", warden->options->common.slots);
	for (size_t i = 0; i < warden->environments_count; i++) {
		struct environment *environment = &warden->environments[i];

		environment->slots = &warden->slots[index];
		for (unsigned end = index + environment->options->slots; index < end; index++) {
			int r = slot_init(&warden->slots[index], environment, index, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int start_environments(struct warden *warden, struct err *err)
{
	for (size_t i = 0; i < warden->environments_count; i++) {
		int r = generation_start(&warden->environments[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int warden_open(struct warden *warden, const struct options *options, struct err *err)
{
	*warden = (struct warden){ .options = options, .upstream = UPSTREAM_NONE };
	array_for_each(warden->boot_fds, fd)
		*fd = -EBADF;
	warden->ids.claim = -EBADF;
	for (; warden->environments_count < options->environments_count; warden->environments_count++) {
		warden->environments[warden->environments_count] =
			(struct environment){ .warden = warden, .options = &options->environments[warden->environments_count] };
	}
	warden->loop = event_base_new();
	if (!warden->loop)
		return err_set(err, -ENOMEM, "no memory for an event loop");

	int r = ids_claim(&warden->ids, err);

	if (r == 0)
		r = filters_build(&warden->filters, err);
	for (size_t i = 0; r == 0 && i < ROOT_BOOT_FILES; i++)
		r = open_beside(root_boot_names[i], &warden->boot_fds[i], err);
	if (r == 0)
		r = cgroup_tree_open(options->common.name, options->turn, warden->ids.base, &warden->tree, err);
	if (r < 0)
		return r;
	warden->landlock_abi = landlock_probe();
	r = make_slots(warden, err);
	if (r == 0 && (add_events(warden) < 0 ||
		       upstream_open(&warden->upstream, warden->loop, options->common.supervisor_fd, &upstream_events, warden) < 0))
		r = err_set(err, -ENOMEM, "no memory for events");
	return r < 0 ? r : start_environments(warden, err);
}

void warden_close(struct warden *warden)
{
	for (struct generation *generation = warden->generations; generation; generation = generation->next)
		nursery_kill(&generation->nursery);
	for (unsigned i = 0; warden->slots && i < warden->options->common.slots; i++) {
		if (warden->slots[i].warden)
			slot_free(&warden->slots[i]);
	}
	while (warden->generations)
		generation_free(warden->generations);
	free(warden->slots);
	upstream_close(&warden->upstream);
	if (warden->tree)
		cgroup_tree_close(warden->tree);
	warden_free_event(&warden->on_term);
	warden_free_event(&warden->on_tick);
	warden_free_event(&warden->on_fill);
	array_for_each(warden->boot_fds, fd)
		(void)fd_close(*fd);
	(void)fd_close(warden->ids.claim);
	if (warden->loop)
		event_base_free(warden->loop);
}
