/* SPDX-License-Identifier: Apache-2.0
 *
 * The making and unmaking of a slot's cells. A cell is on its way through the nursery (init) and a forker or the zygote
 * (guest); whatever goes wrong, it is killed as a whole by its init's pidfd, and the slot is empty again when the kernel
 * has said that nothing of it lives.
 */
#include "warden/warden.h"

#include "base/log.h"
#include "base/num.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETUP_SECONDS    20 /* for a cell to become ready; generous, because an emulated machine is slow */
#define DEATH_SECONDS    20
#define MAX_FAILED_CELLS 3 /* before the first one was ready */
#define ANSWER_SECONDS   1
#define COLLECT_SECONDS  3 /* init gives up earlier */
#define RETRY_AFTER      (500 * NSEC_PER_MSEC)

const struct timeval slot_setup_time = { .tv_sec = SETUP_SECONDS };
static const struct timeval death_time = { .tv_sec = DEATH_SECONDS }, again_time = { .tv_sec = 1 };

static void finish_if_dead(struct slot *slot);
static void end_run(struct slot *slot);

/* --- events ------------------------------------------------------------------------------------------------------------------------ */

int slot_watch(struct slot *slot, struct event **ret_event, int fd, event_callback_fn callback)
{
	*ret_event = event_new(slot->warden->loop, fd, EV_READ | EV_PERSIST, callback, slot);
	if (*ret_event && event_add(*ret_event, NULL) < 0)
		warden_free_event(ret_event);
	return *ret_event ? 0 : -ENOMEM;
}

static bool has_died(int pidfd)
{
	struct pollfd polled = { .fd = pidfd, .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

void slot_kill(struct slot *slot)
{
	slot->state = SLOT_ENDING;
	cgroup_group_unthrottle(slot->group);

	bool is_sent =
		slot->init_pidfd < 0 || syscall(SYS_pidfd_send_signal, slot->init_pidfd, SIGKILL, NULL, 0) == 0 || errno == ESRCH;
	bool is_heard = slot->init_pidfd < 0 || slot->on_death || slot->is_init_dead;

	if (!is_heard)
		slot->is_init_dead = has_died(slot->init_pidfd);
	(void)evtimer_add(slot->on_deadline, is_sent && is_heard ? &death_time : &again_time);
	finish_if_dead(slot); /* there may be nothing to wait for */
}

void slot_cell_failed(struct slot *slot, const char *reason)
{
	if (slot->state == SLOT_EMPTY || slot->state == SLOT_ENDING)
		return;
	log_line("slot %u: %s", slot->index, reason);
	if (!slot->environment->is_proven && ++slot->environment->failed_cells >= MAX_FAILED_CELLS) {
		slot->warden->exit_status = 3; /* it will not get better, and the reason stands in the log */
		(void)event_base_loopbreak(slot->warden->loop);
	}
	job_fail(&slot->job, reason);
	slot->not_before = clock_now() + RETRY_AFTER;
	slot_kill(slot);
}

void slot_retire_cell(struct slot *slot)
{
	/* Closed first: a front whose job we have not read sees the connection reset, and tries another cell. */
	warden_free_event(&slot->on_control);
	slot->ends.control = fd_close(slot->ends.control);
	slot_kill(slot);
}

static void see_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;

	(void)fd;
	(void)what;
	switch (slot->state) {
	case SLOT_RUNNING:
		run_stop(slot, VERDICT_TIMEOUT);
		break;
	case SLOT_ASKING:
		slot_kill(slot);
		break;
	case SLOT_ENDING:
		log_line("slot %u: its cell does not die; killing it again", slot->index);
		slot_kill(slot);
		break;
	default:
		slot_cell_failed(slot, "the cell was not ready in time");
	}
}

/* --- making a cell -------------------------------------------------------------------------------------------------------------------- */

static void read_init(evutil_socket_t fd, short what, void *arg);

static void see_init_death(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;

	(void)fd;
	(void)what;
	slot->is_init_dead = true;
	warden_free_event(&slot->on_death);
	if (slot->state == SLOT_ASKING)
		slot_kill(slot); /* what it was asked is not known; how the program ended, is */
	else if (slot->state != SLOT_ENDING)
		slot_cell_failed(slot, "the cell's init died");
	else
		finish_if_dead(slot);
}

/* A guest is ordered when the init has said that the mounts are there, and we could kill it: that comes on two sockets. */
static void order_guest(struct slot *slot)
{
	struct order order = { .type = ORDER_GUEST, .serial = slot->serial, .cell.guest_id = IDS_FIRST_GUEST + slot->index };
	bool has_forker = cgroup_group_needs_forker(slot->group);
	int fds[GUEST_FDS] = {
		[GUEST_STDOUT] = slot->ends.stdout_write,
		[GUEST_STDERR] = slot->ends.stderr_write,
		[GUEST_GATE] = slot->guest_gate,
		[GUEST_CGROUP] = cgroup_group_fd(slot->group),
	};
	int link = has_forker ? slot->forker_link : slot->generation->nursery.zygote_link;

	if (!slot->is_init_up || slot->init_pidfd < 0)
		return;
	memcpy(fds, slot->namespaces, sizeof slot->namespaces);
	if (order_send(link, &order, fds, has_forker ? GUEST_CGROUP : GUEST_FDS) < 0) {
		slot_cell_failed(slot, "the slot's forker takes no orders");
		return;
	}
	slot->generation->forks++;
	ends_close_writers(&slot->ends);
	slot->guest_gate = fd_close(slot->guest_gate);
	array_for_each(slot->namespaces, fd)
		*fd = fd_close(*fd);
}

void slot_cell_born(struct slot *slot, int *pidfd)
{
	if (slot->init_pidfd >= 0)
		return;
	slot->init_pidfd = fd_take(pidfd);
	if (slot_watch(slot, &slot->on_death, slot->init_pidfd, see_init_death) < 0) {
		slot_cell_failed(slot, "no memory to watch a cell");
		return;
	}
	if (slot->state == SLOT_ENDING) /* given up meanwhile */
		slot_kill(slot);
	else
		order_guest(slot);
}

/* Two words that come on two sockets: the guest's own, that it is confined, and its parent's, what its pid is. Without the
 * pid nobody would know its exit, so a job must not come between them. */
static void become_ready(struct slot *slot)
{
	if (slot->state != SLOT_MAKING || !slot->is_guest_ready || slot->guest_pid <= 0)
		return;
	(void)evtimer_del(slot->on_deadline);
	slot->state = SLOT_READY;
	slot->environment->failed_cells = 0;
	warden_prove(slot->environment);
	slot_offer(slot);
	warden_fill(slot->warden);
}

void slot_guest_born(struct slot *slot, pid_t pid)
{
	if (pid <= 0)
		slot_cell_failed(slot, "the zygote cannot fork a guest");
	else
		slot->guest_pid = pid;
	become_ready(slot);
}

static void read_init(evutil_socket_t fd, short what, void *arg)
{
	struct slot *slot = arg;
	struct order order;
	int fds[NS_COUNT];
	const struct ids *ids = &slot->warden->ids;
	/* Init is root of the cell's user namespace, then itself; to collect files it becomes what the guest was, when that is dead. */
	const uid_t senders[] = { ids->base, ids->base + IDS_FIRST_INIT + slot->index, ids->base + IDS_FIRST_GUEST + slot->index };
	int r = order_recv_of(fd, &order, fds, ARRAY_SIZE(fds), senders, slot->state == SLOT_ASKING ? 3 : 2);

	(void)what;
	if (r == -EAGAIN)
		return;
	if (r < 0 && r != -ECONNRESET) {
		slot_cell_failed(slot, "the cell's init cannot be heard");
		return;
	}
	if (r <= 0) { /* it is dying; see_init_death will be called */
		warden_free_event(&slot->on_init);
		finish_if_dead(slot);
		return;
	}
	if (order.type == ORDER_INIT_UP && slot->state == SLOT_MAKING && !slot->is_init_up && fds[NS_COUNT - 1] >= 0) {
		slot->is_init_up = true;
		memcpy(slot->namespaces, fds, sizeof fds);
		order_guest(slot);
		return;
	}
	int brought = order.type == ORDER_DISK && slot->state == SLOT_ASKING ? fd_take(&fds[0]) : -EBADF;

	if (order.type == ORDER_LISTENER && slot->state == SLOT_MAKING && slot->listener < 0)
		hear_open(slot, &fds[0]);
	array_for_each(fds, stray)
		(void)fd_close(*stray);
	if (order.type == ORDER_CELL_READY && slot->state == SLOT_MAKING) {
		slot->is_guest_ready = true;
		slot->layers = order.ready.layers & LAYERS_ALL;
		become_ready(slot);
	} else if (order.type == ORDER_STARTED && slot->state == SLOT_RUNNING) {
		run_started(slot);
		if (slot->job.evidence.has_status)
			end_run(slot);
	} else if (order.type == ORDER_REFUSED && slot->state == SLOT_RUNNING && !slot->job.is_started) {
		run_refused(slot, &order);
	} else if (order.type == ORDER_DISK && slot->state == SLOT_ASKING) {
		slot->job.evidence.is_disk_full = order.disk.is_full;
		slot->job.files = brought;
		if (slot->job.is_halted)
			run_answer(slot);
		slot_kill(slot);
	} else if (order.type == ORDER_CELL_FAILED) {
		slot_cell_failed(slot, order.text);
	}
}

void slot_hear_init(struct slot *slot)
{
	if (slot->init_link >= 0)
		read_init(slot->init_link, EV_READ, slot);
}

static int make_descriptors(struct slot *slot, int ret_inits[2])
{
	int link[2], gate[2];

	if (frame_new_pair(link) < 0)
		return -errno;
	slot->init_link = link[0];
	ret_inits[0] = link[1];
	if (frame_new_pair(gate) < 0)
		return -errno;
	slot->guest_gate = gate[0];
	ret_inits[1] = gate[1];

	int r = ends_open(&slot->ends);

	if (r == 0)
		r = frame_note_senders(slot->init_link);
	return r < 0 ? r : fd_set_nonblock(slot->init_link, true);
}

static int order_cell(struct slot *slot)
{
	struct limits limits = limits_default();
	struct order order = {
		.type = ORDER_CELL,
		.serial = slot->serial,
		.cell = { .slot = slot->index,
			  .guest_id = IDS_FIRST_GUEST + slot->index,
			  .init_id = IDS_FIRST_INIT + slot->index,
			  .disk_bytes = limits.disk_bytes,
			  .disk_files = limits.disk_files },
	};
	int inits[2] = { -EBADF, -EBADF };
	int r = make_descriptors(slot, inits);

	if (r == 0)
		r = slot_watch(slot, &slot->on_init, slot->init_link, read_init);
	if (r == 0)
		r = slot_watch(slot, &slot->on_control, slot->ends.control, run_read_control);
	if (r == 0)
		r = order_send(slot->generation->nursery.link, &order, inits, ARRAY_SIZE(inits));
	(void)fd_close(inits[0]);
	(void)fd_close(inits[1]);
	if (r < 0)
		warden_free_event(&slot->on_init); /* the nursery owes us nothing */
	return r;
}

static void forget_cell(struct slot *slot)
{
	slot->generation = NULL;
	slot->serial = 0;
	slot->guest_pid = 0;
	slot->is_init_up = slot->is_init_dead = slot->is_guest_ready = slot->has_ended_early = false;
	slot->job = JOB_NONE;
}

void slot_make_cell(struct slot *slot)
{
	struct warden *warden = slot->warden;
	struct err err;

	if (cgroup_group_needs_forker(slot->group) && slot->forker_from != slot->environment->current) {
		forker_ask(slot);
		return;
	}
	forget_cell(slot);
	slot->generation = slot->environment->current;
	slot->generation->cells++;
	slot->serial = ++warden->last_serial;
	slot->state = SLOT_MAKING;
	if (evtimer_add(slot->on_deadline, &slot_setup_time) < 0)
		slot_cell_failed(slot, "no memory for a cell's timer");
	else if (cgroup_group_renew(slot->group, &err) < 0)
		slot_cell_failed(slot, err.text);
	else if (order_cell(slot) < 0)
		slot_cell_failed(slot, "the nursery takes no orders");
}

void slot_offer(struct slot *slot)
{
	struct warden *warden = slot->warden;
	struct wire_cell cell = {
		.head = WIRE_HEAD(WIRE_CELL),
		.slot = slot->index,
		.slots = warden->options->common.slots,
		.provider = "native",
	};

	/* The groups' limits are set when the job comes; a controller that is missing ended the start. */
	cell.layers = slot->layers | LAYER_BIT(CGROUP_MEMORY) | LAYER_BIT(CGROUP_CPU) | LAYER_BIT(CGROUP_PIDS);
	if (slot->generation)
		memcpy(cell.python, slot->generation->python, sizeof cell.python);
	(void)snprintf(cell.environment, sizeof cell.environment, "%s", slot->environment->options->name);
	if (slot->state == SLOT_READY && upstream_offer(&warden->upstream, &cell, &slot->ends) < 0)
		slot_cell_failed(slot, "the front cannot be given a cell");
}

/* --- the end -------------------------------------------------------------------------------------------------------------------------- */

static void release_cell(struct slot *slot)
{
	array_for_each(slot->namespaces, fd)
		*fd = fd_close(*fd);

	int *const fds[] = { &slot->init_link, &slot->init_pidfd, &slot->guest_gate, &slot->report_read, &slot->job.files };
	struct event **const events[] = { &slot->on_control, &slot->on_init, &slot->on_death };

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		warden_free_event(events[i]);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		*fds[i] = fd_close(*fds[i]);
	hear_close(slot);
	ends_close(&slot->ends);
	(void)evtimer_del(slot->on_deadline);
	(void)evtimer_del(slot->on_cpu);
}

/* A guest's death is known from the zygote, an init's from its pidfd; a cell is gone when both are, as far as they were born. */
static void finish_if_dead(struct slot *slot)
{
	bool is_init_gone = slot->init_pidfd < 0 || slot->is_init_dead;
	/* An init is dead only when all of its namespace is; a status that has not come by then is not waited for, where the
	 * verdict does not need it. */
	bool is_guest_gone = slot->guest_pid == 0 || slot->job.evidence.has_status ||
			     slot->job.evidence.stopped_for != VERDICT_OK || !slot->job.is_given;
	bool is_birth_pending =
		slot->init_pidfd < 0 && slot->generation && slot->generation->nursery.pid > 0 && slot->init_link >= 0;

	if (slot->state != SLOT_ENDING || !is_init_gone || !is_guest_gone)
		return;
	if (is_birth_pending && slot->on_init)
		return; /* the nursery still owes us the pidfd */
	if (slot->job.is_given)
		run_answer(slot);
	release_cell(slot);
	if (slot->generation)
		slot->generation->cells--;
	forget_cell(slot);
	slot->state = SLOT_EMPTY;
	generation_collect(slot->warden);
	warden_fill(slot->warden);
}

/* An init that dies closes its link before the kernel kills what is left in the namespace (do_exit). */
static bool is_closed(int socket)
{
	char byte;

	return recv(socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* When there is something to ask after the end: files, or whether a failure is the full disk's. */
bool slot_ask_init(struct slot *slot)
{
	const struct evidence *evidence = &slot->job.evidence;
	bool wants_files = slot->job.frame.flags & WIRE_JOB_OUTPUTS && slot->job.is_started;
	bool wants_disk = evidence->has_status && WIFEXITED(evidence->status) && WEXITSTATUS(evidence->status) != 0;
	struct timeval time = { .tv_sec = wants_files ? COLLECT_SECONDS : ANSWER_SECONDS };
	struct order question = { .type = wants_files ? ORDER_COLLECT : ORDER_DISK, .serial = slot->serial };

	if ((!wants_files && !wants_disk) || order_send(slot->init_link, &question, NULL, 0) < 0)
		return false;
	if (wants_files)
		cgroup_group_unthrottle(slot->group); /* init kills what is left, and that needs CPU to die */
	slot->state = SLOT_ASKING;
	(void)evtimer_add(slot->on_deadline, &time);
	return true;
}

static void end_run(struct slot *slot)
{
	bool is_signal = WIFSIGNALED(slot->job.evidence.status);

	if (is_closed(slot->init_link) && (is_signal || !slot->job.is_started)) {
		slot_cell_failed(slot, "the cell's init died");
		return;
	}
	if (!slot->job.is_started)
		return; /* a short run can be over before its init's word that it began, on another socket, is read */
	if (slot_ask_init(slot))
		return;
	if (slot->job.is_halted || cgroup_group_is_empty(slot->group))
		run_answer(slot); /* all that the run made is gone: its init's end is nobody's to wait for */
	slot_kill(slot);
}

void slot_guest_exited(struct slot *slot, int status)
{
	if (!slot->job.is_halted) /* what killed it after that was us */
		job_end(&slot->job, status);
	switch (slot->state) {
	case SLOT_RUNNING:
		end_run(slot);
		break;
	case SLOT_ASKING: /* it was stopped, and init has killed it */
		break;
	case SLOT_ENDING:
		finish_if_dead(slot);
		break;
	default:
		slot_cell_failed(slot, "the guest died before it had a program");
	}
}

/* The generation's processes are all dead already. */
void slot_lose_generation(struct slot *slot, struct generation *generation)
{
	if (slot->forker_from == generation)
		forker_drop(slot);
	if (slot->state == SLOT_ATTACHING && !slot->forker_from && !slot->on_attached) {
		(void)evtimer_del(slot->on_deadline);
		slot->state = SLOT_EMPTY;
	}
	if (slot->generation != generation)
		return;
	if (slot->job.evidence.stopped_for == VERDICT_OK && !slot->job.evidence.has_status)
		job_fail(&slot->job, "the zygote died during the run");
	if (slot->job.is_given)
		run_answer(slot);
	release_cell(slot);
	forget_cell(slot);
	slot->state = SLOT_EMPTY;
}

int slot_init(struct slot *slot, struct environment *environment, unsigned index, struct err *err)
{
	struct warden *warden = environment->warden;

	*slot = (struct slot){
		.warden = warden,
		.environment = environment,
		.index = index,
		.forker_link = -EBADF,
		.ends = ENDS_NONE,
		.job = JOB_NONE,
		.init_link = -EBADF,
		.init_pidfd = -EBADF,
		.guest_gate = -EBADF,
		.listener = -EBADF,
		.report_read = -EBADF,
	};
	array_for_each(slot->namespaces, fd)
		*fd = -EBADF;
	slot->on_deadline = evtimer_new(warden->loop, see_deadline, slot);
	slot->on_cpu = evtimer_new(warden->loop, run_check_cpu, slot);
	slot->on_rest = evtimer_new(warden->loop, hear_on_rest, slot);
	if (!slot->on_deadline || !slot->on_cpu || !slot->on_rest)
		return err_set(err, -ENOMEM, "no memory for a slot");
	return cgroup_group_new(warden->tree, index, &slot->group, err);
}

void slot_free(struct slot *slot)
{
	release_cell(slot);
	forker_drop(slot);
	warden_free_event(&slot->on_attached);
	warden_free_event(&slot->on_deadline);
	warden_free_event(&slot->on_cpu);
	warden_free_event(&slot->on_rest);
	if (slot->group)
		cgroup_group_free(slot->group);
}
