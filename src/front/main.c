/* SPDX-License-Identifier: Apache-2.0
 *
 * safexecd, the front: reads what strangers send, and can do nothing but serve sockets. It gets the listening socket and the link
 * to a provider from its supervisor, gives up everything else, and serves until SIGTERM, or until its provider is gone; it
 * then answers what it has accepted and ends, and the supervisor starts a new one.
 */
#include "api/api.h"
#include "base/fd.h"
#include "base/log.h"
#include "front/filter.h"
#include "front/options.h"
#include "front/wipe.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GUARD_MS 5000
#define DRAIN_MS 2000
#define RETIRE_S 2 /* after the last answer, for the next request on a connection that is still open */

struct front {
	struct options options;
	struct event_base *base;
	struct event *terminate, *retire, *idle;
	struct service *service;
	struct api *api;
	struct http_server *server;
	bool is_retired; /* and not stopped: the service still takes runs */
	int exit_status;
};

static void stop(struct front *front, int exit_status)
{
	if (exit_status != EXIT_SUCCESS)
		front->exit_status = exit_status;
	front->is_retired = false;
	service_stop(front->service);
	(void)api_stop(front->api);
	http_server_stop(front->server);
}

static void on_terminate(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	stop(arg, EXIT_SUCCESS);
}

/* Another front listens now: whoever comes on a connection of ours is served as before, and told that it is the last time. */
static void on_retire(evutil_socket_t number, short what, void *arg)
{
	struct front *front = arg;

	(void)number;
	(void)what;
	front->is_retired = true;
	(void)api_stop(front->api); /* the next front begins what waits */
	http_server_stop(front->server);
}

static void on_provider_ready(void *arg)
{
	const struct front *front = arg;

	log_note("ready on %s", front->options.listen_name);
}

static void on_provider_lost(const char *why, void *arg)
{
	struct front *front = arg;

	if (service_look(front->service).providers > 0)
		return;
	log_line("%s; answering what is under way, then ending.", why);
	stop(front, EXIT_FAILURE);
}

static void on_fault(const char *what, void *arg)
{
	(void)arg;
	log_line("%s", what);
}

static void on_run_end(const struct run_tag *tag, const struct run_outcome *outcome, void *arg)
{
	const struct front *front = arg;

	api_note_run(front->api, tag, outcome);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct front *front = arg;

	(void)fd;
	(void)what;
	if (!http_server_is_busy(front->server) && api_stop(front->api)) /* else on_quiet comes again */
		(void)event_base_loopbreak(front->base);
}

static void on_open(void *arg)
{
	struct front *front = arg;

	if (http_server_open(front->server) < 0) {
		log_line("There is no memory to serve with.");
		stop(front, EXIT_FAILURE);
	}
}

/* Comes after each answer once the server is stopping. */
static void on_quiet(void *arg)
{
	struct front *front = arg;
	struct timeval wait = { .tv_sec = front->is_retired ? RETIRE_S : 0 };

	(void)event_add(front->idle, &wait);
}

/* The supervisor's death is ours; the prctl comes too late when it has died already. */
static int check_parent(struct err *err)
{
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_say(err, -ESRCH, "The supervisor is gone.");
	return 0;
}

static int check_fd(int fd, const char *name, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_say(err, -EBADF, "--%s %d: not a socket.", name, fd);
	return 0;
}

/* Each connection may need two descriptors, each run four. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* with fewer, accept(2) waits */
}

/* epoll_create, eventfd and socketpair are not on the filter's list: whatever needs them is made before it. */
static int build(struct front *front, const struct service_events *events, struct err *err)
{
	const struct options *options = &front->options;
	const struct service_options service = {
		.limits = options->environments[0].limits,
		.queue_max = (unsigned)options->queue,
		.queue_ms = (uint32_t)options->queue_ms,
		.guard_ms = GUARD_MS,
		.drain_ms = DRAIN_MS,
	};
	struct api_options api = {
		.listen_name = options->listen_name,
		.limits = options->environments[0].limits,
		.environments = options->environments,
		.environments_count = options->environments_count,
		.most = options->most,
		.supervisor_fd = options->supervisor_fd,
		.needs_key = options->needs_key,
		.wants_json_log = options->wants_json_log,
		.statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC),
		.heartbeat_ms = (uint32_t)options->heartbeat_ms,
		.on_open = on_open,
		.on_quiet = on_quiet,
		.arg = front,
	};
	const struct http_options http = {
		.connections = (unsigned)options->connections,
		.connections_per_address = (unsigned)options->connections, /* behind a proxy, and on loopback, all have one */
		.connection_bytes = 16 * KIB,
		.bodies_bytes = options->bodies_bytes,
		.drain_bytes = 1 * MIB,
		.head_ms = (uint32_t)options->head_ms,
		.body_ms = (uint32_t)options->body_ms,
		.idle_ms = (uint32_t)options->idle_ms,
		.reply_ms = (uint32_t)options->reply_ms,
	};
	int r;

	front->base = event_base_new();
	if (!front->base)
		return err_say(err, -ENOMEM, "Cannot start the event loop.");
	front->terminate = evsignal_new(front->base, SIGTERM, on_terminate, front);
	front->retire = evsignal_new(front->base, SIGHUP, on_retire, front);
	front->idle = evtimer_new(front->base, on_idle, front);
	if (!front->terminate || event_add(front->terminate, NULL) < 0 || !front->retire || event_add(front->retire, NULL) < 0 ||
	    !front->idle)
		return err_say(err, -ENOMEM, "Cannot catch SIGTERM and SIGHUP.");
	api.base = front->base;
	r = service_new(front->base, &service, events, &front->service);
	if (r == 0)
		r = api_new(&api, front->service, &front->api);
	if (r < 0)
		return err_set(err, r, "Cannot start");
	r = http_server_new(front->base, options->listen_fd, &http, api_handler(front->api), &front->server, err);
	if (r < 0)
		return r;
	if (options->supervisor_fd < 0) /* no store, and so no keys */
		on_open(front);
	r = service_add_provider(front->service, options->provider_fd);
	return r < 0 ? err_set(err, r, "Cannot use the provider's link") : 0;
}

static int prepare(const struct options *options, struct err *err)
{
	int r = check_parent(err);

	if (r == 0)
		r = check_fd(options->listen_fd, "listen-fd", err);
	if (r == 0)
		r = check_fd(options->provider_fd, "provider-fd", err);
	if (r == 0 && options->supervisor_fd >= 0)
		r = check_fd(options->supervisor_fd, "supervisor-fd", err);
	if (r < 0)
		return r;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the supervisor, which ends us in order */
	(void)umask(077);
	tzset(); /* reads /etc/localtime now, not behind the sandbox */
	raise_open_files();
	return 0;
}

/* Without their events they would kill us, and what has come to its end is to say so by its own status. */
static void ignore_signals(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
}

static int serve(struct front *front, struct err *err)
{
	const struct options *options = &front->options;
	const struct service_events events = {
		.on_ready = on_provider_ready,
		.on_lost = on_provider_lost,
		.on_fault = on_fault,
		.on_end = on_run_end,
		.arg = front,
	};
	bool is_other = geteuid() == 0 || options->uid != getuid() || options->gid != getgid();
	const struct sandbox_ids ids = { .uid = options->uid, .gid = options->gid, .is_set = options->has_ids && is_other };
	int r = prepare(options, err);

	if (r == 0)
		r = build(front, &events, err);
	if (r == 0)
		r = sandbox_enter(&front_profile, &ids, -EBADF, err);
	if (r == 0)
		(void)event_base_dispatch(front->base);
	http_server_free(front->server);
	api_drop_jobs(front->api);
	service_free(front->service);
	api_free(front->api);
	ignore_signals();

	struct event *const own[] = { front->terminate, front->retire, front->idle };

	array_for_each(own, event) {
		if (*event)
			event_free(*event);
	}
	if (front->base)
		event_base_free(front->base);
	return r;
}

int main(int argc, char **argv)
{
	struct front front = { .exit_status = EXIT_SUCCESS };
	struct err err;

	wipe_begin();
	log_open("safexecd");
	if (options_parse(argc, argv, &front.options, &err) < 0) {
		log_line("%s", err.text);
		return 2;
	}
	if (front.options.wants_help) {
		options_print_help();
		return EXIT_SUCCESS;
	}
	if (serve(&front, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	return front.exit_status;
}
