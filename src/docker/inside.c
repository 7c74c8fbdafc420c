/* SPDX-License-Identifier: Apache-2.0
 *
 * safexec-docker-init, see inside.h. Linked statically, because it runs on any image. It has the program's own user and no
 * privilege: what keeps the program away from it is that it is process 1 of the namespace, which no signal from inside ends
 * (pid_namespaces(7)), that it cannot be dumped, which closes /proc/1 and ptrace (prctl(2), PR_SET_DUMPABLE), and the
 * container's seccomp profile.
 */
#include "docker/inside.h"

#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SCRIPT     "/app/script.py"
#define FULL_BYTES (16 * KIB) /* less room than this left at the end counts as a full disk */

/* 1; 0: the end of input came first; -errno. */
static int read_whole(void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(STDIN_FILENO, (char *)bytes + done, size - done);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

/* The streams' descriptions are shared with the program, which may have made them non-blocking. */
static void write_whole(int fd, const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		struct pollfd waiting = { .fd = fd, .events = POLLOUT };
		ssize_t n = write(fd, (const char *)bytes + done, size - done);

		if (n < 0 && errno == EAGAIN)
			(void)poll(&waiting, 1, -1);
		else if (n < 0 && errno != EINTR)
			return; /* nobody reads any more */
		done += n > 0 ? (size_t)n : 0;
	}
}

/* --- before the program ---------------------------------------------------------------------------------------------------- */

static int copy_script(uint64_t size)
{
	_cleanup_(fd_closep) int file = open(SCRIPT, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	char room[16 * KIB];

	if (file < 0)
		return -errno;
	while (size > 0) {
		size_t part = size < sizeof room ? (size_t)size : sizeof room;
		int r = read_whole(room, part);

		if (r > 0)
			r = fd_write_all(file, room, part);
		else
			r = r < 0 ? r : -EBADMSG;
		if (r < 0)
			return r;
		size -= part;
	}
	return 0;
}

static int set_limit(__rlimit_resource_t resource, uint64_t value)
{
	struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

/* The memory limit's victim is the program, not this process: its end would be the container's, without a word. */
static void offer_to_oom_killer(void)
{
	_cleanup_(fd_closep) int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (file >= 0)
		(void)!write(file, "500", 3);
}

static _Noreturn void become_program(const struct inside_order *order)
{
	static char program[] = "python", script[] = "script.py";
	char *const words[] = { program, script, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r = null < 0 || dup2(null, STDIN_FILENO) < 0 ? -errno : 0;

	(void)setsid(); /* as with the native provider: what the program signals is its own */
	offer_to_oom_killer();
	if (r == 0)
		r = set_limit(RLIMIT_NOFILE, order->open_files);
	if (r == 0)
		r = set_limit(RLIMIT_FSIZE, order->file_bytes);
	if (r == 0) {
		(void)execvp(words[0], words);
		r = -errno;
	}
	(void)dprintf(STDERR_FILENO, "python cannot be started: errno %d\n", -r);
	_exit(127);
}

/* --- after it --------------------------------------------------------------------------------------------------------------- */

/* kill(2) with -1 reaches all but the caller and, as it holds the kernel's list, no fork escapes it. */
static void end_all(void)
{
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_disk_full(void)
{
	static const char *const folders[] = { "/app", "/tmp", "/dev/shm" };

	array_for_each(folders, folder) {
		struct statvfs fs;

		if (statvfs(*folder, &fs) == 0 && !(fs.f_flag & ST_RDONLY) &&
		    ((fs.f_blocks > 0 && fs.f_bavail * fs.f_frsize < FULL_BYTES) || (fs.f_files > 0 && fs.f_favail == 0)))
			return true;
	}
	return false;
}

static void run(const struct inside_order *order, struct inside_report *report)
{
	uint64_t begin = now_us();
	pid_t program = fork();

	if (program == 0)
		become_program(order);
	report->failure = program < 0 ? -errno : 0;
	for (pid_t pid = 0; program > 0 && pid != program;) {
		int status;

		pid = waitpid(-1, &status, 0);
		if (pid == program)
			report->status = status;
	}
	report->wall_us = now_us() - begin;
	end_all();
	report->is_disk_full = is_disk_full();
}

int main(void)
{
	struct inside_order order;
	struct inside_report report = { .magic = INSIDE_MAGIC };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || read_whole(&order, sizeof order) <= 0 || order.magic != INSIDE_MAGIC)
		return 1;
	if (order.flags & INSIDE_HAS_SCRIPT)
		report.failure = copy_script(order.script_bytes);
	if (report.failure == 0)
		run(&order, &report);
	write_whole(STDOUT_FILENO, &order.mark, sizeof order.mark);
	write_whole(STDERR_FILENO, &order.mark, sizeof order.mark);
	write_whole(STDERR_FILENO, &report, sizeof report);
	for (;;)
		(void)pause();
}
