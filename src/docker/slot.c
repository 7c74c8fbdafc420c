/* SPDX-License-Identifier: Apache-2.0
 *
 * The making and unmaking of a slot's containers. One changing call at a time is under way for a slot, and none is ever
 * dropped: the Engine would go on with it, and we would not know the outcome. A container that is not wanted any more while
 * a call is under way is doomed, and removed when the answer is there.
 */
#include "docker/docker.h"

#include "base/log.h"
#include "docker/stats.h"
#include "spec/environments.h"
#include "spec/layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define CALL_MS          60000 /* no call takes that long on a machine that is alive */
#define MAX_FAILED_CELLS 3     /* before the first one was ready */
#define MAX_REMOVALS     30
#define RETRY_AFTER      (1 * NSEC_PER_SEC)

static const struct timeval retry_time = { .tv_sec = 1 };
static const struct timeval greeting_time = { .tv_sec = 60 }; /* for a process 1 to say that it is there */

static void free_event(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

/* Sends a changing call for the slot's container; action is what follows its id. */
int slot_call(struct slot *slot, const char *method, const char *action, const char *body, engine_done_fn *done)
{
	char path[256];

	(void)snprintf(path, sizeof path, "/%s/containers/%s%s", slot->docker->version, slot->id, action);

	int r = engine_call(slot->docker->engine, method, path, body, CALL_MS, done, slot, NULL);

	if (r == 0)
		slot->calls++;
	return r;
}

/* True when the answer's slot has no use for it but to remove what there is. */
static bool was_doomed(struct slot *slot)
{
	slot->calls--;
	if (slot->is_doomed)
		slot_remove(slot);
	return slot->is_doomed;
}

static void fail_call(struct slot *slot, const char *what, const struct engine_answer *answer)
{
	char text[ENGINE_TEXT_BYTES], reason[ERR_TEXT_BYTES];

	(void)snprintf(reason, sizeof reason, "the Engine cannot %s: %s", what, engine_explain(answer, text));
	slot_fail(slot, reason);
}

/* --- started ------------------------------------------------------------------------------------------------------------------ */

static void became_ready(struct slot *slot)
{
	struct docker *docker = slot->docker;

	slot->state = SLOT_READY;
	(void)evtimer_del(slot->on_deadline);
	docker->failed_cells = 0;
	docker->is_engine_mourned = false;
	if (!docker->has_announced && upstream_announce(&docker->upstream, &docker->ids) < 0)
		docker_end(docker, 0);
	docker->has_announced = true;
	slot_offer(slot);
	docker_fill(docker);
}

static void on_exited(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	int exit_code;

	slot->wait = NULL;
	if (answer->status == 200 && container_read_exit(answer->body, answer->size, &exit_code) == 0)
		run_exited(slot, exit_code);
	else
		fail_call(slot, "wait for a container", answer);
}

static int wait_for_exit(struct slot *slot)
{
	char path[160];

	(void)snprintf(path, sizeof path, "/%s/containers/%s/wait", slot->docker->version, slot->id);
	return engine_call(slot->docker->engine, "POST", path, NULL, ENGINE_NO_LIMIT, on_exited, slot, &slot->wait);
}

void slot_see_death(void *arg)
{
	run_died(arg);
}

/* One that waits for its order has been seen from outside, and says that it is there. */
static void begin_when_ready(struct slot *slot)
{
	if (!slot->is_inspected || (container_is_fed(slot->docker->options) && !slot->has_greeted))
		return;
	if (slot->state == SLOT_MAKING)
		became_ready(slot);
	else if (slot->state == SLOT_STARTING)
		slot_begin(slot);
}

static void on_greeted(const struct inside_greeting *greeting, void *arg)
{
	struct slot *slot = arg;

	if (greeting->magic != INSIDE_MAGIC) {
		slot_fail(slot, "the container's process 1 makes no sense");
		return;
	}
	slot->greeting = *greeting;
	slot->greeting.python[sizeof slot->greeting.python - 1] = '\0';
	slot->has_greeted = true;
	docker_learn_python(slot->docker, slot->greeting.python);
	begin_when_ready(slot);
}

static void take_first_stats(struct slot *slot, const struct usage *usage)
{
	if (usage)
		slot->used_before = *usage;
	slot->is_inspected = true;
	begin_when_ready(slot);
}

/* A container that waits for its order is watched before it gets one; the other runs already. */
static void on_inspected(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	struct container_state state;

	slot->inspection = NULL;
	if (answer->status == 200 && container_read_state(answer->body, answer->size, &state) == 0)
		(void)watch_open(&slot->watch, slot->docker->loop, state.pid, slot->id, slot_see_death,
				 slot); /* else there is no usage */
	if (container_is_fed(slot->docker->options) && slot->watch.pidfd < 0 && stats_ask(slot, take_first_stats) == 0)
		return;
	slot->is_inspected = true;
	begin_when_ready(slot);
}

static int inspect(struct slot *slot)
{
	char path[160];

	(void)snprintf(path, sizeof path, "/%s/containers/%s/json", slot->docker->version, slot->id);
	return engine_call(slot->docker->engine, "GET", path, NULL, CALL_MS, on_inspected, slot, &slot->inspection);
}

static void on_started(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;

	if (was_doomed(slot))
		return;
	if (answer->status != 204)
		fail_call(slot, "start a container", answer);
	else if (wait_for_exit(slot) < 0 || (slot->watch.pidfd < 0 && !slot->is_dead && inspect(slot) < 0))
		slot_fail(slot, "there is no memory to wait for a container");
	else if (!container_is_fed(slot->docker->options) && slot->state == SLOT_STARTING)
		run_started(slot);
	else
		run_output_ended(slot); /* it may be over already */
	if (slot->state == SLOT_MAKING && slot->id[0])
		(void)evtimer_add(slot->on_deadline, &greeting_time);
}

/* --- attached ----------------------------------------------------------------------------------------------------------------- */

static void on_opened(void *arg)
{
	struct slot *slot = arg;

	if (slot_call(slot, "POST", "/start", NULL, on_started) < 0)
		slot_fail(slot, "there is no memory to start a container");
	else if (!container_is_fed(slot->docker->options))
		run_starts(slot);
}

static void on_fed(void *arg)
{
	run_started(arg);
}

static void on_reported(const struct buf *report, void *arg)
{
	run_reported(arg, report);
}

static void on_ended(const char *why, void *arg)
{
	struct slot *slot = arg;

	attach_free(slot->attach);
	slot->attach = NULL;
	slot->has_output_ended = true;
	if (why && slot->state != SLOT_REMOVING && slot->state != SLOT_STOPPING)
		slot_fail(slot, why);
	else
		run_output_ended(slot);
}

static void open_attach(struct slot *slot)
{
	static const struct attach_events events = {
		.opened = on_opened, .greeted = on_greeted, .fed = on_fed, .reported = on_reported, .ended = on_ended
	};
	bool is_fed = container_is_fed(slot->docker->options);
	char path[200];

	(void)snprintf(path, sizeof path, "/%s/containers/%s/attach?stream=1&stdout=1&stderr=1%s", slot->docker->version, slot->id,
		       is_fed ? "&stdin=1" : "");
	/* Copies: ours stay open until the program runs, so that another container can take this one's place unseen. */
	if (mark_make(&slot->mark) < 0 ||
	    attach_open(slot->docker->loop, engine_socket(slot->docker->engine), path,
			fcntl(slot->ends.stdout_write, F_DUPFD_CLOEXEC, 0), fcntl(slot->ends.stderr_write, F_DUPFD_CLOEXEC, 0),
			is_fed ? &slot->mark : NULL, &events, slot, &slot->attach) < 0)
		slot_fail(slot, "the Engine's socket takes no connection");
}

/* --- created ------------------------------------------------------------------------------------------------------------------ */

static void on_created(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	bool has_id = answer->status == 201 && container_read_id(answer->body, answer->size, slot->id) == 0;

	if (was_doomed(slot))
		return;
	if (!has_id)
		fail_call(slot, "create a container", answer);
	else if (container_is_fed(slot->docker->options) && slot->folder[0] && !run_fill_folder(slot))
		; /* it has said why */
	else if (container_is_fed(slot->docker->options))
		open_attach(slot);
	else if (slot->job.is_given)
		slot_begin(slot);
	else
		became_ready(slot);
}

void slot_create(struct slot *slot)
{
	struct docker *docker = slot->docker;
	bool is_bound = container_is_bound(docker->options, &slot->kind);
	struct binds binds = { .folder = is_bound ? slot->folder : NULL,
			       .init = container_is_fed(docker->options) ? docker->init_path : NULL };
	char path[64];
	int r = is_bound ? scratch_make(&docker->scratch, slot->folder) : 0;

	(void)snprintf(path, sizeof path, "/%s/containers/create", docker->version);
	if (r == 0) {
		char *body = container_new_body(docker->options, &slot->kind, &binds);

		r = body ? engine_call(docker->engine, "POST", path, body, CALL_MS, on_created, slot, NULL) : -ENOMEM;
		free(body);
	}
	if (r == 0)
		slot->calls++;
	else
		slot_fail(slot, is_bound ? "no folder can be made for a container" : "there is no memory to ask for a container");
}

static int append(int fd, int from, uint64_t *ret_size)
{
	off_t at = 0;
	ssize_t n;
	int r = fd_check_sealed(from, ret_size);

	if (r < 0)
		return r;
	while ((n = sendfile(fd, from, &at, 1 << 20)) > 0)
		;
	return n < 0 ? -errno : 0;
}

static uint32_t order_flags(const struct slot *slot)
{
	static const struct {
		uint32_t job, order;
	} same[] = {
		{ WIRE_JOB_BUNDLE, INSIDE_IS_BUNDLE },
		{ WIRE_JOB_STDIN, INSIDE_HAS_STDIN },
		{ WIRE_JOB_OUTPUTS, INSIDE_WANTS_FILES },
		{ WIRE_JOB_CHECK, INSIDE_ONLY_CHECKS },
	};
	uint32_t flags = slot->folder[0] ? INSIDE_IS_BOUND : 0;

	array_for_each(same, row)
		flags |= slot->job.frame.flags & row->job ? row->order : 0;
	return flags;
}

/* A memfd with the order, the program or bundle unless all of it is in the run's folder, and its input. */
static int write_order(const struct slot *slot, int *ret_fd)
{
	const struct limits *limits = &slot->job.frame.limits;
	struct inside_order order = {
		.magic = INSIDE_MAGIC,
		.flags = order_flags(slot),
		.mark = slot->mark,
		.open_files = limits->open_files,
		.file_bytes = limits->file_bytes,
		.disk_bytes = limits->disk_bytes,
		.disk_files = limits->disk_files,
	};
	bool is_sent = !(order.flags & INSIDE_IS_BOUND) || order.flags & INSIDE_IS_BUNDLE;
	_cleanup_(fd_closep) int fd = memfd_create("order", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, &order, sizeof order);

	if (r == 0 && is_sent)
		r = append(fd, slot->code, &order.job_bytes);
	if (r == 0 && slot->input >= 0)
		r = append(fd, slot->input, &order.stdin_bytes);
	if (r == 0 && pwrite(fd, &order, sizeof order, 0) != (ssize_t)sizeof order)
		r = -EIO;
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

/* The job is there and so is the container; one that is fed runs, and waits. */
void slot_begin(struct slot *slot)
{
	bool is_fed = container_is_fed(slot->docker->options);
	int order = -EBADF;
	int r = !is_fed ? scratch_write(slot->folder, slot->code) : write_order(slot, &order);

	slot->state = SLOT_STARTING;
	slot->code = fd_close(slot->code);
	slot->input = fd_close(slot->input);
	if (r < 0) {
		slot_fail(slot, "the program cannot be written for its container");
	} else if (is_fed) {
		watch_begin(&slot->watch, true);
		attach_feed(slot->attach, order);
	} else {
		open_attach(slot);
	}
}

static int make_descriptors(struct slot *slot)
{
	int r = ends_open(&slot->ends);

	if (r < 0)
		return r;
	slot->on_control = event_new(slot->docker->loop, slot->ends.control, EV_READ | EV_PERSIST, run_read_control, slot);
	return slot->on_control && event_add(slot->on_control, NULL) == 0 ? 0 : -ENOMEM;
}

void slot_make(struct slot *slot)
{
	slot->state = SLOT_MAKING;
	slot->kind = (struct kind){ .limits = limits_default() };
	if (make_descriptors(slot) < 0)
		slot_fail(slot, "no descriptors are left for a cell");
	else
		slot_create(slot);
}

void slot_offer(struct slot *slot)
{
	struct docker *docker = slot->docker;
	struct wire_cell cell = {
		.head = WIRE_HEAD(WIRE_CELL),
		.slot = slot->index,
		.slots = docker->options->common.slots,
		.provider = "docker",
	};

	cell.layers = (LAYER_BIT(CONTAINER) | slot->greeting.layers | watch_layers(&slot->watch)) & LAYERS_ALL;
	(void)snprintf(cell.environment, sizeof cell.environment, "%s", ENVIRONMENTS_DEFAULT);
	(void)snprintf(cell.python, sizeof cell.python, "%s", slot->greeting.python);
	if (slot->state == SLOT_READY && upstream_offer(&docker->upstream, &cell, &slot->ends) < 0)
		slot_fail(slot, "the front cannot be given a cell");
}

/* --- the end ------------------------------------------------------------------------------------------------------------------ */

void slot_fail(struct slot *slot, const char *reason)
{
	struct docker *docker = slot->docker;

	if (slot->state == SLOT_EMPTY || slot->state == SLOT_REMOVING || slot->is_doomed)
		return;
	bool is_making = slot->state == SLOT_MAKING;

	if (!is_making || !docker->is_engine_mourned)
		log_line("slot %u: %s", slot->index, reason);
	docker->is_engine_mourned |= is_making && docker->has_announced;
	if (slot->state == SLOT_READY) { /* first: a front whose job we have not read sees a reset, and tries another cell */
		free_event(&slot->on_control);
		slot->ends.control = fd_close(slot->ends.control);
	}
	if (!docker->has_announced && ++docker->failed_cells >= MAX_FAILED_CELLS)
		docker_end(docker, 3); /* it will not get better, and the reason stands in the log */
	if (slot->job.evidence.stopped_for == VERDICT_OK)
		job_fail(&slot->job, reason);
	slot->not_before = clock_now() + RETRY_AFTER;
	slot_remove(slot);
}

static void release(struct slot *slot)
{
	free_event(&slot->on_control);
	ends_close(&slot->ends);
	slot->code = fd_close(slot->code);
	slot->input = fd_close(slot->input);
	engine_call_drop(slot->wait);
	engine_call_drop(slot->inspection);
	watch_close(&slot->watch);
	attach_free(slot->attach);
	slot->wait = slot->inspection = NULL;
	slot->attach = NULL;
	(void)evtimer_del(slot->on_deadline);
	(void)evtimer_del(slot->on_find);
	(void)evtimer_del(slot->on_cpu);
}

static void forget(struct slot *slot)
{
	slot->id[0] = '\0';
	slot->is_measured = slot->is_dead = slot->has_report = slot->is_asked_to_end = slot->is_status_sure = slot->is_overdue =
		slot->is_doomed = slot->has_output_ended = slot->was_looked_at_twice = false;
	slot->removals = 0;
	slot->greeting = (struct inside_greeting){ 0 };
	slot->used_before = (struct usage){ 0 };
	slot->job = JOB_NONE;
	slot->seen_at = 0;
}

/* The container is gone. */
static void removed(struct slot *slot)
{
	bool is_swap = slot->state == SLOT_SWAPPING;
	int r = scratch_remove(&slot->docker->scratch, slot->folder);

	if (r < 0)
		log_line("slot %u: a file that a program wrote to the host cannot be removed: %s", slot->index,
			 strerrordesc_np(-r));
	slot->id[0] = '\0';
	slot->has_greeted = slot->is_inspected = false;
	if (is_swap && !slot->is_doomed) {
		slot->state = SLOT_STARTING;
		slot_create(slot);
		return;
	}
	run_answer(slot);
	release(slot);
	forget(slot);
	slot->state = SLOT_EMPTY;
	docker_fill(slot->docker);
}

static void on_removed(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	char text[ENGINE_TEXT_BYTES];

	slot->calls--;
	if (answer->status == 204 || answer->status == 404) {
		removed(slot);
		return;
	}
	if (slot->removals == 1 || slot->removals == MAX_REMOVALS)
		log_line("slot %u: the Engine cannot remove a container: %s", slot->index, engine_explain(answer, text));
	(void)evtimer_add(slot->on_deadline, &retry_time);
}

/* Killed, if it lives, by its id; tried until the Engine says that there is no such container. */
static void try_removal(struct slot *slot)
{
	slot->removals++;
	if (slot_call(slot, "DELETE", "?force=1&v=1", NULL, on_removed) < 0)
		(void)evtimer_add(slot->on_deadline, &retry_time);
}

void slot_remove(struct slot *slot)
{
	if (slot->state == SLOT_EMPTY)
		return;
	if (slot->calls > 0) {
		slot->is_doomed = true;
		return;
	}
	(void)evtimer_del(slot->on_deadline);
	if (slot->state != SLOT_SWAPPING || slot->is_doomed)
		slot->state = SLOT_REMOVING;
	engine_call_drop(slot->wait);
	engine_call_drop(slot->inspection);
	slot->wait = slot->inspection = NULL;
	watch_close(&slot->watch);
	if (slot->id[0])
		try_removal(slot);
	else
		removed(slot);
}

static void see_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;

	(void)fd;
	(void)what;
	if ((slot->state == SLOT_REMOVING || slot->state == SLOT_SWAPPING) && slot->calls == 0)
		try_removal(slot);
	else
		run_see_deadline(slot);
}

int slot_init(struct slot *slot, struct docker *docker, unsigned index)
{
	*slot = (struct slot){
		.docker = docker,
		.index = index,
		.ends = ENDS_NONE,
		.watch = WATCH_NONE,
		.code = -EBADF,
		.input = -EBADF,
	};
	forget(slot);
	slot->on_deadline = evtimer_new(docker->loop, see_deadline, slot);
	slot->on_cpu = evtimer_new(docker->loop, run_check_cpu, slot);
	slot->on_find = evtimer_new(docker->loop, run_find, slot);
	return slot->on_deadline && slot->on_cpu && slot->on_find ? 0 : -ENOMEM;
}

void slot_free(struct slot *slot)
{
	release(slot);
	free_event(&slot->on_deadline);
	free_event(&slot->on_cpu);
	free_event(&slot->on_find);
}
