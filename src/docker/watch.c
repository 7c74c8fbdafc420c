/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/watch.h"

#include "base/fd.h"
#include "base/num.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>

/* linux/pidfd.h of 6.15; Debian 12's headers are older. */
struct pidfd_info {
	uint64_t mask, cgroup_id;
	uint32_t ids[11];
	int32_t exit_code;
};
#define PIDFD_GET_INFO  _IOWR(0xff, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (UINT64_C(1) << 3)

static void see_death(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	(void)event_del(watch->on_death);
	watch->ended(watch->arg);
}

static int listen_to(struct watch *watch, struct event_base *loop, void (*ended)(void *arg), void *arg)
{
	watch->ended = ended;
	watch->arg = arg;
	watch->on_death = event_new(loop, watch->pidfd, EV_READ | EV_PERSIST, see_death, watch);
	return watch->on_death && event_add(watch->on_death, NULL) == 0 ? 0 : -ENOMEM;
}

int watch_open(struct watch *watch, struct event_base *loop, pid_t pid, const char *id, void (*ended)(void *arg), void *arg)
{
	*watch = WATCH_NONE;
	if (pid <= 0)
		return -ENOENT;
	watch->pid = pid;
	watch->pidfd = pidfd_open(pid, 0);
	if (watch->pidfd < 0)
		return -errno;

	/* Looked at after the pidfd was opened: what is read is of the process that it holds, or of none. */
	int r = meter_open(pid, id, &watch->meter);

	if (r == 0)
		r = listen_to(watch, loop, ended, arg);
	if (r < 0)
		watch_close(watch);
	return r;
}

/* --- before the Engine tells the pid ------------------------------------------------------------------------------------------ */

/* Whether it is process 1 of a pid namespace: its NSpid line ends with 1, proc(5). */
static bool is_first(pid_t pid)
{
	char path[40], text[4 * KIB];

	(void)snprintf(path, sizeof path, "/proc/%d/status", pid);
	if (fd_read_file(AT_FDCWD, path, text, sizeof text) <= 0)
		return false;

	const char *line = strstr(text, "\nNSpid:\t"), *end = line ? strchr(line + 1, '\n') : NULL;

	return end && end[-1] == '1' && end[-2] == '\t' && end[-3] != ':';
}

static pid_t find_first(const struct meter *meter)
{
	char text[4 * KIB];
	ssize_t n = fd_read_file(meter->pids, "cgroup.procs", text, sizeof text);

	for (char *rest = text, *line; n > 0 && (line = strsep(&rest, "\n"));) {
		uint64_t pid;

		if (num_parse_u64(line, 2, INT32_MAX, &pid) == 0 && is_first((pid_t)pid))
			return (pid_t)pid;
	}
	return 0;
}

/* As runc names the groups by itself, and by systemd. */
static int find_process(const char *id, pid_t *ret_pid)
{
	static const char *const around[][2] = { { "docker/", "" }, { "system.slice/docker-", ".scope" } };

	array_for_each(around, parts) {
		char name[128];
		struct meter meter;

		(void)snprintf(name, sizeof name, "%s%s%s", (*parts)[0], id, (*parts)[1]);
		if (meter_open_group(name, &meter) < 0)
			continue;
		*ret_pid = find_first(&meter);
		meter_close(&meter);
		return *ret_pid > 0 ? 0 : -EAGAIN;
	}
	return -EAGAIN;
}

int watch_find(struct watch *watch, struct event_base *loop, const char *id, const char *name, void (*ended)(void *arg), void *arg)
{
	char path[40], comm[32];
	pid_t pid = 0;

	if (watch->pidfd < 0 && (find_process(id, &pid) < 0 || watch_open(watch, loop, pid, id, ended, arg) < 0))
		return -EAGAIN;
	(void)snprintf(path, sizeof path, "/proc/%d/comm", watch->pid);
	return fd_read_file(AT_FDCWD, path, comm, sizeof comm) > 0 && strcmp(comm, name) == 0 ? 0 : -EAGAIN;
}

void watch_close(struct watch *watch)
{
	if (watch->on_death)
		event_free(watch->on_death);
	(void)fd_close(watch->pidfd);
	meter_close(&watch->meter);
	*watch = WATCH_NONE;
}

void watch_begin(struct watch *watch, bool is_whole)
{
	struct usage usage = { 0 };
	struct cgroup_events events;

	if (watch->pidfd < 0 || meter_read(&watch->meter, NULL, &usage, &events) < 0)
		return;
	watch->pids_before = usage.pids_peak;
	if (is_whole)
		(void)meter_count(&watch->meter, &watch->since); /* what cannot be read now cannot be read later either */
}

bool watch_read(const struct watch *watch, struct usage *usage, struct cgroup_events *ret_events)
{
	struct usage now = *usage;
	struct cgroup_events events;

	/* Asked afterwards: what was read of a group that is being removed, one hierarchy after the other, is not all there is. */
	if (watch->pidfd < 0 || meter_read(&watch->meter, &watch->since, &now, &events) < 0 || !meter_is_there(&watch->meter))
		return false;
	*usage = now;
	*ret_events = events;
	if (watch->pids_before == 0 || usage->pids_peak <= watch->pids_before)
		usage->pids_peak = 0;
	return true;
}

uint32_t watch_layers(const struct watch *watch)
{
	return watch->pidfd < 0 ? 0 : meter_layers(&watch->meter, watch->pid);
}

int watch_kill(const struct watch *watch)
{
	if (watch->pidfd < 0)
		return -EBADF;
	return pidfd_send_signal(watch->pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

int watch_status(const struct watch *watch, int *ret_status)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_EXIT };

	if (watch->pidfd < 0)
		return -EBADF;
	if (ioctl(watch->pidfd, PIDFD_GET_INFO, &info) < 0)
		return -errno;
	if (!(info.mask & PIDFD_INFO_EXIT))
		return -EAGAIN;
	*ret_status = info.exit_code;
	return 0;
}
