/* SPDX-License-Identifier: Apache-2.0 */
#define Py_LIMITED_API 0x03080000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "zygote/guest.h"

#include "cell/unpack.h"
#include "zygote/notice.h"
#include "zygote/prefault.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static _Noreturn void refuse_to_run(int gate, const char *sentence)
{
	struct order reply = { .type = ORDER_CELL_FAILED };

	(void)snprintf(reply.text, sizeof reply.text, "%s", sentence);
	(void)order_send(gate, &reply, NULL, 0);
	_exit(1);
}

/* These come with the job; the rest is the cgroup's business. Only ever down: raising needs CAP_SYS_RESOURCE. */
static int lower_rlimit(__rlimit_resource_t resource, rlim_t max)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -errno;
	if (now.rlim_max < max)
		max = now.rlim_max;
	now = (struct rlimit){ max, max };
	return setrlimit(resource, &now) < 0 ? -errno : 0;
}

static void unpack(int fd, struct bundle *ret_bundle)
{
	struct order reply = { .type = ORDER_UNPACKED };
	_cleanup_(fd_closep) int app = open("/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err err;
	int r = bundle_open(fd, ret_bundle);

	if (r < 0)
		(void)err_say(&err, r, "the files of the run are not a bundle");
	else
		r = app < 0 ? err_set(&err, -errno, "/app cannot be opened") : unpack_files(app, ret_bundle, &err);
	if (r < 0) {
		reply.type = ORDER_REFUSED;
		reply.refusal.verdict = r == -ENOSPC ? VERDICT_DISK : VERDICT_REFUSED;
		memcpy(reply.refusal.text, err.text, sizeof reply.refusal.text - 1);
	} else {
		bundle_rewind(ret_bundle);
	}
	if (order_send(CONFINE_GATE_FD, &reply, NULL, 0) < 0)
		_exit(1);
}

/* The report keeps a number far above the program's own: given before RLIMIT_NOFILE may forbid it. */
static int place_report(int *fd)
{
	int report = *fd >= 0 ? fcntl(*fd, F_DUPFD_CLOEXEC, GUEST_REPORT_FD) : -EBADF;

	if (*fd >= 0 && report < 0)
		refuse_to_run(CONFINE_GATE_FD, "the guest cannot keep its report");
	*fd = fd_close(*fd);
	return report;
}

static void take_job(const struct order *order, int fds[ORDER_JOB_FDS], struct guest_job *job)
{
	job->flags = order->job.flags;
	job->cpu_millis = (unsigned)order->job.limits.cpu_millis;
	order_sort_job(order, false, fds);
	job->report = place_report(&fds[JOB_REPORT]);
	if (fds[JOB_STDIN] >= 0 && (dup2(fds[JOB_STDIN], STDIN_FILENO) < 0 || close(fds[JOB_STDIN]) < 0))
		refuse_to_run(CONFINE_GATE_FD, "the guest cannot take its standard input");
	if (lower_rlimit(RLIMIT_NOFILE, order->job.limits.open_files) < 0 ||
	    lower_rlimit(RLIMIT_FSIZE, order->job.limits.file_bytes) < 0)
		refuse_to_run(CONFINE_GATE_FD, "the guest cannot lower its limits");
}

static void wait_for_job(struct guest_job *ret_job)
{
	struct order order;
	int fds[ORDER_JOB_FDS];

	*ret_job = (struct guest_job){ .report = -EBADF };
	for (;;) {
		if (order_recv(CONFINE_GATE_FD, &order, fds, ARRAY_SIZE(fds)) <= 0)
			refuse_to_run(CONFINE_GATE_FD,
				      "the guest got no job"); /* or the cell is not wanted any more, and nobody hears it */
		if (order.type != ORDER_UNPACK || ret_job->bundle.bytes)
			break;
		unpack(fds[0], &ret_job->bundle);
		array_for_each(fds, fd)
			*fd = fd_close(*fd);
	}
	if (order.type != ORDER_GO)
		_exit(1);
	take_job(&order, fds, ret_job);
	(void)fd_close(CONFINE_GATE_FD);
}

/* A guest that might share a generator's state with another does not run. */
static void seed_again(const struct guest_spec *spec, int gate)
{
	PyObject *done = PyObject_CallObject(spec->seed_again, NULL);

	if (!done)
		refuse_to_run(gate, "the random generators of a preloaded module cannot be seeded again");
	Py_DECREF(done);
}

/* Leaves before Python does anything: whatever is refused from here on waits for who holds it. Without it the warden hears of the end from
 * the zygote. */
static void hand_over_listener(int *listener)
{
	struct order order = { .type = ORDER_LISTENER };

	notice_begin();
	if (*listener >= 0 && order_send(CONFINE_GATE_FD, &order, listener, 1) < 0)
		_exit(1);
	*listener = fd_close(*listener);
}

void guest_become(const struct guest_spec *spec, const struct order *order, const int fds[GUEST_FDS], struct guest_job *ret_job)
{
	struct confine_cell cell = {
		.plan = spec->plan,
		.guest_id = order->cell.guest_id,
	};
	struct order message;
	struct err err;

	memcpy(cell.fds, fds, sizeof cell.fds);
	if (order_recv(fds[GUEST_GATE], &message, NULL, 0) <= 0 || message.type != ORDER_NAMESPACES)
		_exit(1);
	for (size_t i = 0; i < NS_COUNT; i++)
		cell.namespaces[i] = message.namespaces.ino[i];
	if (setsid() < 0)
		refuse_to_run(fds[GUEST_GATE], "a guest cannot have a session of its own");
	prefault(); /* before all else: the kernel copies a page more cheaply when it is asked to than when it finds out */
	if (confine(&cell, &err) < 0)
		refuse_to_run(cell.fds[GUEST_GATE], err.text);
	hand_over_listener(&cell.listener);
	PyOS_AfterFork_Child(); /* locks, thread ids, and new seeds: random registers itself for this */
	seed_again(spec, cell.fds[GUEST_GATE]);
	(void)munmap((void *)(uintptr_t)spec->plan, sizeof *spec->plan);
	if (sigprocmask(SIG_SETMASK, &spec->first_mask, NULL) < 0)
		refuse_to_run(CONFINE_GATE_FD, "the signals of a fresh program cannot be had");

	message = (struct order){ .type = ORDER_CELL_READY, .ready.layers = cell.layers };
	if (order_send(CONFINE_GATE_FD, &message, NULL, 0) < 0)
		_exit(1);
	wait_for_job(ret_job);
}
