/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/warden.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARM_UP_SECONDS   60
#define MAX_FAILED_STARTS 5

static void generation_lost(struct generation *generation, const char *what);

/* --- what the zygote and the nursery say ---------------------------------------------------------------------------------------- */

void generation_describe(const struct generation *generation)
{
	const struct environment_options *options = generation->environment->options;
	struct wire_environment frame = {
		.head = WIRE_HEAD(WIRE_ENVIRONMENT),
		.warm_up_us = generation->warm_up / NSEC_PER_USEC,
		.memory_bytes = generation->memory_bytes,
		.started_ns = generation->started,
		.provider = "native",
		.slots = options->slots,
		.idle = options->idle,
	};

	(void)snprintf(frame.name, sizeof frame.name, "%s", options->name);
	(void)snprintf(frame.preload, sizeof frame.preload, "%s", options->preload);
	memcpy(frame.python, generation->python, sizeof frame.python);
	upstream_tell(&generation->warden->upstream, &frame, sizeof frame);
}

static void became_warm(struct generation *generation, const struct order *hello)
{
	struct environment *environment = generation->environment;

	generation->is_warm = true;
	generation->warm_up = clock_now() - generation->started;
	generation->memory_bytes = hello->hello.memory_bytes;
	(void)snprintf(generation->python, sizeof generation->python, "%.31s", hello->hello.python);
	event_del(generation->on_slow);
	environment->failed_starts = 0;
	if (environment->current) {
		environment->current->is_retired = true;
		log_note("%s: a new zygote took over after %" PRIu64 " runs of the old one", environment->options->name,
			 environment->current->forks);
	}
	environment->current = generation;
	environment->coming = NULL;
	generation_describe(generation);
	warden_fill(environment->warden);
}

static void read_zygote(evutil_socket_t fd, short what, void *arg)
{
	struct generation *generation = arg;
	struct warden *warden = generation->warden;
	struct order order;
	_cleanup_(fd_closep) int pidfd = -EBADF;
	int r = order_recv_of(fd, &order, &pidfd, 1, &warden->ids.base, 1);

	(void)what;
	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		generation_lost(generation, "the zygote died");
		return;
	}
	struct slot *slot;

	switch (order.type) {
	case ORDER_HELLO:
		if (!generation->is_warm)
			became_warm(generation, &order);
		else if (order.serial < warden->options->common.slots)
			forker_made(&warden->slots[order.serial], pidfd);
		break;
	case ORDER_GUEST_BORN:
		slot = warden_find_cell(warden, order.serial);
		if (slot)
			slot_guest_born(slot, order.guest.pid);
		break;
	case ORDER_GUEST_EXIT:
		slot = warden_find_guest(warden, generation, order.guest.pid);
		if (slot)
			slot_guest_exited(slot, order.guest.status);
		break;
	default:
		generation_lost(generation, "the zygote sent a frame that it should not know");
	}
}

static void read_nursery(evutil_socket_t fd, short what, void *arg)
{
	struct generation *generation = arg;
	struct order order;
	_cleanup_(fd_closep) int pidfd = -EBADF;
	int r = order_recv_of(fd, &order, &pidfd, 1, &generation->warden->ids.base, 1);

	(void)what;
	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		generation_lost(generation, "the nursery died");
		return;
	}

	struct slot *slot = warden_find_cell(generation->warden, order.serial);

	if (!slot)
		return;
	if (order.type == ORDER_CELL_BORN && pidfd >= 0)
		slot_cell_born(slot, &pidfd);
	else
		slot_cell_failed(slot, order.type == ORDER_CELL_FAILED ? order.text : "the nursery sent an unknown frame");
}

/* What Python or the nursery writes while it starts: for the log, a line at a time. Guests have streams of their own. */
static void read_output(evutil_socket_t fd, short what, void *arg)
{
	struct generation *generation = arg;
	char text[4 * KIB];
	ssize_t n = read(fd, text, sizeof text - 1);

	(void)what;
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			event_del(generation->on_output);
		return;
	}
	text[n] = '\0';
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (line[0])
			log_note("environment %s: %s", generation->environment->options->name, line);
		generation->has_spoken = true;
	}
}

static void see_death(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	generation_lost(arg, "the nursery died");
}

static void see_slowness(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	generation_lost(arg, "the zygote did not warm up in time");
}

/* --- life ------------------------------------------------------------------------------------------------------------------------- */

/* Its cells are dead with it, or about to be. The server goes on with a new one, unless that dies young again and again. */
static void generation_lost(struct generation *generation, const char *what)
{
	struct warden *warden = generation->warden;
	struct environment *environment = generation->environment;
	bool was_wanted = !generation->is_retired;
	struct err err;

	read_output(generation->nursery.output, EV_READ, generation); /* its last words say why */
	if (!environment->is_proven || (!generation->is_warm && ++environment->failed_starts >= MAX_FAILED_STARTS)) {
		if (!generation->has_spoken)
			log_line("%s while the environment %s started", what, environment->options->name);
		warden->exit_status = 3;
		(void)event_base_loopbreak(warden->loop);
		return;
	}
	log_line("%s: %s; making a new one", environment->options->name, what);
	if (environment->current == generation)
		environment->current = NULL;
	if (environment->coming == generation)
		environment->coming = NULL;
	nursery_kill(&generation->nursery);
	for (unsigned i = 0; i < warden->options->common.slots; i++)
		slot_lose_generation(&warden->slots[i], generation);
	generation->cells = 0;
	generation_free(generation);
	if (was_wanted && !environment->coming && generation_start(environment, &err) < 0) {
		log_line("%s", err.text);
		warden->exit_status = 1;
		(void)event_base_loopbreak(warden->loop);
	}
}

static struct event *watch(struct generation *generation, int fd, event_callback_fn callback)
{
	struct event *event = event_new(generation->warden->loop, fd, EV_READ | EV_PERSIST, callback, generation);

	if (event && event_add(event, NULL) < 0)
		warden_free_event(&event);
	return event;
}

static int start_nursery(struct generation *generation, struct err *err)
{
	struct warden *warden = generation->warden;
	const struct environment_options *options = generation->environment->options;
	struct nursery_spec spec = {
		.id_base = warden->ids.base,
		.id_count = IDS_MAPPED,
		.python = options->python,
		.plan = &generation->plan,
		.cgroup_fd = cgroup_tree_nursery_fd(warden->tree),
		.root = { .dir = options->root,
			  .guest_id_first = IDS_FIRST_GUEST,
			  .guest_ids = warden->options->common.slots,
			  .preload = options->preload },
	};

	memcpy(spec.root.boot_fds, warden->boot_fds, sizeof spec.root.boot_fds);
	generation->plan = (struct confine_plan){ .filters = warden->filters, .landlock_abi = warden->landlock_abi };
	strncpy(generation->plan.skip_stage, warden->options->skip_stage, sizeof generation->plan.skip_stage - 1);
	return nursery_start(&spec, &generation->nursery, err);
}

int generation_start(struct environment *environment, struct err *err)
{
	struct warden *warden = environment->warden;
	struct generation *generation = calloc(1, sizeof *generation);
	struct timeval slow = { .tv_sec = WARM_UP_SECONDS };

	if (!generation)
		return err_set(err, -ENOMEM, "no memory for a nursery");
	generation->warden = warden;
	generation->environment = environment;
	generation->started = clock_now();

	int r = start_nursery(generation, err);

	if (r < 0) {
		free(generation);
		return r;
	}
	generation->on_death = watch(generation, generation->nursery.pidfd, see_death);
	generation->on_link = watch(generation, generation->nursery.link, read_nursery);
	generation->on_zygote = watch(generation, generation->nursery.zygote_link, read_zygote);
	generation->on_output = watch(generation, generation->nursery.output, read_output);
	generation->on_slow = evtimer_new(warden->loop, see_slowness, generation);
	generation->next = warden->generations;
	warden->generations = generation;
	environment->coming = generation;
	if (generation->on_slow)
		(void)evtimer_add(generation->on_slow, &slow);
	if (!generation->on_death || !generation->on_link || !generation->on_zygote || !generation->on_output ||
	    !generation->on_slow)
		return err_set(err, -ENOMEM, "no memory for a nursery's events");
	return 0;
}

void generation_free(struct generation *generation)
{
	struct warden *warden = generation->warden;

	for (struct generation **at = &warden->generations; *at; at = &(*at)->next) {
		if (*at == generation) {
			*at = generation->next;
			break;
		}
	}
	warden_free_event(&generation->on_death);
	warden_free_event(&generation->on_link);
	warden_free_event(&generation->on_zygote);
	warden_free_event(&generation->on_output);
	warden_free_event(&generation->on_slow);
	nursery_kill(&generation->nursery);
	free(generation);
}

void generation_rotate(struct environment *environment)
{
	const struct options *options = environment->warden->options;
	struct generation *current = environment->current;
	struct err err;

	if (!current || environment->coming)
		return;
	if (current->forks < options->zygote_max_forks &&
	    clock_now() - current->started < options->zygote_max_seconds * NSEC_PER_SEC)
		return;
	if (generation_start(environment, &err) < 0)
		log_line("the zygote cannot be replaced now: %s", err.text);
}

void generation_collect(struct warden *warden)
{
	for (struct generation *generation = warden->generations, *next; generation; generation = next) {
		next = generation->next;
		if (!generation->is_retired || generation->cells > 0)
			continue;
		for (unsigned i = 0; i < warden->options->common.slots; i++)
			slot_lose_generation(&warden->slots[i], generation);
		generation_free(generation);
	}
}
