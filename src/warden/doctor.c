/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/doctor.h"

#include "cell/probe.h"
#include "warden/warden.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIAL_PROGRAM "print(2 + 2)"
#define TRIAL_OUTPUT  "4\n"
#define TRIAL_SECONDS 60

/* A front in a nutshell: one cell, one job, one verdict. */
struct trial {
	struct warden *warden;
	int link, control, out, error;
	struct event *on_link, *on_control;
	struct wire_verdict verdict;
	bool is_done;
};

int doctor_guard(const struct options *options, struct err *err)
{
	(void)options;
	for (size_t i = 0; i < probes_count; i++) {
		char text[ERR_TEXT_BYTES];
		int r = probes[i].check(text);

		if (r < 0 && !probes[i].is_optional)
			return err_say(err, r, "cannot run here: %s: %.200s", probes[i].name, text);
	}
	return 0;
}

static void read_verdict(evutil_socket_t fd, short what, void *arg)
{
	struct trial *trial = arg;
	size_t count;
	ssize_t n = frame_recv(fd, &trial->verdict, sizeof trial->verdict, NULL, 0, &count);

	(void)what;
	if (n == -EAGAIN)
		return;
	trial->is_done = wire_is(&trial->verdict, n, WIRE_VERDICT, wire_verdict) && wire_check_verdict(&trial->verdict) == 0;
	(void)event_base_loopbreak(trial->warden->loop);
}

static void read_cell(evutil_socket_t fd, short what, void *arg)
{
	struct trial *trial = arg;
	struct wire_cell cell;
	struct wire_job job = { .head = WIRE_HEAD(WIRE_JOB), .limits = limits_default() };
	int fds[3];
	size_t count = 0;
	ssize_t n = frame_recv(fd, &cell, sizeof cell, fds, ARRAY_SIZE(fds), &count);

	(void)what;
	if (n == -EAGAIN)
		return;
	if (!wire_is(&cell, n, WIRE_CELL, wire_cell) || trial->control >= 0) {
		for (size_t i = 0; i < count; i++)
			(void)fd_close(fds[i]);
		return;
	}
	trial->control = fds[0];
	trial->out = fds[1];
	trial->error = fds[2];

	_cleanup_(fd_closep) int code = fd_new_sealed("code", TRIAL_PROGRAM, strlen(TRIAL_PROGRAM));

	trial->on_control = event_new(trial->warden->loop, trial->control, EV_READ | EV_PERSIST, read_verdict, trial);
	if (code < 0 || !trial->on_control || event_add(trial->on_control, NULL) < 0 ||
	    frame_send(trial->control, &job, sizeof job, &code, 1) < 0)
		(void)event_base_loopbreak(trial->warden->loop);
}

static int judge(const struct trial *trial, struct err *err)
{
	char text[64] = "", complaint[128] = "";

	if (!trial->is_done)
		return err_say(err, -EIO, "no cell became ready; the lines above say why");

	ssize_t n = read(trial->out, text, sizeof text - 1);

	if (trial->verdict.result.verdict == VERDICT_OK && n == (ssize_t)strlen(TRIAL_OUTPUT) &&
	    memcmp(text, TRIAL_OUTPUT, (size_t)n) == 0)
		return 0;
	if (read(trial->error, complaint, sizeof complaint - 1) <= 0)
		complaint[0] = '\0';
	return err_say(err, -EIO, "the program in the cell ended with %s: %.60s %.100s",
		       verdict_name(trial->verdict.result.verdict), trial->verdict.reason, complaint);
}

static int try_cell(const struct options *given, struct err *err)
{
	struct options options = *given;
	struct warden warden;
	struct trial trial = { .warden = &warden, .control = -EBADF, .out = -EBADF, .error = -EBADF };
	struct timeval limit = { .tv_sec = TRIAL_SECONDS };
	char name[40];
	int links[2];
	int r = frame_new_pair(links);

	if (r < 0)
		return err_set(err, r, "no socket can be made");
	(void)snprintf(name, sizeof name, "doctor-%d", getpid());
	options.common.name = name;
	options.common.slots = options.environments[0].slots = options.environments[0].idle = 1;
	options.environments_count = 1;
	r = warden_open(&warden, &options, err);
	if (r == 0) {
		trial.link = links[0];
		upstream_take_front(&warden.upstream, &links[1]);
		trial.on_link = event_new(warden.loop, trial.link, EV_READ | EV_PERSIST, read_cell, &trial);
		if (trial.on_link && event_add(trial.on_link, NULL) == 0 && event_base_loopexit(warden.loop, &limit) == 0)
			(void)event_base_dispatch(warden.loop);
		r = judge(&trial, err);
	}
	if (trial.on_link)
		event_free(trial.on_link);
	if (trial.on_control)
		event_free(trial.on_control);
	warden_close(&warden);

	int *const fds[] = { &links[0], &links[1], &trial.control, &trial.out, &trial.error };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		*fds[i] = fd_close(*fds[i]);
	return r;
}

static void print_line(const char *mark, const char *name, const char *text)
{
	(void)printf("%-4s  %-13s %s\n", mark, name, text);
	(void)fflush(stdout);
}

int doctor_report(const struct options *options)
{
	bool is_fit = true;
	struct err err = { 0 };

	for (size_t i = 0; i < probes_count; i++) {
		char text[ERR_TEXT_BYTES];
		int r = probes[i].check(text);

		print_line(r == 0 ? "ok" : probes[i].is_optional ? "note" : "MISS", probes[i].name, text);
		is_fit &= r == 0 || probes[i].is_optional;
	}
	if (is_fit) {
		int r = try_cell(options, &err);

		print_line(r == 0 ? "ok" : "MISS", "a cell", r == 0 ? "print(2 + 2) ran in a cell and printed 4" : err.text);
		is_fit = r == 0;
	}
	(void)puts(is_fit ? "This machine can run safexec." : "This machine cannot run safexec yet; see MISS above.");
	return is_fit ? EXIT_OK : EXIT_CANNOT_RUN;
}
