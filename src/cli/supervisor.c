/* SPDX-License-Identifier: Apache-2.0
 *
 *   warden starts --- WIRE_READY (ids) ---> front starts with these ids --- WIRE_FRONT and the link ---> serving
 *
 * The front dies: a new one, a new link to the same warden. The warden dies: everything that it made dies with it, so a new
 * warden and then a new front; the old front gets a moment to answer what it has. The listening socket stays open all the
 * while: requests wait in the kernel. Ending goes the other way: first the front, which finishes what runs, then the warden,
 * which removes everything.
 *
 * The store and the sender of callbacks run beside the pairs, one of each for all of them; none of their deaths ends anything else.
 *
 * A reload (SIGHUP): the program on the disk is asked whether it would start with the configuration there; then it takes our place by
 * execve(2) and finds our children as `before`. It starts a pair of its own, and when its warden is ready a store and a sender of
 * its own in the place of those that it found. When the pair serves, `before` ends as above, in its own time, with that store;
 * when it cannot, `before` goes on.
 */
#include "cli/supervisor.h"

#include "base/fd.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/listen.h"
#include "cli/notify.h"
#include "cli/watchdog.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_TIME (20 * NSEC_PER_SEC)

struct supervisor {
	const struct supervisor_config *config;
	struct pair now, before; /* before: the pair of the program that was here before a reload, until it has ended */
	struct helpers helpers;
	struct child check; /* of a reload that was asked for */
	struct watchdog watchdog;
	int signal_fd;
	bool was_announced; /* the first warden's readiness was told to the user */
	bool had_terminal;
	bool is_reload_wanted, is_ending;
	int status;
};

static void begin_ending(struct supervisor *s, int status)
{
	if (s->is_ending)
		return;
	s->status = status;
	s->is_ending = true;
	notify_send("STOPPING=1");
}

/* The new pair cannot serve: the one before goes on, if it still may; else that is the end. */
static void give_up(struct supervisor *s, int status)
{
	if (s->is_ending || s->before.warden.pid == 0 || s->before.front.was_asked) {
		begin_ending(s, status);
		return;
	}
	log_line("The reload has failed; what served before goes on.");
	child_kill(&s->now.warden);
	s->now.warden_fd = fd_close(s->now.warden_fd);
	s->now = s->before;
	pair_init(&s->before, &s->config->plan, 0);
	notify_send("READY=1\nSTATUS=The last reload has failed; what served before goes on");
}

/* --- reloading ---------------------------------------------------------------------------------------------------------------- */

static void begin_reload(struct supervisor *s)
{
	struct err err = { 0 };

	s->is_reload_wanted = true; /* at once, or when the pair is ready and the one before has ended */
	if (s->is_ending || s->check.pid != 0 || !s->now.is_ready || pair_is_there(&s->before))
		return;
	s->is_reload_wanted = false;
	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloads", (unsigned long long)(clock_now() / NSEC_PER_USEC));
	if (handover_start_check(&s->check.pid, &err) < 0) {
		log_line("Not reloaded: %s", err.text);
		notify_send("READY=1");
	}
	s->check.kill_at = clock_now() + CHECK_TIME;
}

static void on_check_exit(struct supervisor *s)
{
	const struct pair *now = &s->now;
	struct handover handover = {
		.listen_fd = s->config->plan.listen_fd,
		.warden_fd = now->warden_fd,
		.warden = now->warden.pid,
		.front = now->front.pid,
		.front_fd = now->front_fd,
		.front_uid = now->front_uid,
		.front_gid = now->front_gid,
		.turn = now->turn,
		.store = s->helpers.list[HELPER_STORE].child.pid,
		.store_fd = s->helpers.list[HELPER_STORE].fd,
		.sender = s->helpers.list[HELPER_SENDER].child.pid,
		.sender_fd = s->helpers.list[HELPER_SENDER].fd,
	};
	struct err err = { 0 };

	if (s->is_ending || !now->is_ready)
		return;
	if (!WIFEXITED(s->check.wait_status) || WEXITSTATUS(s->check.wait_status) != STATUS_OK)
		(void)err_say(&err, -EINVAL, "the new program or configuration would not start; nothing is changed.");
	else
		(void)handover_exec(&handover, &err);
	log_line("Not reloaded: %s", err.text);
	notify_send("READY=1\nSTATUS=The last reload was refused; what served before goes on");
}

static void adopt(struct supervisor *s, const struct handover *handover)
{
	struct pair *before = &s->before;

	pair_init(before, &s->config->plan, handover->turn);
	before->warden.pid = handover->warden;
	before->front.pid = handover->front;
	before->warden_fd = handover->warden_fd;
	before->front_fd = handover->front_fd;
	helpers_adopt(&s->helpers, HELPER_STORE, handover->store, handover->store_fd, handover->front_fd);
	helpers_adopt(&s->helpers, HELPER_SENDER, handover->sender, handover->sender_fd, handover->front_fd);
	before->front_uid = handover->front_uid;
	before->front_gid = handover->front_gid;
	before->is_ready = true;
	before->lived_at = clock_now();
	s->was_announced = true;
	watchdog_go_on(&s->watchdog);
}

/* The pair before goes when the next one has its front, or first of all where two cannot live side by side. */
static void pass_on(struct supervisor *s)
{
	if (!pair_is_there(&s->before))
		return;
	if (s->now.front.pid != 0 || s->config->plan.is_alone || s->is_ending)
		pair_end(&s->before, !s->is_ending);
}

/* --- children ------------------------------------------------------------------------------------------------------------------ */

/* Whoever revokes the last key later closes the door, not the server. */
static bool may_serve(struct supervisor *s)
{
	const struct helpers *helpers = &s->helpers;

	if (!s->config->needs_key || s->was_announced || (helpers->is_store_up && helpers->keys > 0))
		return true;
	if (helpers->is_store_up || helpers->list[HELPER_STORE].is_given_up) {
		log_line("Nothing is served on %s without an API key, and there is none. Make one with `safexec keys add NAME`.",
			 s->config->address);
		begin_ending(s, STATUS_USAGE);
	}
	return false;
}

static void announce(struct supervisor *s)
{
	const char *address = s->config->address;

	if (!s->was_announced) {
		printf(listen_is_path(address) ? "Listening on %s\n" : "Listening on http://%s/\n", address);
		if (isatty(STDOUT_FILENO))
			puts("Ctrl-C stops it.");
		(void)fflush(stdout);
	}
	s->was_announced = true;
}

/* Starts what ought to run and does not; on the way out, asks the next one to end. */
static void take_next_step(struct supervisor *s)
{
	struct pair *now = &s->now;
	struct err err = { 0 };
	int r = 0;

	pass_on(s);
	if (!s->is_ending && now->warden.pid == 0 && !(s->config->plan.is_alone && pair_is_there(&s->before))) {
		r = pair_start_warden(now, &s->config->plan, &err);
	} else if (!s->is_ending && now->is_ready && now->front.pid == 0 && may_serve(s)) {
		r = pair_start_front(now, &s->config->plan, &err);
		announce(s);
		watchdog_expect(&s->watchdog);
		pass_on(s);
	}
	if (r < 0) {
		log_error("%s", err.text);
		give_up(s, STATUS_FAILED);
	}
	if (!s->is_ending && now->is_ready)
		helpers_keep(&s->helpers, now->front_uid, now->front_gid, (const int[]){ s->before.front_fd, now->front_fd });
	if (s->is_ending) {
		child_kill(&s->watchdog.ping);
		pair_end(now, false);
		if (now->front.pid == 0 && s->before.front.pid == 0)
			helpers_end(&s->helpers);
	}
	if (s->is_reload_wanted)
		begin_reload(s);
}

static void tell_death(const struct child *child)
{
	char text[CHILD_TEXT_BYTES];

	log_line("%s %s%s", child->program, child_describe(child, text),
		 child_may_start(child, clock_now()) ? "; starting a new one" : "");
}

static void on_warden_exit(struct supervisor *s, struct pair *pair)
{
	bool is_now = pair == &s->now;
	char text[CHILD_TEXT_BYTES];

	if (is_now && !s->is_ending && child_gave_reason(&pair->warden)) {
		give_up(s, WEXITSTATUS(pair->warden.wait_status));
		return;
	}
	pair_lose_warden(pair);
	if (!s->is_ending && is_now)
		tell_death(&pair->warden);
	else if (s->is_ending && s->status == STATUS_OK && !child_ended_well(&pair->warden)) {
		log_line("%s %s; the next start removes what it left", pair->warden.program, child_describe(&pair->warden, text));
		s->status = STATUS_FAILED;
	}
}

static void on_front_exit(struct supervisor *s, struct pair *pair)
{
	bool is_now = pair == &s->now;
	char text[CHILD_TEXT_BYTES];

	helpers_lose_front(&s->helpers, pair->front_fd);
	pair_lose_front(pair);
	if (is_now && !s->is_ending && child_gave_reason(&pair->front)) {
		begin_ending(s, WEXITSTATUS(pair->front.wait_status));
	} else if (is_now && !s->is_ending && !pair->front.was_asked) {
		tell_death(&pair->front);
	} else if (s->is_ending && s->status == STATUS_OK && !child_ended_well(&pair->front)) {
		log_line("safexecd %s", child_describe(&pair->front, text));
		s->status = STATUS_FAILED;
	}
}

static void look_at_pair(struct supervisor *s, struct pair *pair)
{
	if (child_look(&pair->warden))
		on_warden_exit(s, pair);
	if (child_look(&pair->front))
		on_front_exit(s, pair);
}

/* All exits are taken before any is looked at: when both have died, the warden's comes first, as the cause. */
static void on_exits(struct supervisor *s)
{
	struct child *const children[] = { &s->now.warden,   &s->now.front, &s->before.warden,
					   &s->before.front, &s->check,     &s->watchdog.ping };
	bool had_before = pair_is_there(&s->before);
	int wait_status;

	for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
		for (size_t i = 0; i < ARRAY_SIZE(children) && !child_take_exit(children[i], pid, wait_status); i++)
			;
		(void)helpers_take_exit(&s->helpers, pid, wait_status);
	}
	look_at_pair(s, &s->now);
	look_at_pair(s, &s->before);
	helpers_look(&s->helpers, s->is_ending);
	if (had_before && !pair_is_there(&s->before) && !s->is_ending)
		log_note("Reloaded: what served before has ended.");
	if (child_look(&s->check))
		on_check_exit(s);
	if (child_look(&s->watchdog.ping))
		watchdog_look(&s->watchdog, s->now.is_ready ? s->now.lived_at : s->before.lived_at);
}

/* --- events -------------------------------------------------------------------------------------------------------------------- */

/* SIGHUP asks for a reload, unless it says that the terminal we were started on is gone. */
static bool is_hangup(const struct supervisor *s, const struct signalfd_siginfo *info)
{
	return info->ssi_code == SI_KERNEL || (s->had_terminal && !isatty(STDERR_FILENO));
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return; /* poll(2) may wake us for nothing */
	if (info.ssi_signo == SIGCHLD) {
		on_exits(s);
	} else if (info.ssi_signo == SIGHUP && !is_hangup(s, &info)) {
		begin_reload(s);
	} else if (!s->is_ending) {
		begin_ending(s, STATUS_OK);
	} else if (s->config->parent == 0 || info.ssi_pid != (uint32_t)s->config->parent) {
		/* The user is impatient. A parent's end is told once for each thread of it. */
		child_kill(&s->now.front);
		child_kill(&s->now.warden);
		child_kill(&s->before.front);
		child_kill(&s->before.warden);
		helpers_kill(&s->helpers);
	}
}

static nsec_t earlier(nsec_t a, nsec_t b)
{
	return a != 0 && (b == 0 || a < b) ? a : b;
}

/* Waits for the next event, at most until a child's time is over. */
static void wait_for_event(struct supervisor *s)
{
	struct pollfd polled[] = {
		{ .fd = s->now.warden_fd, .events = POLLIN },
		{ .fd = s->before.warden_fd, .events = POLLIN },
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->helpers.list[HELPER_STORE].fd, .events = POLLIN },
	};
	nsec_t now = clock_now();
	nsec_t until = earlier(pair_check_time(&s->now, now), pair_check_time(&s->before, now));

	until = earlier(until, child_check_time(&s->check, now));
	until = earlier(until, helpers_check_time(&s->helpers, now));
	if (!s->is_ending)
		until = earlier(until, watchdog_run(&s->watchdog, now));

	int wait_ms = until == 0 ? -1 : until <= now ? 0 : (int)((until - now) / NSEC_PER_MSEC + 1);

	if (poll(polled, ARRAY_SIZE(polled), wait_ms) <= 0)
		return;
	if (polled[0].revents)
		(void)pair_read_warden(&s->now);
	if (polled[1].revents)
		(void)pair_read_warden(&s->before);
	if (polled[3].revents)
		helpers_read_store(&s->helpers);
	if (polled[2].revents)
		on_signal(s);
}

static int open_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	sigset_t signals;

	(void)sigemptyset(&signals);
	array_for_each(numbers, number)
		(void)sigaddset(&signals, *number);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int supervisor_run(const struct supervisor_config *config)
{
	struct supervisor s = {
		.config = config,
		.check = { .program = "safexec (the check of a reload)" },
		.had_terminal = isatty(STDERR_FILENO),
	};
	_cleanup_(fd_closep) int signal_fd = open_signals();

	if (signal_fd < 0) {
		log_error("Cannot wait for signals: %s", strerrordesc_np(errno));
		return STATUS_FAILED;
	}
	s.signal_fd = signal_fd;
	watchdog_init(&s.watchdog, config->address);
	helpers_init(&s.helpers, config->plan.helpers);
	pair_init(&s.before, &config->plan, 0);
	if (config->handover)
		adopt(&s, config->handover);
	pair_init(&s.now, &config->plan, s.before.turn + 1);
	if (config->handover)
		on_exits(&s); /* a SIGCHLD that came between the two programs may have been the last one's to read */
	for (take_next_step(&s); !s.is_ending || pair_is_there(&s.now) || pair_is_there(&s.before) || helpers_are_there(&s.helpers);
	     take_next_step(&s))
		wait_for_event(&s);
	s.now.warden_fd = fd_close(s.now.warden_fd);
	s.before.warden_fd = fd_close(s.before.warden_fd);
	return s.status;
}
