/* SPDX-License-Identifier: Apache-2.0
 *
 * _zygote: the warm interpreter's side of the native provider, an extension of the environment's own python3 (limited API
 * of 3.8). sitecustomize.py has serve() called once; it returns only in guests.
 *
 * The zygote reads orders from the warden and never a byte of a run: its child does, after the last confinement step. A
 * *forker* is a copy of the zygote that the warden has put into one slot's cgroups, because a version 1 cgroup is only
 * inherited; on version 2 the zygote forks into the slot's cgroup itself (CLONE_INTO_CGROUP, clone(2)). Guests are children
 * of the zygote in both cases, so that a slot out of CPU cannot delay the news of its guest's end.
 */
#define Py_LIMITED_API 0x03080000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "zygote/ending.h"
#include "zygote/fork.h"
#include "zygote/guest.h"
#include "zygote/notice.h"
#include "zygote/prefault.h"
#include "zygote/program.h"
#include "zygote/streams.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINK_FD = 3, PLAN_FD = 4 }; /* as the nursery leaves them */

struct zygote {
	struct guest_spec guests;
	int signals; /* signalfd of SIGCHLD; -EBADF in a forker, which has no children */
	bool is_forker;
	struct guest_job job; /* in a guest */
};

/* --- the zygote and its forkers --------------------------------------------------------------------------------------------------- */

/* True in the guest, which is then ready to run its script. */
static bool fork_guest(struct zygote *zygote, const struct order *order, const int fds[GUEST_FDS])
{
	struct order reply = { .type = ORDER_GUEST_BORN, .serial = order->serial };
	pid_t pid = fork_into_cell(fds[NS_PID], fds[GUEST_CGROUP], zygote->is_forker, NULL);

	if (pid == 0) {
		guest_become(&zygote->guests, order, fds, &zygote->job);
		return true;
	}
	reply.guest.pid = pid; /* or -errno: the warden takes anything below 1 for a failure */
	if (order_send(LINK_FD, &reply, NULL, 0) < 0)
		_exit(1);
	return false;
}

static void fork_forker(struct zygote *zygote, const struct order *order, int link)
{
	struct order reply = { .type = ORDER_HELLO, .serial = order->serial };
	int pidfd = -EBADF;
	pid_t pid = fork_into_cell(-EBADF, -EBADF, false, &pidfd);

	if (pid == 0) {
		PyOS_AfterFork_Child();
		if (dup3(link, LINK_FD, O_CLOEXEC) < 0)
			_exit(1);
		(void)close_range(LINK_FD + 1, ~0u, 0);
		zygote->signals = -EBADF;
		zygote->is_forker = true;
		return;
	}
	if (order_send(LINK_FD, &reply, &pidfd, pid > 0 ? 1 : 0) < 0)
		_exit(1);
	(void)fd_close(pidfd);
}

static void report_exits(const struct zygote *zygote)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(zygote->signals, &info, sizeof info);
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		struct order report = { .type = ORDER_GUEST_EXIT, .guest = { .pid = pid, .status = status } };

		if (order_send(LINK_FD, &report, NULL, 0) < 0)
			_exit(1);
	}
	if (pid < 0 && errno != ECHILD)
		_exit(1); /* an end that nobody told of would be waited for in vain */
}

/* One order. True in a guest. */
static bool obey(struct zygote *zygote)
{
	struct order order;
	int fds[GUEST_FDS];
	bool is_guest = false;

	if (order_recv(LINK_FD, &order, fds, ARRAY_SIZE(fds)) <= 0)
		_exit(0); /* the warden is gone, or done with us */
	if (order.type == ORDER_GUEST && fds[GUEST_GATE] >= 0)
		is_guest = fork_guest(zygote, &order, fds);
	else if (order.type == ORDER_FORKER && fds[0] >= 0)
		fork_forker(zygote, &order, fds[0]);
	if (is_guest)
		return true; /* its descriptors are in place, and these numbers are not ours to close */
	array_for_each(fds, fd)
		*fd = fd_close(*fd);
	return false;
}

static void serve_orders(struct zygote *zygote)
{
	for (;;) {
		struct pollfd polls[] = { { .fd = LINK_FD, .events = POLLIN }, { .fd = zygote->signals, .events = POLLIN } };

		if (poll(polls, ARRAY_SIZE(polls), -1) < 0 && errno != EINTR)
			_exit(1);
		if (polls[1].revents)
			report_exits(zygote);
		if (polls[0].revents && obey(zygote))
			return;
	}
}

/* --- the rehearsal --------------------------------------------------------------------------------------------------------------------- */

/* In the child: the streams lead nowhere, the link is closed, and Python goes on to run the empty /app/script.py of the
 * environment, which every cell covers with its own. */
static void become_rehearsal(const struct zygote *zygote, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	PyOS_AfterFork_Child();
	(void)fd_close(LINK_FD);
	(void)sigprocmask(SIG_SETMASK, &zygote->guests.first_mask, NULL);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 || prefault_report_at_exit(report) < 0)
		_exit(1);
}

enum rehearsal { REHEARSAL_CHILD, REHEARSAL_WENT_WELL, REHEARSAL_FAILED };

/* Whatever goes wrong here costs speed only. */
static enum rehearsal rehearse(const struct zygote *zygote)
{
	int report[2], status = -1;
	bool has_learned = false;

	prefault_prepare();
	if (pipe2(report, O_CLOEXEC) < 0)
		return REHEARSAL_FAILED;

	pid_t pid = fork_into_cell(-EBADF, -EBADF, false, NULL);

	if (pid == 0) {
		(void)fd_close(report[0]);
		become_rehearsal(zygote, report[1]);
		return REHEARSAL_CHILD;
	}
	(void)fd_close(report[1]);
	if (pid > 0)
		has_learned = prefault_learn(report[0]);
	(void)fd_close(report[0]);
	if (pid > 0)
		(void)waitpid(pid, &status, __WALL); /* it has ended, or is about to */
	return has_learned && status == 0 ? REHEARSAL_WENT_WELL : REHEARSAL_FAILED;
}

/* True in a rehearsal's child. */
static bool prepare_for_guests(const struct zygote *zygote)
{
	enum rehearsal rehearsal;

	notice_prepare();
	if (!ending_prepare())
		ending_forgo();
	rehearsal = rehearse(zygote);
	if (rehearsal == REHEARSAL_FAILED) { /* once more, by the long way */
		ending_forgo();
		rehearsal = rehearse(zygote);
	}
	return rehearsal == REHEARSAL_CHILD;
}

/* --- Python's view -------------------------------------------------------------------------------------------------------------------- */

static PyObject *fail(const char *what)
{
	(void)PyErr_SetFromErrno(PyExc_OSError);
	PyErr_WriteUnraisable(NULL);
	return PyErr_Format(PyExc_RuntimeError, "the zygote cannot %s", what);
}

/* proc(5): the second number is the resident set in pages. 0 where it cannot be read. */
static uint64_t measure_memory(void)
{
	char text[128];
	unsigned long long all, resident;

	if (fd_read_file(AT_FDCWD, "/proc/self/statm", text, sizeof text) < 0 || sscanf(text, "%llu %llu", &all, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static PyObject *zygote_serve(PyObject *module, PyObject *seed_again)
{
	static struct zygote zygote; /* static: a guest returns from here with its plan still in use by nobody */
	struct order hello = { .type = ORDER_HELLO };
	sigset_t child;

	/* "3.11.2 (main, ...) [GCC ...]" */
	(void)snprintf(hello.hello.python, sizeof hello.hello.python, "%.*s", (int)strcspn(Py_GetVersion(), " "), Py_GetVersion());
	hello.hello.memory_bytes = measure_memory();

	(void)module;
	Py_INCREF(seed_again);
	zygote.guests.seed_again = seed_again;
	zygote.guests.plan = mmap(NULL, sizeof *zygote.guests.plan, PROT_READ, MAP_PRIVATE, PLAN_FD, 0);
	if (zygote.guests.plan == MAP_FAILED)
		return fail("map its plan");
	(void)fd_close(PLAN_FD);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &child, &zygote.guests.first_mask) < 0)
		return fail("block SIGCHLD");
	zygote.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (zygote.signals < 0)
		return fail("watch its children");
	if (fork_prepare() < 0)
		return fail("learn where glibc keeps the thread id; the kernel needs CONFIG_CHECKPOINT_RESTORE");
	if (streams_prepare() < 0)
		return NULL;
	if (prepare_for_guests(&zygote))
		Py_RETURN_NONE;
	if (fcntl(LINK_FD, F_SETFD, FD_CLOEXEC) < 0 || order_send(LINK_FD, &hello, NULL, 0) < 0)
		return fail("reach the warden");
	serve_orders(&zygote);

	bool has_files = zygote.job.bundle.bytes;

	if (program_prepare(&zygote.job) < 0)
		return NULL;
	return Py_BuildValue("IO", zygote.job.cpu_millis, has_files ? Py_True : Py_False);
}

static PyObject *zygote_take_side(PyObject *module, PyObject *side)
{
	(void)module;
	program_take_side(side);
	Py_RETURN_NONE;
}

static PyObject *zygote_when_it_starts(PyObject *module, PyObject *begin)
{
	(void)module;
	if (program_begin_with(begin) < 0)
		return NULL;
	Py_RETURN_NONE;
}

/* For the last atexit function: whether nothing can make the rest of the end fail. */
static PyObject *zygote_end(PyObject *module, PyObject *is_sure)
{
	(void)module;
	streams_arm();
	if (PyObject_IsTrue(is_sure) == 1)
		ending_arm();
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{ "end", zygote_end, METH_O, "The last atexit function has run; when true, the interpreter may end before it is freed." },
	{ "take_side", zygote_take_side, METH_O, "Keep the module that a guest asks for values and displays." },
	{ "when_it_starts", zygote_when_it_starts, METH_O, "Call this when Python is about to open its script." },
	{ "serve", zygote_serve, METH_O,
	  "Serve orders of the warden; returns in guests only: their CPU limit, whether they brought files." },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, "_zygote", NULL, -1, methods, NULL, NULL, NULL, NULL };

PyMODINIT_FUNC PyInit__zygote(void); /* the one name that Python looks for */

PyMODINIT_FUNC PyInit__zygote(void)
{
	return PyModule_Create(&definition);
}
