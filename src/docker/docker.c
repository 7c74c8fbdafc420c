/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/docker.h"

#include "base/log.h"
#include "spec/environments.h"
#include "wire/provider.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICKS_A_WORD     10 /* of a second, between two words to the supervisor that cells work */
#define PATIENCE_SECONDS 9  /* for the Engine to remove everything; the supervisor's is ten */

/* --- keeping containers ready -------------------------------------------------------------------------------------------------- */

static void fill(evutil_socket_t fd, short what, void *arg)
{
	struct docker *docker = arg;
	unsigned making = 0, ready = 0, alive = 0;
	nsec_t now = clock_now();

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < docker->options->common.slots; i++) {
		enum slot_state state = docker->slots[i].state;

		making += state == SLOT_MAKING;
		ready += state == SLOT_READY;
		alive += state != SLOT_EMPTY;
	}
	if (docker->is_ending) {
		if (alive == 0)
			(void)event_base_loopbreak(docker->loop);
		return;
	}
	/* Making one keeps a CPU busy in the Engine for half a second: more at once would only slow the runs down. */
	for (unsigned i = 0;
	     i < docker->options->common.slots && making < docker->cpus && making + ready < docker->options->common.idle; i++) {
		struct slot *slot = &docker->slots[i];

		if (slot->state != SLOT_EMPTY || now < slot->not_before)
			continue;
		slot_make(slot);
		making++;
	}
}

void docker_fill(struct docker *docker)
{
	event_active(docker->on_fill, EV_TIMEOUT, 0); /* after the current callback, so that no slot is made inside its own end */
}

/* Whether one waits for a program or has one: its end is watched by the clock of this loop. */
static bool has_working_cell(const struct docker *docker)
{
	for (unsigned i = 0; i < docker->options->common.slots; i++) {
		enum slot_state state = docker->slots[i].state;

		if (state == SLOT_READY || state == SLOT_RUNNING || state == SLOT_COLLECTING)
			return true;
	}
	return false;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct docker *docker = arg;

	(void)fd;
	(void)what;
	docker_fill(docker);
	if (++docker->ticks % TICKS_A_WORD == 0 && docker->has_announced && has_working_cell(docker))
		(void)upstream_announce(&docker->upstream, &docker->ids); /* a supervisor that is gone is noticed otherwise */
}

/* --- supervisor and front ------------------------------------------------------------------------------------------------------ */

static void tell_environment(const struct docker *docker)
{
	const struct common_options *common = &docker->options->common;
	struct wire_environment told = { .head = WIRE_HEAD(WIRE_ENVIRONMENT), .slots = common->slots, .idle = common->idle };

	(void)snprintf(told.name, sizeof told.name, "%s", ENVIRONMENTS_DEFAULT);
	(void)snprintf(told.python, sizeof told.python, "%s", docker->python);
	upstream_tell(&docker->upstream, &told, sizeof told);
}

void docker_learn_python(struct docker *docker, const char *version)
{
	if (strcmp(docker->python, version) == 0)
		return;
	(void)snprintf(docker->python, sizeof docker->python, "%s", version);
	tell_environment(docker);
}

static void offer_all(void *arg)
{
	struct docker *docker = arg;

	tell_environment(docker);
	for (unsigned i = 0; i < docker->options->common.slots; i++)
		slot_offer(&docker->slots[i]);
}

static void lose_supervisor(const char *why, void *arg)
{
	if (why)
		log_line("%s", why);
	docker_end(arg, 0);
}

static const struct upstream_events upstream_events = { .front_came = offer_all, .ended = lose_supervisor };

/* --- start and end -------------------------------------------------------------------------------------------------------------- */

static void see_term(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	docker_end(arg, 0);
}

static void lose_patience(evutil_socket_t fd, short what, void *arg)
{
	struct docker *docker = arg;

	(void)fd;
	(void)what;
	log_line("the Engine has not removed every container; the next start does it, or: docker rm -f $(docker ps -aqf "
		 "label=safexec=%s)",
		 docker->options->common.name);
	docker->exit_status = 1;
	(void)event_base_loopbreak(docker->loop);
}

void docker_end(struct docker *docker, int exit_status)
{
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

	if (docker->is_ending)
		return;
	docker->is_ending = true;
	docker->exit_status = exit_status;
	upstream_drop_front(&docker->upstream);
	for (unsigned i = 0; i < docker->options->common.slots; i++) {
		struct slot *slot = &docker->slots[i];

		job_stop(&slot->job, VERDICT_INTERNAL);
		slot_remove(slot);
	}
	(void)evtimer_add(docker->on_patience, &patience);
	docker_fill(docker);
}

static int add_events(struct docker *docker)
{
	struct timeval second = { .tv_sec = 1 };

	docker->on_term = evsignal_new(docker->loop, SIGTERM, see_term, docker);
	docker->on_tick = event_new(docker->loop, -1, EV_PERSIST, tick, docker);
	docker->on_fill = event_new(docker->loop, -1, 0, fill, docker);
	docker->on_patience = evtimer_new(docker->loop, lose_patience, docker);
	if (!docker->on_term || !docker->on_tick || !docker->on_fill || !docker->on_patience)
		return -ENOMEM;
	return event_add(docker->on_term, NULL) < 0 || event_add(docker->on_tick, &second) < 0 ? -ENOMEM : 0;
}

static int make_slots(struct docker *docker)
{
	int r = 0;

	docker->slots = calloc(docker->options->common.slots, sizeof *docker->slots);
	for (unsigned i = 0; docker->slots && i < docker->options->common.slots && r == 0; i++)
		r = slot_init(&docker->slots[i], docker, i);
	return docker->slots ? r : -ENOMEM;
}

int docker_open(struct docker *docker, const struct options *options, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	*docker = (struct docker){
		.options = options,
		.cpus = cpus < 1 ? 1 : (unsigned)cpus,
		.name_claim = -EBADF,
		.upstream = UPSTREAM_NONE,
		.ids.claim = -EBADF,
		.scratch.dir = -EBADF,
	};
	docker->loop = event_base_new();
	if (!docker->loop || engine_new(docker->loop, options->engine_socket, &docker->engine) < 0)
		return err_set(err, -ENOMEM, "no memory for an event loop");

	int r = startup_find_engine(docker, err);

	if (r == 0)
		r = startup_find_image(docker, err);
	if (r == 0)
		r = startup_claim_name(options->common.name, &docker->name_claim, err);
	if (r == 0)
		r = startup_sweep(docker, err);
	if (r == 0)
		r = scratch_open(options->common.name, &docker->scratch, err);
	if (r == 0)
		r = startup_install_init(docker, err);
	if (r == 0 && geteuid() == 0)
		r = ids_claim(&docker->ids, err);
	if (r < 0)
		return r;
	if (make_slots(docker) < 0 || add_events(docker) < 0 ||
	    upstream_open(&docker->upstream, docker->loop, options->common.supervisor_fd, &upstream_events, docker) < 0)
		return err_set(err, -ENOMEM, "no memory for %u slots", options->common.slots);
	docker_fill(docker);
	return 0;
}

void docker_close(struct docker *docker)
{
	struct event *const events[] = { docker->on_term, docker->on_tick, docker->on_fill, docker->on_patience };

	upstream_close(&docker->upstream);
	for (unsigned i = 0; docker->slots && i < docker->options->common.slots; i++) {
		if (docker->slots[i].docker)
			slot_free(&docker->slots[i]);
	}
	free(docker->slots);
	engine_free(docker->engine);
	scratch_close(&docker->scratch);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i])
			event_free(events[i]);
	}
	(void)fd_close(docker->name_claim);
	(void)fd_close(docker->ids.claim);
	if (docker->loop)
		event_base_free(docker->loop);
}
