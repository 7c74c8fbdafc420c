/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of an init: mounts, loopback, identity -> ORDER_INIT_UP; the guest's word that it is confined -> ORDER_CELL_READY;
 * ORDER_JOB: code into /app/script.py, or the bundle to the guest, which unpacks it; read-only where asked, last capability
 * gone -> ORDER_GO to the guest; at the end ORDER_DISK, or ORDER_COLLECT: it kills all that is left, becomes what the guest was,
 * and only then reads patterns and files. Until that the only bytes of a run that pass through here are copied from one descriptor to another.
 */
#include "cell/init.h"

#include "cell/collect.h"
#include "cell/mounts.h"
#include "cell/root.h"
#include "spec/result.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LINK_FD = 3, GATE_FD = 4 };

#define FULL_BYTES (16 * KIB) /* less room than this left at the end counts as a full disk */

#define COLLECT_TIME    (2 * NSEC_PER_SEC)
#define COLLECT_ENTRIES 100000
#define COLLECT_NICE    10
#define DYING_PAUSE_NS  200000

struct init {
	const struct order *order;
	const struct confine_plan *plan;
	int bundle;               /* with patterns of files that are to come back, or -EBADF */
	int script;               /* /app/script.py, open for writing until the job is in it */
	int namespaces[NS_COUNT]; /* until the warden has them */
	struct order reply;
};

/* --- making the cell ---------------------------------------------------------------------------------------------------- */

static int keep_only_ours(int link, int gate)
{
	int link_high = fcntl(link, F_DUPFD_CLOEXEC, GATE_FD + 1), gate_high = fcntl(gate, F_DUPFD_CLOEXEC, GATE_FD + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (link_high < 0 || gate_high < 0 || null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (dup2(null, fd) < 0)
			return -errno;
	}
	if (dup3(link_high, LINK_FD, O_CLOEXEC) < 0 || dup3(gate_high, GATE_FD, O_CLOEXEC) < 0)
		return -errno;
	return close_range(GATE_FD + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int own(const char *path, uint32_t id, mode_t mode)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* chmod after chown, which clears bits. */
	return chown(path, id, id) < 0 || chmod(path, mode) < 0 ? -errno : 0;
}

static int bind_mount(const char *source, const char *target)
{
	return mount(source, target, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* One tmpfs for all three, so that one cap in bytes and inodes holds for all of them together. */
static int mount_scratch(const struct order *order)
{
	uint32_t id = order->cell.guest_id;
	char options[128];

	(void)snprintf(options, sizeof options, "mode=0755,size=%" PRIu64 ",nr_inodes=%" PRIu64, order->cell.disk_bytes,
		       order->cell.disk_files);

	int r = mounts_new_tmpfs("/tmp", options);

	if (r == 0)
		r = own("/tmp/app", id, 0755);
	if (r == 0)
		r = own("/tmp/shm", 0, 01777);
	if (r == 0)
		r = own("/tmp/tmp", 0, 01777);
	if (r == 0)
		r = bind_mount("/tmp/app", "/app");
	if (r == 0)
		r = bind_mount("/tmp/shm", "/dev/shm");
	return r == 0 ? bind_mount("/tmp/tmp", "/tmp") : r; /* last: it hides the paths above */
}

static int bring_loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

static int make_script(struct init *init)
{
	uint32_t id = init->order->cell.guest_id;

	init->script = open("/app/script.py", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (init->script < 0)
		return -errno;
	return fchown(init->script, id, id) < 0 ? -errno : 0;
}

static int build_cell(struct init *init)
{
	/* The zygote's files: the library stays mapped, the names go. */
	if (umount2(ROOT_BOOT_DIR, MNT_DETACH) < 0)
		return -errno;
	if (sethostname("cell", strlen("cell")) < 0)
		return -errno;

	int r = mount_scratch(init->order);

	if (r == 0)
		r = mounts_new_proc("/proc", true);
	if (r == 0)
		r = bring_loopback_up();
	if (r == 0)
		r = make_script(init);
	return r;
}

/* --- identity ------------------------------------------------------------------------------------------------------------- */

static int set_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)capabilities, .permitted = (uint32_t)capabilities },
		{ .effective = (uint32_t)(capabilities >> 32), .permitted = (uint32_t)(capabilities >> 32) },
	};

	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

/* An id that no guest has. Until the job is applied, CAP_SYS_ADMIN stays for a read-only remount, the others to become able
 * to take the guest's id. */
static int take_init_id(const struct init *init)
{
	gid_t id = init->order->cell.init_id;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 || setresgid(id, id, id) < 0 ||
	    setresuid(id, id, id) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return set_capabilities(UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID);
}

/* Saves the guest's id beside our own, for the time after its end: to take a saved id needs no capability (credentials(7)). */
static int save_guest_id(const struct init *init)
{
	gid_t id = init->order->cell.guest_id;

	return setresgid((gid_t)-1, (gid_t)-1, id) < 0 || setresuid((uid_t)-1, (uid_t)-1, id) < 0 ? -errno : 0;
}

static int take_guest_id(const struct init *init)
{
	gid_t id = init->order->cell.guest_id;

	return setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? -errno : 0;
}

/* --- talking ---------------------------------------------------------------------------------------------------------------- */

static void tell(struct init *init, int socket, enum order_type type)
{
	init->reply.type = (uint32_t)type;
	init->reply.serial = init->order->serial;
	if (order_send(socket, &init->reply, NULL, 0) < 0)
		_exit(1); /* the other end is gone, and with it the reason to live */
}

/* The warden hands the namespaces on to whoever forks the guest. */
static void tell_up(struct init *init)
{
	init->reply.type = ORDER_INIT_UP;
	init->reply.serial = init->order->serial;
	if (order_send(LINK_FD, &init->reply, init->namespaces, NS_COUNT) < 0)
		_exit(1);
	array_for_each(init->namespaces, fd)
		*fd = fd_close(*fd);
}

static _Noreturn void fail(struct init *init, int socket, int r, const char *what)
{
	struct err err;

	(void)err_set(&err, r, "the cell's init cannot %s", what);
	memcpy(init->reply.text, err.text, sizeof init->reply.text);
	tell(init, socket, ORDER_CELL_FAILED);
	_exit(1);
}

static void tell_namespaces(struct init *init)
{
	for (size_t i = 0; i < NS_COUNT; i++) {
		struct stat st;

		init->namespaces[i] = open(namespace_paths[i], O_RDONLY | O_CLOEXEC);
		if (init->namespaces[i] < 0 || fstat(init->namespaces[i], &st) < 0)
			fail(init, LINK_FD, -errno, "look at its namespaces");
		init->reply.namespaces.ino[i] = st.st_ino;
	}
	tell(init, GATE_FD, ORDER_NAMESPACES);
}

/* --- the job ---------------------------------------------------------------------------------------------------------------- */

/* Nothing has run, and whoever asked is to know why. */
static void refuse(struct init *init, enum verdict verdict, const char *text)
{
	init->reply.refusal.verdict = (uint32_t)verdict;
	(void)snprintf(init->reply.refusal.text, sizeof init->reply.refusal.text, "%s", text);
	tell(init, LINK_FD, ORDER_REFUSED);
}

static int copy_code(struct init *init, int code)
{
	off_t offset = 0;
	uint64_t size;
	int r = fd_check_sealed(code, &size);

	if (r < 0)
		return r;
	while ((uint64_t)offset < size) {
		if (sendfile(init->script, code, &offset, size - (uint64_t)offset) < 0)
			return -errno;
	}
	init->script = fd_close(init->script); /* an open writer would keep /app from becoming read-only */
	return 0;
}

static int resize_scratch(const struct init *init, const struct limits *limits)
{
	char options[128];

	if (limits->disk_bytes == init->order->cell.disk_bytes && limits->disk_files == init->order->cell.disk_files)
		return 0;
	(void)snprintf(options, sizeof options, "size=%" PRIu64 ",nr_inodes=%" PRIu64, limits->disk_bytes, limits->disk_files);
	return mount(NULL, "/app", NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

/* The guest unpacks the bundle itself: it is confined already, and this process is not. False: the job is over. */
static bool have_unpacked(struct init *init, const struct order *job, int bundle)
{
	struct order order = *job, reply;

	order.type = ORDER_UNPACK;
	if (order_send(GATE_FD, &order, &bundle, 1) < 0 || order_recv(GATE_FD, &reply, NULL, 0) <= 0)
		refuse(init, VERDICT_OK, ""); /* it has died over it: of what, its status says */
	else if (reply.type == ORDER_UNPACKED)
		return true;
	else
		refuse(init, reply.refusal.verdict == VERDICT_DISK ? VERDICT_DISK : VERDICT_REFUSED, reply.refusal.text);
	return false;
}

/* False: the program could not be put where it belongs, and who needs to know has been told. */
static bool have_program(struct init *init, const struct order *job, int program)
{
	if (job->job.flags & WIRE_JOB_BUNDLE) {
		init->script = fd_close(init->script); /* an open writer would keep /app from becoming read-only */
		return have_unpacked(init, job, program);
	}

	int r = copy_code(init, program);

	if (r == -ENOSPC)
		refuse(init, VERDICT_DISK, "the program is larger than the disk limit");
	else if (r < 0)
		fail(init, LINK_FD, r, "write the program");
	return r == 0;
}

static void drop_capabilities(struct init *init, const struct order *job, int *bundle)
{
	int r = 0;

	if (job->job.flags & WIRE_JOB_OUTPUTS) {
		init->bundle = fd_take(bundle);
		r = save_guest_id(init);
	}
	if (r == 0)
		r = set_capabilities(0);
	if (r < 0)
		fail(init, LINK_FD, r, "drop its last capabilities");
}

static void start_job(struct init *init, const struct order *job, int fds[ORDER_JOB_FDS])
{
	int r = resize_scratch(init, &job->job.limits);

	if (r < 0)
		fail(init, LINK_FD, r, "set the disk limit");
	if (!have_program(init, job, fds[JOB_PROGRAM]))
		return;
	if (job->job.flags & WIRE_JOB_READ_ONLY) {
		r = mounts_make_read_only("/app");
		if (r == 0)
			r = mounts_make_read_only("/tmp");
		if (r < 0)
			fail(init, LINK_FD, r, "make /app and /tmp read-only");
	}
	drop_capabilities(init, job, &fds[JOB_PROGRAM]);

	/* The clock runs before the program does: a guest that is woken first may keep this process off its CPU for long. */
	tell(init, LINK_FD, ORDER_STARTED);
	init->reply = *job;
	init->reply.type = ORDER_GO;
	if (order_send_job(GATE_FD, &init->reply, (int[ORDER_JOB_FDS]){ -EBADF, fds[JOB_STDIN], fds[JOB_REPORT] }) < 0)
		_exit(1);
}

/* Whether the scratch space is as good as full, in bytes or in files. */
static bool is_scratch_full(void)
{
	struct statvfs fs;

	return statvfs("/app", &fs) == 0 && (fs.f_bavail * fs.f_frsize < FULL_BYTES || fs.f_favail == 0);
}

/* --- the files that come back ------------------------------------------------------------------------------------------------- */

/* Everybody in the cell but us; until nobody is left, zombies included. */
static int kill_all(nsec_t deadline)
{
	const struct timespec pause = { .tv_nsec = DYING_PAUSE_NS };

	while (kill(-1, SIGKILL) == 0) {
		if (clock_now() > deadline)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
	return errno == ESRCH ? 0 : -errno;
}

/* As the guest, when the guest is gone: nobody is left to race with, and whatever it has prepared is met with no more than it had
 * itself. After this, init can do nothing but answer. */
static int collect(struct init *init, int *ret_files)
{
	nsec_t deadline = clock_now() + COLLECT_TIME;
	const struct collect_caps caps = {
		.bytes = WIRE_MAX_FOUND_BYTES,
		.files = WIRE_MAX_FOUND_FILES,
		.entries = COLLECT_ENTRIES,
		.deadline = deadline,
	};
	_cleanup_(fd_closep) int app = -EBADF;
	struct bundle asked = { 0 };
	int r = take_guest_id(init);

	(void)setpriority(PRIO_PROCESS, 0, COLLECT_NICE);
	if (r == 0)
		r = kill_all(deadline);
	if (r == 0)
		r = confine_reader(init->plan, "/app");
	if (r == 0)
		r = bundle_open(init->bundle, &asked);
	if (r < 0)
		return r;
	app = open("/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = app < 0 ? -errno : collect_files(app, &asked, &caps, ret_files);
	bundle_close(&asked);
	return r;
}

/* A guest that was let go and could not begin has left a word on the gate, whose other end is closed before Python goes on. Its status
 * alone would be taken for the program's. */
static void tell_if_guest_failed(struct init *init)
{
	struct order word;
	ssize_t n = recv(GATE_FD, &word, sizeof word, MSG_DONTWAIT);

	if (n < 0 && errno == ECONNRESET) /* said once, when the guest left our order unread; its word comes after that */
		n = recv(GATE_FD, &word, sizeof word, MSG_DONTWAIT);
	if (n != (ssize_t)sizeof word || word.type != ORDER_CELL_FAILED)
		return;
	memcpy(init->reply.text, word.text, sizeof init->reply.text);
	init->reply.text[sizeof init->reply.text - 1] = '\0';
	tell(init, LINK_FD, ORDER_CELL_FAILED);
}

/* The disk first: once files are collected, everything that filled it is dead. */
static void answer(struct init *init, bool is_collecting)
{
	_cleanup_(fd_closep) int files = -EBADF;

	init->reply.disk.is_full = is_scratch_full();
	if (is_collecting && init->bundle >= 0)
		(void)collect(init, &files); /* the files are missing then, and whoever waits for them sees it */
	init->bundle = fd_close(init->bundle);
	init->reply.type = ORDER_DISK;
	init->reply.serial = init->order->serial;
	if (order_send(LINK_FD, &init->reply, &files, files >= 0 ? 1 : 0) < 0)
		_exit(1);
}

static void serve(struct init *init)
{
	struct order order;
	int fds[ORDER_JOB_FDS];

	while (order_recv(LINK_FD, &order, fds, ARRAY_SIZE(fds)) > 0) {
		if (order.type == ORDER_JOB && init->script >= 0) {
			order_sort_job(&order, true, fds);
			start_job(init, &order, fds);
		} else if (order.type == ORDER_DISK || order.type == ORDER_COLLECT) {
			tell_if_guest_failed(init);
			answer(init, order.type == ORDER_COLLECT);
		}
		array_for_each(fds, fd)
			*fd = fd_close(*fd);
	}
}

/* The guest is ours until it has the job: its frames are plain messages, not a byte of a run. */
static void hear_guest(struct order *ret_word, int *ret_fd)
{
	if (order_recv(GATE_FD, ret_word, ret_fd, 1) <= 0)
		_exit(1);
}

static void pass_on_guest(struct init *init)
{
	struct order guest;
	int fd = -EBADF;

	hear_guest(&guest, &fd);
	if (guest.type == ORDER_LISTENER && fd >= 0) {
		init->reply.type = ORDER_LISTENER;
		init->reply.serial = init->order->serial;
		if (order_send(LINK_FD, &init->reply, &fd, 1) < 0)
			_exit(1);
		(void)fd_close(fd);
		hear_guest(&guest, &fd);
	}
	(void)fd_close(fd);
	memcpy(init->reply.text, guest.text, sizeof init->reply.text); /* or the layers, which lie there too */
	tell(init, LINK_FD, guest.type == ORDER_CELL_READY ? ORDER_CELL_READY : ORDER_CELL_FAILED);
}

_Noreturn void init_run(const struct order *order, const struct confine_plan *plan, int link, int gate)
{
	struct init init = { .order = order, .plan = plan, .bundle = -EBADF, .script = -EBADF };
	int r = keep_only_ours(link, gate);

	if (r < 0)
		fail(&init, link, r, "sort its descriptors");
	/* Orphans of the guest become our children; ignoring the signal lets the kernel reap them (wait(2)). */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR || setsid() < 0 || prctl(PR_SET_NAME, "safexec-init", 0, 0, 0) < 0)
		fail(&init, LINK_FD, -errno, "start");
	r = build_cell(&init);
	if (r < 0)
		fail(&init, LINK_FD, r, "make the cell's mounts and loopback");
	tell_namespaces(&init); /* before the identity changes, and with it the owner of /proc/self */
	r = take_init_id(&init);
	if (r < 0)
		fail(&init, LINK_FD, r, "take its own identity");
	tell_up(&init);
	pass_on_guest(&init);
	serve(&init);
	_exit(0);
}
