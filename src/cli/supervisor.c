/* SPDX-License-Identifier: Apache-2.0
 *
 *   warden starts --- WIRE_READY (ids) ---> front starts with these ids --- WIRE_FRONT and the link ---> serving
 *
 * The front dies: a new one, a new link to the same warden. The warden dies: everything that it made dies with it, so a new
 * warden and then a new front; the old front gets a moment to answer what it has. The listening socket stays open all the
 * while: requests wait in the kernel. Ending goes the other way: first the front, which finishes what runs, then the warden,
 * which removes everything.
 */
#include "cli/supervisor.h"

#include "base/fd.h"
#include "base/log.h"
#include "cli/child.h"
#include "cli/command.h"
#include "wire/provider.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRONT_GRACE   (60 * NSEC_PER_SEC) /* the longest wait for a cell and the longest run, and some */
#define WARDEN_GRACE  (10 * NSEC_PER_SEC)
#define RETIRED_GRACE (2 * NSEC_PER_SEC) /* for a front whose warden has died */
#define ID_TEXT_BYTES 16

struct supervisor {
	const struct supervisor_config *config;
	struct child warden, front;
	int warden_fd, signal_fd;
	bool is_ready; /* this warden has passed its checks, and these ids are its own: */
	char front_uid[ID_TEXT_BYTES], front_gid[ID_TEXT_BYTES];
	bool was_announced; /* the first warden's readiness was told to the user */
	bool is_ending;
	int status;
};

static void begin_ending(struct supervisor *s, int status)
{
	if (!s->is_ending)
		s->status = status;
	s->is_ending = true;
}

static int begin_start(struct child *child, struct err *err)
{
	nsec_t now = clock_now();

	if (!child_may_start(child, now))
		return err_say(err, -EAGAIN, "%s keeps dying; giving up.", child->program);
	child_note_start(child, now);
	return 0;
}

static int start_warden(struct supervisor *s, struct err *err)
{
	struct args args = s->config->warden;
	int ends[2];
	int r = begin_start(&s->warden, err);

	if (r < 0)
		return r;
	r = frame_new_pair(ends);
	if (r < 0)
		return err_set(err, r, "Cannot make a socket for %s", s->warden.program);

	_cleanup_(fd_closep) int ours = ends[0], theirs = ends[1];

	args_add_option(&args, "--supervisor-fd", "3");
	r = spawn_program(&args, &theirs, 1, &s->warden.pid, err);
	if (r < 0)
		return r;
	s->warden_fd = fd_take(&ours);
	return 0;
}

static int start_front(struct supervisor *s, struct err *err)
{
	const struct wire_front frame = { .head = WIRE_HEAD(WIRE_FRONT) };
	struct args args = s->config->front;
	int ends[2];
	int r = begin_start(&s->front, err);

	if (r < 0)
		return r;
	r = frame_new_pair(ends);
	if (r < 0)
		return err_set(err, r, "Cannot make a link for safexecd");

	_cleanup_(fd_closep) int warden_end = ends[0], front_end = ends[1];

	r = frame_send(s->warden_fd, &frame, sizeof frame, &warden_end, 1);
	if (r == -EPIPE || r == -ECONNRESET)
		return 0; /* the warden has just died: its exit is the next thing we hear of */
	if (r < 0)
		return err_set(err, r, "Cannot hand %s a link", s->warden.program);
	args_add_option(&args, "--listen-fd", "3");
	args_add_option(&args, "--provider-fd", "4");
	args_add_option(&args, "--uid", s->front_uid);
	args_add_option(&args, "--gid", s->front_gid);
	return spawn_program(&args, (int[]){ s->config->listen_fd, front_end }, 2, &s->front.pid, err);
}

/* Starts what ought to run and does not; on the way out, asks the next one to end. */
static void take_next_step(struct supervisor *s)
{
	struct err err = { 0 };
	nsec_t now = clock_now();
	int r = 0;

	if (!s->is_ending && s->warden.pid == 0)
		r = start_warden(s, &err);
	else if (!s->is_ending && s->is_ready && s->front.pid == 0)
		r = start_front(s, &err);
	if (r < 0) {
		log_line("%s", err.text);
		begin_ending(s, STATUS_FAILED);
	}
	if (s->is_ending) {
		child_end(&s->front, now, FRONT_GRACE);
		if (s->front.pid == 0)
			child_end(&s->warden, now, WARDEN_GRACE);
	}
}

static void announce(struct supervisor *s)
{
	if (!s->was_announced) {
		printf("Listening on http://%s/\n", s->config->address);
		if (isatty(STDOUT_FILENO))
			puts("Ctrl-C stops it.");
		(void)fflush(stdout);
	}
	s->was_announced = true;
}

/* The front may not be root's; without root there is no choice but our own ids. */
static bool take_ids(struct supervisor *s, const struct wire_ready *ready)
{
	bool is_root = geteuid() == 0;

	if (is_root && (ready->front_uid == 0 || ready->front_gid == 0))
		return false;
	(void)snprintf(s->front_uid, sizeof s->front_uid, "%u", is_root ? ready->front_uid : getuid());
	(void)snprintf(s->front_gid, sizeof s->front_gid, "%u", is_root ? ready->front_gid : getgid());
	return true;
}

/* A front is of no use without the warden whose cells it holds. */
static void retire_front(struct supervisor *s)
{
	child_end(&s->front, clock_now(), RETIRED_GRACE);
	s->front.was_asked = true; /* also when it has ended already: it follows its warden */
}

static void on_warden_frame(struct supervisor *s)
{
	struct wire_ready ready;
	size_t fds_count;
	ssize_t size = frame_recv(s->warden_fd, &ready, sizeof ready, NULL, 0, &fds_count);

	if (size > 0 && !s->is_ready && wire_is(&ready, size, WIRE_READY, wire_ready) && take_ids(s, &ready)) {
		s->is_ready = true;
		announce(s);
		return;
	}
	/* It ends, or talks nonsense and has to: the exit is told of when it comes. */
	if (size > 0)
		log_line("%s sent something unexpected; ending it", s->warden.program);
	s->warden_fd = fd_close(s->warden_fd);
	s->is_ready = false;
	child_end(&s->warden, clock_now(), RETIRED_GRACE);
	retire_front(s);
}

static void tell_death(const struct child *child)
{
	char text[CHILD_TEXT_BYTES];

	log_line("%s %s%s", child->program, child_describe(child, text),
		 child_may_start(child, clock_now()) ? "; starting a new one" : "");
}

static void on_warden_exit(struct supervisor *s)
{
	char text[CHILD_TEXT_BYTES];

	s->warden_fd = fd_close(s->warden_fd);
	s->is_ready = false;
	if (!s->is_ending && child_gave_reason(&s->warden)) {
		begin_ending(s, WEXITSTATUS(s->warden.wait_status));
	} else if (!s->is_ending) {
		tell_death(&s->warden);
		retire_front(s);
	} else if (s->status == STATUS_OK && !child_ended_well(&s->warden)) {
		log_line("%s %s; the next start removes what it left", s->warden.program, child_describe(&s->warden, text));
		s->status = STATUS_FAILED;
	}
}

static void on_front_exit(struct supervisor *s)
{
	char text[CHILD_TEXT_BYTES];

	if (!s->is_ending && child_gave_reason(&s->front)) {
		begin_ending(s, WEXITSTATUS(s->front.wait_status));
	} else if (!s->is_ending && !s->front.was_asked) {
		tell_death(&s->front);
	} else if (s->is_ending && s->status == STATUS_OK && !child_ended_well(&s->front)) {
		log_line("safexecd %s", child_describe(&s->front, text));
		s->status = STATUS_FAILED;
	}
}

/* All exits are taken before any is looked at: when both have died, the warden's comes first, as the cause. */
static void on_exits(struct supervisor *s)
{
	int wait_status;

	for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
		if (!child_take_exit(&s->warden, pid, wait_status))
			(void)child_take_exit(&s->front, pid, wait_status);
	}
	if (child_look(&s->warden))
		on_warden_exit(s);
	if (child_look(&s->front))
		on_front_exit(s);
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return; /* poll(2) may wake us for nothing */
	if (info.ssi_signo == SIGCHLD) {
		on_exits(s);
	} else if (!s->is_ending) {
		begin_ending(s, STATUS_OK);
	} else { /* the user is impatient */
		child_kill(&s->front);
		child_kill(&s->warden);
	}
}

/* Waits for the next event, at most until a child's time is over. */
static void wait_for_event(struct supervisor *s)
{
	struct pollfd polled[] = { { .fd = s->warden_fd, .events = POLLIN }, { .fd = s->signal_fd, .events = POLLIN } };
	nsec_t now = clock_now();
	nsec_t front_at = child_check_time(&s->front, now), warden_at = child_check_time(&s->warden, now);
	nsec_t until = front_at != 0 && (warden_at == 0 || front_at < warden_at) ? front_at : warden_at;
	int wait_ms = until == 0 ? -1 : (int)((until - now) / NSEC_PER_MSEC + 1);

	if (poll(polled, ARRAY_SIZE(polled), wait_ms) <= 0)
		return;
	if (polled[0].revents)
		on_warden_frame(s);
	if (polled[1].revents)
		on_signal(s);
}

int supervisor_run(const struct supervisor_config *config)
{
	struct supervisor s = {
		.config = config,
		.warden = { .program = config->warden.items[0] },
		.front = { .program = config->front.items[0] },
		.warden_fd = -EBADF,
	};
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	_cleanup_(fd_closep) int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

	if (signal_fd < 0) {
		log_line("Cannot wait for signals: %s", strerrordesc_np(errno));
		return STATUS_FAILED;
	}
	s.signal_fd = signal_fd;
	for (take_next_step(&s); !s.is_ending || s.front.pid != 0 || s.warden.pid != 0; take_next_step(&s))
		wait_for_event(&s);
	s.warden_fd = fd_close(s.warden_fd);
	return s.status;
}
