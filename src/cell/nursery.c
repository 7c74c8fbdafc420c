/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/nursery.h"

#include "cell/init.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* No cgroup namespace: where it is a border of delegation (cgroups(7), nsdelegate), as systemd mounts version 2, nobody may
 * fork from inside it into a cgroup outside. A guest makes its own, when it is in its cgroup. */
#define NURSERY_NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define CELL_NAMESPACES    (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

enum { ZYGOTE_LINK_FD = 3, ZYGOTE_PLAN_FD = 4 }; /* as src/zygote/zygote.c expects them */

/* cgroup_fd: where the child is born, or -EBADF for the parent's. */
static pid_t clone_process(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* --- inside the nursery ----------------------------------------------------------------------------------------------------- */

/* One line for the warden's log, then the end. */
static _Noreturn void give_up(const char *sentence)
{
	(void)dprintf(STDERR_FILENO, "%s\n", sentence);
	_exit(1);
}

static void become_root_inside(void)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || syscall(SYS_setgroups, 0, NULL) < 0)
		give_up("the nursery cannot become root of its user namespace");
	/* After the change of identity, which clears it. With the warden gone nobody watches limits any more. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		give_up("the nursery cannot tie itself to the warden");
	/* A guest cannot make a user namespace, even where its filter had a hole. */
	if (fd_write_file(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0") < 0)
		give_up("user namespaces inside cells cannot be switched off: /proc/sys/user/max_user_namespaces is not writable");
}

/* Descriptors to fixed numbers, everything else closed, then the environment's python3 as `python3 script.py` would run. */
static _Noreturn void exec_zygote(const struct nursery_spec *spec, int zygote_link, int plan)
{
	char *const argv[] = { (char[]){ "python3" }, (char[]){ "script.py" }, NULL };
	char own_path[] = "PATH=/usr/local/bin:/usr/bin:/bin",
	     usr_path[] = "PATH=/usr/bin:/bin"; /* the host's /usr/local is not there */
	char *const env[] = { spec->root.dir[0] ? own_path : usr_path,
			      (char[]){ "LANG=C.UTF-8" },
			      (char[]){ "HOME=/tmp" },
			      (char[]){ "OMP_NUM_THREADS=1" },
			      (char[]){ "OPENBLAS_NUM_THREADS=1" },
			      (char[]){ "PYTHONPATH=" ROOT_BOOT_DIR },
			      (char[]){ "LD_BIND_NOW=1" },
			      NULL };
	sigset_t none;

	/* What the warden ignores would stay ignored in every guest: a disposition of SIG_IGN survives exec (signal(7)). */
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);

	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int link_high = fcntl(zygote_link, F_DUPFD_CLOEXEC, ZYGOTE_PLAN_FD + 1);
	int plan_high = fcntl(plan, F_DUPFD_CLOEXEC, ZYGOTE_PLAN_FD + 1);

	if (dup2(null, STDIN_FILENO) < 0 || dup2(link_high, ZYGOTE_LINK_FD) < 0 || dup2(plan_high, ZYGOTE_PLAN_FD) < 0 ||
	    close_range(ZYGOTE_PLAN_FD + 1, ~0u, 0) < 0 || chdir("/app") < 0)
		give_up("the zygote's descriptors cannot be set up");
	(void)execve(spec->python, argv, env);
	(void)dprintf(STDERR_FILENO, "%s cannot be run inside the environment: %s\n", spec->python, strerrordesc_np(errno));
	_exit(1);
}

static void make_cell(const struct order *order, const struct confine_plan *plan, const int fds[2], int link)
{
	_cleanup_(fd_closep) int pidfd = -EBADF;
	pid_t pid = clone_process(CELL_NAMESPACES, -EBADF, &pidfd);

	if (pid == 0)
		init_run(order, plan, fds[0], fds[1]);

	struct order reply = { .type = pid > 0 ? ORDER_CELL_BORN : ORDER_CELL_FAILED, .serial = order->serial };

	if (pid < 0) {
		struct err err;

		(void)err_set(&err, -errno, "the kernel makes no more cells");
		memcpy(reply.text, err.text, sizeof reply.text);
	}
	if (order_send(link, &reply, &pidfd, pid > 0 ? 1 : 0) < 0)
		_exit(1);
}

/* Reaps inits and whatever was left to pid 1. True when the zygote was among them. */
static bool reap(int signals, pid_t zygote)
{
	struct signalfd_siginfo info;
	bool is_zygote_gone = false;
	pid_t pid;

	(void)!read(signals, &info, sizeof info);
	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
		is_zygote_gone |= pid == zygote;
	if (pid < 0 && errno != ECHILD)
		_exit(1); /* it would not learn of its zygote's end */
	return is_zygote_gone;
}

static _Noreturn void serve(const struct confine_plan *plan, int link, int signals, pid_t zygote)
{
	struct pollfd polls[] = { { .fd = link, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

	for (;;) {
		if (poll(polls, ARRAY_SIZE(polls), -1) < 0 && errno != EINTR)
			_exit(1);
		if (polls[1].revents && reap(signals, zygote))
			_exit(1); /* without its zygote a nursery is of no use; the kernel kills the cells */
		if (!polls[0].revents)
			continue;

		struct order order;
		int fds[2];
		int r = order_recv(link, &order, fds, ARRAY_SIZE(fds));

		if (r <= 0)
			_exit(0); /* the warden is gone */
		if (order.type == ORDER_CELL && fds[0] >= 0 && fds[1] >= 0)
			make_cell(&order, plan, fds, link);
		array_for_each(fds, fd)
			*fd = fd_close(*fd);
	}
}

struct ends { /* the nursery's ends of what nursery_start makes */
	int link, zygote_link, output;
};

static _Noreturn void nursery_run(const struct nursery_spec *spec, const struct ends *ends)
{
	struct err err = { 0 };
	struct order go;
	sigset_t child;

	if (dup2(ends->output, STDOUT_FILENO) < 0 || dup2(ends->output, STDERR_FILENO) < 0)
		_exit(1);
	if (order_recv(ends->link, &go, NULL, 0) <= 0) /* the ids are mapped now */
		_exit(1);
	(void)prctl(PR_SET_NAME, "safexec-nursery", 0, 0, 0);
	become_root_inside();
	if (setsid() < 0 || root_enter(&spec->root, spec->plan, &err) < 0)
		give_up(err.text);

	_cleanup_(fd_closep) int plan = fd_new_sealed("plan", spec->plan, sizeof *spec->plan);

	if (plan < 0)
		give_up("the confinement plan cannot be written to a memfd");
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &child, NULL);

	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	pid_t zygote = fork();

	if (zygote == 0)
		exec_zygote(spec, ends->zygote_link, plan);
	if (zygote < 0 || signals < 0)
		give_up("the zygote cannot be forked");
	(void)fd_close(ends->zygote_link);
	serve(spec->plan, ends->link, signals, zygote);
}

/* --- in the warden ------------------------------------------------------------------------------------------------------------ */

static int map_ids(pid_t pid, const struct nursery_spec *spec)
{
	char path[64], map[64];

	(void)snprintf(map, sizeof map, "0 %u %u", spec->id_base, spec->id_count);
	(void)snprintf(path, sizeof path, "/proc/%d/uid_map", pid);

	int r = fd_write_file(AT_FDCWD, path, map);

	(void)snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
	return r < 0 ? r : fd_write_file(AT_FDCWD, path, map);
}

/* Nothing but the named descriptors survives in the nursery; the warden's own are close-on-exec, and here is no exec. */
static void close_the_wardens(const struct nursery_spec *spec, struct ends *ends)
{
	int *const keep[] = { &ends->link, &ends->zygote_link, &ends->output };
	const int *fixed = spec->root.boot_fds;
	int highest = STDERR_FILENO;

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		highest = *keep[i] > highest ? *keep[i] : highest;
	for (size_t i = 0; i < ROOT_BOOT_FILES; i++)
		highest = fixed[i] > highest ? fixed[i] : highest;
	(void)close_range((unsigned)highest + 1, ~0u, 0);
	for (int fd = STDERR_FILENO + 1; fd < highest; fd++) {
		bool is_kept = fd == ends->link || fd == ends->zygote_link || fd == ends->output;

		for (size_t i = 0; i < ROOT_BOOT_FILES; i++)
			is_kept |= fd == fixed[i];
		if (!is_kept)
			(void)fd_close(fd);
	}
}

int nursery_start(const struct nursery_spec *spec, struct nursery *ret_nursery, struct err *err)
{
	int link[2] = { -EBADF, -EBADF }, zygote[2] = { -EBADF, -EBADF }, output[2] = { -EBADF, -EBADF };
	int pidfd = -EBADF;
	int r = frame_new_pair(link);

	if (r == 0)
		r = frame_new_pair(zygote);
	if (r == 0)
		r = frame_note_senders(link[0]);
	if (r == 0)
		r = frame_note_senders(zygote[0]);
	if (r == 0)
		r = pipe2(output, O_CLOEXEC) < 0 ? -errno : 0;
	if (r < 0) {
		(void)err_set(err, r, "no descriptors are left for a nursery");
		goto fail;
	}

	struct ends ends = { .link = link[1], .zygote_link = zygote[1], .output = output[1] };
	pid_t pid = clone_process(NURSERY_NAMESPACES, spec->cgroup_fd, &pidfd);

	if (pid == 0) {
		close_the_wardens(spec, &ends);
		nursery_run(spec, &ends);
	}
	if (pid < 0) {
		r = err_set(err, -errno,
			    "the kernel makes no user, pid, mount, net, ipc and uts namespaces (see user.max_user_namespaces)");
		goto fail;
	}
	r = map_ids(pid, spec);

	struct order go = { .type = ORDER_HELLO };

	if (r == 0)
		r = order_send(link[0], &go, NULL, 0);
	if (r == 0)
		r = fd_set_nonblock(link[0], true);
	if (r == 0)
		r = fd_set_nonblock(zygote[0], true);
	if (r == 0)
		r = fd_set_nonblock(output[0], true);
	*ret_nursery = (struct nursery){
		.pid = pid,
		.pidfd = pidfd,
		.link = link[0],
		.zygote_link = zygote[0],
		.output = output[0],
	};
	link[1] = fd_close(link[1]);
	zygote[1] = fd_close(zygote[1]);
	output[1] = fd_close(output[1]);
	if (r < 0) {
		nursery_kill(ret_nursery);
		return err_set(err, r, "ids cannot be mapped into a user namespace");
	}
	return 0;
fail:
	for (size_t i = 0; i < 2; i++) {
		(void)fd_close(link[i]);
		(void)fd_close(zygote[i]);
		(void)fd_close(output[i]);
	}
	return r;
}

void nursery_kill(struct nursery *nursery)
{
	if (nursery->pid > 0) {
		(void)kill(nursery->pid, SIGKILL); /* it is ours and not reaped: the number is its own */
		while (waitpid(nursery->pid, NULL, __WALL) < 0 && errno != ECHILD)
			;
	}
	nursery->pid = 0;
	nursery->pidfd = fd_close(nursery->pidfd);
	nursery->link = fd_close(nursery->link);
	nursery->zygote_link = fd_close(nursery->zygote_link);
	nursery->output = fd_close(nursery->output);
}
