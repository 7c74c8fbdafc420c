/* SPDX-License-Identifier: Apache-2.0
 *
 * safexec-docker-init, see inside.h. Linked statically, because it runs on any image. It has the program's own user and no
 * privilege: what keeps the program away from it is that it is process 1 of the namespace, which no signal from inside ends
 * (pid_namespaces(7)), that it cannot be dumped, which closes /proc/1 and ptrace (prctl(2), PR_SET_DUMPABLE), and the
 * container's seccomp profile.
 */
#include "docker/inside.h"

#include "base/fd.h"
#include "cell/collect.h"
#include "docker/inside_job.h"
#include "docker/inside_proof.h"
#include "wire/provider.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COLLECT_TIME    (2 * NSEC_PER_SEC)
#define COLLECT_ENTRIES 100000
#define FULL_BYTES      (16 * KIB) /* less room than this left at the end counts as a full disk */
#define SLACK_BYTES     (64 * KIB) /* who fills one folder sees ENOSPC, whatever little lies in the others */
#define SLACK_FILES     32
#define LOOK_EVERY_US   50000 /* at what is on the disk */

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

/* --- the program ----------------------------------------------------------------------------------------------------------- */

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

static _Noreturn void become_program(const struct inside_order *order, const struct inside_job *job)
{
	int input = job->stdin_fd >= 0 ? job->stdin_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r = input < 0 || dup2(input, STDIN_FILENO) < 0 ? -errno : 0;

	(void)setsid(); /* as with the native provider: what the program signals is its own */
	offer_to_oom_killer();
	if (r == 0)
		r = set_limit(RLIMIT_NOFILE, order->open_files);
	if (r == 0)
		r = set_limit(RLIMIT_FSIZE, order->file_bytes);
	if (r == 0) {
		(void)execvpe(job->words[0], job->words, job->environment);
		r = -errno;
	}
	(void)dprintf(STDERR_FILENO, "python cannot be started: errno %d\n", -r);
	_exit(127);
}

/* --- what it takes of the disk ---------------------------------------------------------------------------------------------- */

struct taken {
	uint64_t bytes, files;
	bool is_one_full;
};

/* Of the folders that the program may write to. Each is a filesystem of its own with room for the whole limit: the Engine can make
 * none that is seen in three places. */
static struct taken look_at_folders(const struct inside_order *order)
{
	static const char *const folders[] = { "/app", "/tmp", "/dev/shm" };
	struct taken taken = { 0 };

	array_for_each(folders, folder) {
		struct statvfs fs;

		if (statvfs(*folder, &fs) < 0 || fs.f_flag & ST_RDONLY)
			continue;
		/* Larger than the limit: the host's, bound for a read-only run, or of a kernel that tells no sizes (gVisor). */
		if (fs.f_blocks * fs.f_frsize <= order->disk_bytes && fs.f_bfree <= fs.f_blocks)
			taken.bytes += (fs.f_blocks - fs.f_bfree) * fs.f_frsize;
		if (fs.f_files <= order->disk_files && fs.f_ffree <= fs.f_files)
			taken.files += fs.f_files - fs.f_ffree;
		taken.is_one_full |=
			(fs.f_blocks > 0 && fs.f_bavail * fs.f_frsize < FULL_BYTES) || (fs.f_files > 0 && fs.f_favail == 0);
	}
	return taken;
}

static bool is_over_disk(const struct inside_order *order)
{
	struct taken taken = look_at_folders(order);

	return taken.bytes > order->disk_bytes + SLACK_BYTES || taken.files > order->disk_files + SLACK_FILES;
}

static bool is_disk_full(const struct inside_order *order)
{
	struct taken taken = look_at_folders(order);

	return taken.is_one_full || taken.bytes + FULL_BYTES > order->disk_bytes || taken.files >= order->disk_files;
}

/* --- its end ------------------------------------------------------------------------------------------------------------------ */

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* kill(2) with -1 reaches all but the caller and, as it holds the kernel's list, no fork escapes it. */
static void end_all(pid_t program, int *status)
{
	pid_t pid;
	int found;

	(void)kill(-1, SIGKILL);
	while ((pid = waitpid(-1, &found, 0)) > 0 || errno == EINTR) {
		if (pid > 0 && pid == program)
			*status = found;
	}
}

static void note_child(int number)
{
	(void)number; /* so that ppoll(2) returns */
}

/* True when it has ended; all that ends is reaped. */
static bool has_ended(pid_t program, int *status)
{
	pid_t pid;
	int found;

	while ((pid = waitpid(-1, &found, WNOHANG)) > 0) {
		if (pid == program) {
			*status = found;
			return true;
		}
	}
	return pid < 0 && errno != EINTR;
}

/* Until the program has ended, is to be ended, or has more on the disk than it may. signals: the mask in which SIGCHLD comes through. */
static void wait_for_end(const struct inside_order *order, pid_t program, const sigset_t *signals, struct inside_report *report)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t look_at = now_us() + LOOK_EVERY_US;

	while (!has_ended(program, &report->status)) {
		uint64_t now = now_us();
		const struct timespec wait = { .tv_nsec = look_at > now ? (long)(look_at - now) * 1000 : 0 };

		if (ppoll(&input, 1, &wait, signals) > 0)
			return;
		if (now_us() < look_at)
			continue;
		look_at = now_us() + LOOK_EVERY_US;
		report->is_over_disk = is_over_disk(order);
		if (report->is_over_disk)
			return;
	}
}

static void run(const struct inside_order *order, struct inside_job *job, struct inside_report *report)
{
	const struct sigaction on_child = { .sa_handler = note_child };
	sigset_t child, before;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, &before);
	(void)sigaction(SIGCHLD, &on_child, NULL);

	uint64_t begin = now_us();
	pid_t program = fork();

	if (program == 0) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		become_program(order, job);
	}
	report->failure = program < 0 ? -errno : 0;
	inside_job_release(job);
	if (program > 0) {
		wait_for_end(order, program, &before, report);
		report->wall_us = now_us() - begin;
	}
	end_all(program, &report->status);
	report->is_disk_full = is_disk_full(order);
}

/* What the program was asked to leave, as a bundle; whatever goes wrong, there is none, and whoever waits for it sees that. */
static int collect(int globs_fd)
{
	const struct collect_caps caps = {
		.bytes = WIRE_MAX_FOUND_BYTES,
		.files = WIRE_MAX_FOUND_FILES,
		.entries = COLLECT_ENTRIES,
		.deadline = clock_now() + COLLECT_TIME,
	};
	_cleanup_(fd_closep) int app = open("/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bundle asked;
	int files = -EBADF;

	if (app < 0 || globs_fd < 0 || bundle_open(globs_fd, &asked) < 0)
		return -EBADF;
	if (collect_files(app, &asked, &caps, &files) < 0)
		files = -EBADF;
	bundle_close(&asked);
	return files;
}

static void send_report(const struct inside_order *order, struct inside_report *report, int files)
{
	char room[16 * KIB];
	struct stat st;
	ssize_t n;

	report->files_bytes = files >= 0 && fstat(files, &st) == 0 ? (uint64_t)st.st_size : 0;
	write_whole(STDOUT_FILENO, &order->mark, sizeof order->mark);
	write_whole(STDERR_FILENO, &order->mark, sizeof order->mark);
	write_whole(STDERR_FILENO, report, sizeof *report);
	for (off_t at = 0; report->files_bytes > 0 && (n = pread(files, room, sizeof room, at)) > 0; at += n)
		write_whole(STDERR_FILENO, room, (size_t)n);
}

static void greet(void)
{
	struct inside_greeting greeting = { .magic = INSIDE_MAGIC, .layers = inside_layers() };

	inside_find_python(greeting.python);
	write_whole(STDERR_FILENO, &greeting, sizeof greeting);
}

int main(void)
{
	struct inside_order order;
	struct inside_report report = { .magic = INSIDE_MAGIC };
	struct inside_job job;
	struct err err = { 0 };
	int files = -EBADF;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return 1;
	greet();
	if (inside_read(&order, sizeof order) <= 0 || order.magic != INSIDE_MAGIC)
		return 1;
	report.failure = inside_job_take(&order, &job, &err);
	(void)snprintf(report.reason, sizeof report.reason, "%.150s", err.text);
	if (report.failure == 0)
		run(&order, &job, &report);
	if (report.failure == 0 && order.flags & INSIDE_WANTS_FILES)
		files = collect(job.globs_fd);
	send_report(&order, &report, files);
	for (;;)
		(void)pause();
}
