/* SPDX-License-Identifier: Apache-2.0
 *
 * safexec-store: keeps what has to outlive the other programs: jobs, keys, the audit log. It reads frames of the front's and bytes
 * that it never looks into; it opens files of one folder, and no connection. See wire/store.h for what it is asked.
 */
#include "base/log.h"
#include "store/commands.h"
#include "store/filter.h"
#include "store/state.h"
#include "store/store.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICKS_A_LOOK 3 /* at a state folder that could not be used: a program that ends six times within ten seconds is given up */

uint64_t store_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_terminate(evutil_socket_t number, short what, void *arg)
{
	struct store *store = arg;

	(void)number;
	(void)what;
	store->is_ending = true;
	link_finish(store);
	(void)event_base_loopbreak(store->loop);
}

static void on_supervisor(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;
	struct store_link frame;
	_cleanup_(fd_closep) int link = -EBADF;
	size_t fds_count = 0;
	ssize_t n = frame_recv(fd, &frame, sizeof frame, &link, 1, &fds_count);
	enum store_peer peer;

	(void)what;
	if (n == -EAGAIN)
		return;
	if (!store_check_link(&frame, n, fds_count, &peer)) {
		store->is_ending = true;
		(void)event_base_loopbreak(store->loop);
	} else if (peer == STORE_PEER_FRONT) {
		store->awaits_front = frame.is_followed;
		link_take(store, &link);
	} else if (peer == STORE_PEER_SENDER) {
		sender_take(store, &link);
	}
}

static void expire(struct store *store)
{
	int r = db_do(&store->db, DB_BEGIN);

	if (r == 0)
		r = jobs_expire(&store->jobs, store_now_ms());
	store->needs_expiry = r == 1;
	if (db_do(&store->db, DB_COMMIT) < 0) {
		(void)db_do(&store->db, DB_ROLLBACK);
		(void)jobs_count(&store->jobs);
	} else if (r == 1) {
		(void)db_do(&store->db, DB_VACUUM);
	}
}

/* What may go by itself: a full disk before all. */
static bool is_passing(int fault)
{
	return fault == -EDQUOT || fault == -ENOSPC || fault == -EIO || fault == -ENOMEM;
}

/* Whether a new store would come up. The supervisor starts it when we end, and links it with front and sender. */
static bool can_open(struct store *store)
{
	struct db db;
	struct audit audit;
	struct err err = { 0 };

	if (++store->ticks % TICKS_A_LOOK != 0 || db_open(&db, &err) < 0)
		return false;
	db_close(&db);
	if (audit_open(&audit, store->options->audit_bytes_max, &err) < 0)
		return false;
	audit_close(&audit);
	return true;
}

/* Once a second: what waits for a time of day. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct store *store = arg;

	(void)fd;
	(void)what;
	if (is_passing(store->fault.code) && can_open(store)) {
		log_line("The state folder can be used again: starting anew.");
		(void)event_base_loopbreak(store->loop);
	}
	if (store->fault.code == 0 && !store->has_lock)
		store_try_lock(store);
	if (store->fault.code != 0 || !store->has_lock)
		return;
	if (store->needs_expiry || store_now_ms() / 1000 % 60 == 0)
		expire(store);
	if (audit_sync(&store->audit) < 0)
		log_line("The audit log cannot be written: %s", strerrordesc_np(errno));
	sender_look(store);
}

static int add_event(struct store *store, struct event **ret_event, int fd, short what, event_callback_fn call,
		     const struct timeval *every)
{
	*ret_event = event_new(store->loop, fd, what, call, store);
	return *ret_event && event_add(*ret_event, every) == 0 ? 0 : -ENOMEM;
}

static int build(struct store *store, struct err *err)
{
	static const struct timeval second = { .tv_sec = 1 };
	int fd = store->options->supervisor_fd, r = fd_set_nonblock(fd, true);

	store->loop = event_base_new();
	if (r == 0)
		r = store->loop ? 0 : -ENOMEM;
	if (r == 0)
		r = add_event(store, &store->on_terminate, SIGTERM, EV_SIGNAL | EV_PERSIST, on_terminate, NULL);
	if (r == 0)
		r = add_event(store, &store->on_supervisor, fd, EV_READ | EV_PERSIST, on_supervisor, NULL);
	if (r == 0)
		r = add_event(store, &store->on_tick, -1, EV_PERSIST, on_tick, &second);
	return r < 0 ? err_set(err, r, "Cannot start the event loop") : 0;
}

/* As root: after this the folder is the store's user's. */
static int take_folder(struct store *store, int *folder, struct err *err)
{
	int r = state_enter(store->options->state, folder, err);

	if (r == 0)
		r = state_open_lock(*folder, &store->lock, err);
	if (r == 0)
		r = state_hand_over(*folder, &store->options->ids, err);
	return r == 0 ? control_open(store, err) : r;
}

static int take_secret(struct store *store)
{
	sqlite3_stmt *row = db_use(&store->db, DB_SET_VALUE);
	int r;

	if (getrandom(store->secret, sizeof store->secret, 0) != (ssize_t)sizeof store->secret)
		return -EIO;
	(void)sqlite3_bind_text(row, 1, CALLBACK_SECRET, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(row, 2, store->secret, sizeof store->secret, SQLITE_STATIC);
	r = db_step(row);
	if (r < 0)
		return r;
	row = db_use(&store->db, DB_VALUE);
	(void)sqlite3_bind_text(row, 1, CALLBACK_SECRET, -1, SQLITE_STATIC);
	r = db_step(row);
	if (r == 1 && sqlite3_column_bytes(row, 0) == (int)sizeof store->secret)
		memcpy(store->secret, sqlite3_column_blob(row, 0), sizeof store->secret);
	else
		r = -EIO;
	(void)sqlite3_reset(row);
	return r < 0 ? r : 0;
}

/* Confined by now: the database may be anything. */
static int open_files(struct store *store, struct err *err)
{
	int r = db_open(&store->db, err);

	if (r < 0)
		return r;
	store->jobs = (struct jobs){
		.db = &store->db,
		.queued_max = store->options->queued_max,
		.age_ms_max = store->options->age_seconds_max * 1000,
		.bytes_max = store->options->bytes_max,
	};
	r = take_secret(store);
	return r < 0 ? err_set(err, r, "The database cannot be read") : 0;
}

static int use_lock(struct store *store, struct err *err)
{
	int r = jobs_disown(&store->jobs);

	if (r == 0)
		r = jobs_count(&store->jobs);
	if (r == 0)
		r = link_settle(store);
	if (r < 0)
		return err_set(err, r, "The database cannot be read");
	return audit_open(&store->audit, store->options->audit_bytes_max, err);
}

void store_try_lock(struct store *store)
{
	int r = state_take_lock(store->lock);

	if (r == -EBUSY)
		return;
	store->has_lock = r == 0;
	if (r < 0)
		(void)err_set(&store->fault, r, "Cannot lock the state folder");
	else
		(void)use_lock(store, &store->fault);
	if (store->fault.code != 0)
		log_line("Jobs and the audit log are not there: %s", store->fault.text);
}

static int count_keys(struct store *store, uint32_t *ret_count)
{
	_cleanup_(buf_free) struct buf parcel = buf_new(STORE_KEYS_MAX * sizeof(struct store_key));

	return keys_load(&store->db, &parcel, ret_count);
}

static void tell_supervisor(struct store *store)
{
	struct store_up frame = { .head = STORE_HEAD(STORE_UP, 0), .status = store->fault.code };

	if (frame.status == 0)
		frame.status = count_keys(store, &frame.keys);
	if (frame_send(store->options->supervisor_fd, &frame, sizeof frame, NULL, 0) < 0)
		(void)event_base_loopbreak(store->loop);
}

static int run(struct store *store, struct err *err)
{
	_cleanup_(fd_closep) int folder = -EBADF;
	int r = build(store, err);

	if (r < 0)
		return r;
	if (take_folder(store, &folder, &store->fault) < 0)
		folder = fd_close(folder);
	r = sandbox_enter(&store_profile, &store->options->ids, folder, err);
	if (r < 0)
		return r;
	if (store->fault.code == 0)
		(void)open_files(store, &store->fault);
	if (store->fault.code != 0)
		log_line("Jobs, keys and the audit log are not there: %s", store->fault.text);
	else
		store_try_lock(store);
	tell_supervisor(store);
	(void)event_base_dispatch(store->loop);
	return 0;
}

static void close_all(struct store *store)
{
	struct event *events[] = { store->on_terminate, store->on_supervisor, store->on_tick };

	store->is_ending = true;
	link_drop_all(store);
	if (store->on_sender)
		event_free(store->on_sender); /* what it has on its way is sent again */
	store->sender = fd_close(store->sender);
	control_close(store);
	audit_close(&store->audit);
	db_close(&store->db);
	array_for_each(events, event) {
		if (*event)
			event_free(*event);
	}
	if (store->loop)
		event_base_free(store->loop);
	store->lock = fd_close(store->lock);
}

static int serve(const struct options *options, struct err *err)
{
	struct store store = {
		.options = options,
		.fronts = { { .fd = -EBADF }, { .fd = -EBADF }, { .fd = -EBADF }, { .fd = -EBADF } },
		.sender = -EBADF,
		.control = -EBADF,
		.lock = -EBADF,
		.audit = { .fd = -EBADF },
	};
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_say(err, -ESRCH, "The supervisor is gone.");

	int r = run(&store, err);

	close_all(&store);
	return r;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = { 0 };

	log_open("safexec-store");
	if (options_parse(argc, argv, &options, &err) < 0) {
		log_line("%s", err.text);
		return 2;
	}
	if (options.wants_help) {
		options_print_help();
		return EXIT_SUCCESS;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	tzset();
	if (options.command_count > 0)
		return commands_run(&options);
	(void)signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the supervisor, which ends us in order */
	if (serve(&options, &err) < 0) {
		log_line("%s", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
