/* SPDX-License-Identifier: Apache-2.0
 * audit.c: `safexec audit`: for each column a server, all cases, their grades; then one report. The cases run in threads of
 * audit_run.c; this thread waits for them and for signals, so that Ctrl-C leaves neither a server nor a bait behind.
 */
#include "cli/audit.h"

#include "base/fd.h"
#include "cli/audit_engine.h"
#include "cli/audit_output.h"
#include "cli/audit_run.h"
#include "cli/audit_server.h"
#include "cli/command.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOTS        "16" /* the cases at once, their runs beside, and those that look afterwards */
#define ENGINE_SLOTS "10"
#define NAME_BYTES   32

#define LOOKS_FOR_LEFT 50 /* in ten seconds */

enum { PROVIDER, PROFILE, FORMAT, OUTPUT, SERVER, IMAGE, ENGINE, RUNTIME };

/* Words of a list parted by commas, each one of two and none twice. */
static int check_list(const struct option_row *row, const char *text, const char *first, const char *second, struct err *err)
{
	size_t wanted =
		(audit_is_listed(text, first) ? strlen(first) + 1 : 0) + (audit_is_listed(text, second) ? strlen(second) + 1 : 0);

	if (wanted == 0 || strlen(text) + 1 != wanted)
		return err_say(err, -EINVAL, "--%s is \"%.60s\"; it must be %s, %s or %s,%s.", row->name, text, first, second,
			       first, second);
	return 0;
}

static int check_provider(const struct option_row *row, const char *text, struct err *err)
{
	return check_list(row, text, "native", "docker", err);
}

static int check_profile(const struct option_row *row, const char *text, struct err *err)
{
	return check_list(row, text, "original", "hardened", err);
}

static int check_format(const struct option_row *row, const char *text, struct err *err)
{
	if (audit_output_check(text))
		return 0;
	return err_say(err, -EINVAL, "--%s is \"%.60s\"; it must be table, md, json, html or several of them, parted by commas.",
		       row->name, text);
}

static int check_server(const struct option_row *row, const char *text, struct err *err)
{
	struct listen_address address;

	if (listen_parse(text, &address) < 0 || !listen_is_loopback(&address))
		return err_say(err, -EINVAL, "--%s is \"%.60s\"; it must be ADDR:PORT of this machine, as in 127.0.0.1:5000.",
			       row->name, text);
	return 0;
}

static int take_any(const struct option_row *row, const char *text, struct err *err)
{
	(void)row;
	(void)text;
	(void)err;
	return 0; /* `safexec serve` checks it */
}

static const struct option_row rows[] = {
	[PROVIDER] = { .name = "provider",
		       .arg = "LIST",
		       .help = "native, docker or native,docker",
		       .def = "native",
		       .check = check_provider },
	[PROFILE] = { .name = "profile",
		      .arg = "LIST",
		      .help = "of docker: original, hardened or both",
		      .def = "original,hardened",
		      .check = check_profile },
	[FORMAT] = { .name = "format", .arg = "LIST", .help = "table, md, json, html", .def = "table", .check = check_format },
	[OUTPUT] = { .name = "output",
		     .arg = "FILE",
		     .help = "where to write; standard output when not given. Several forms go to FILE.md and so on",
		     .check = take_any },
	[SERVER] = { .name = "server",
		     .arg = "ADDR:PORT",
		     .help = "audit this running server, which is what --provider and --profile say",
		     .check = check_server },
	[IMAGE] = { .name = "image", .arg = "NAME", .help = "of docker, as for serve", .check = take_any },
	[ENGINE] = { .name = "docker-host", .arg = "unix://PATH", .help = "of docker, as for serve", .check = take_any },
	[RUNTIME] = { .name = "runtime",
		      .arg = "NAME",
		      .help = "of docker: one more column, hardened under this OCI runtime, such as runsc",
		      .check = take_any },
};

static int fail(const struct err *err, int status)
{
	fprintf(stderr, "safexec audit: %s\n", err->text);
	return status;
}

static bool is_wanted(const char *const *values, const struct audit_kind_row *kind)
{
	if (kind->has_runtime)
		return audit_is_listed(values[PROVIDER], kind->provider) && values[RUNTIME];
	return audit_is_listed(values[PROVIDER], kind->provider) &&
	       (!kind->profile || audit_is_listed(values[PROFILE], kind->profile));
}

/* --- a server ----------------------------------------------------------------------------------------------------------------- */

static void fill_args(struct args *args, const char *const *values, const struct audit_kind_row *kind, const char *name,
		      const struct audit_host *host)
{
	args_add(args, "safexec");
	args_add(args, "serve");
	args_add_option(args, "--listen", "127.0.0.1:0");
	args_add_option(args, "--name", name);
	args_add_option(args, "--parent", host->pid);
	args_add_option(args, "--state", host->state);
	args_add_option(args, "--slots", kind->profile ? ENGINE_SLOTS : SLOTS);
	if (!kind->profile)
		return;
	args_add_option(args, "--provider", kind->provider);
	args_add_option(args, "--profile", kind->profile);
	if (values[IMAGE])
		args_add_option(args, "--image", values[IMAGE]);
	if (kind->has_runtime)
		args_add_option(args, "--runtime", values[RUNTIME]);
	args_add_option(args, "--docker-host", audit_engine_address(values[ENGINE]));
}

/* --- a column ----------------------------------------------------------------------------------------------------------------- */

struct work {
	struct audit_course course;
	int result;
	struct err err;
	atomic_bool is_over;
};

static void *run_cases(void *arg)
{
	struct work *work = arg;

	work->result = audit_run_cases(&work->course, &work->err);
	atomic_store(&work->is_over, true);
	return NULL;
}

/* Until all is done, or a signal asks us to stop: then all requests are given up, and the server ends their runs. */
static int wait_for_work(struct work *work, const sigset_t *signals)
{
	const struct timespec pause = { .tv_nsec = 100 * (long)NSEC_PER_MSEC };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_cases, work) != 0)
		return err_say(&work->err, -EAGAIN, "Cannot make a thread.");
	while (!atomic_load(&work->is_over)) {
		if (sigtimedwait(signals, NULL, &pause) > 0)
			atomic_store(&work->course.is_cancelled, true);
	}
	(void)pthread_join(thread, NULL);
	return work->result;
}

static int audit_column(struct audit_column *column, const struct audit_host *host, const struct audit_server *server,
			const char *address, const sigset_t *signals, struct err *err)
{
	struct work work = { .course = { .address = address,
					 .host = host,
					 .column = column,
					 .is_private = server->pid != 0,
					 .is_verbose = isatty(STDERR_FILENO) != 0 } };
	int r = audit_run_first(&work.course, err);

	if (r < 0)
		return r;
	fprintf(stderr, "safexec audit: %s, %u cases\n", audit_kinds[column->kind].title, audit_cases_count);
	r = wait_for_work(&work, signals);
	if (r == -ECANCELED)
		return err_say(err, r, "Stopped.");
	if (r < 0)
		*err = work.err;
	return r;
}

/* Of an ended server; -1: not known. */
static int count_left(const char *const *values, const struct audit_kind_row *kind, const char *name)
{
	const struct timespec pause = { .tv_nsec = 200 * (long)NSEC_PER_MSEC };

	/* What has been killed may take a while to be gone where everybody wants the CPU; what stays is still there afterwards. */
	for (unsigned n = 0; n < LOOKS_FOR_LEFT && audit_count_traces(name) > 0; n++)
		(void)nanosleep(&pause, NULL);

	int containers = kind->profile ? audit_engine_count(audit_engine_address(values[ENGINE]), name) : 0;

	return containers < 0 ? -1 : containers + (int)audit_count_traces(name);
}

/* A server of our own for one column. Returns an enum status. */
static int audit_private(const char *const *values, struct audit_column *column, const struct audit_host *host,
			 const sigset_t *signals)
{
	_cleanup_(audit_server_stop) struct audit_server server = { .stdout_fd = -EBADF };
	const struct audit_kind_row *kind = &audit_kinds[column->kind];
	char name[NAME_BYTES];
	struct args args = { 0 };
	struct err err = { 0 };
	int status = STATUS_FAILED;

	(void)snprintf(name, sizeof name, "audit-%d", (int)getpid());
	fill_args(&args, values, kind, name, host);
	if (kind->profile)
		audit_engine_version(audit_engine_address(values[ENGINE]), column->engine, sizeof column->engine);
	if (audit_server_start(&server, &args, host->secret, &status, &err) < 0)
		return fail(&err, status);
	if (audit_column(column, host, &server, server.address, signals, &err) < 0)
		return fail(&err, STATUS_FAILED);
	audit_server_stop(&server);
	audit_run_last(column, count_left(values, kind, name));
	return STATUS_OK;
}

static int audit_given(const char *const *values, struct audit_column *column, const struct audit_host *host,
		       const sigset_t *signals)
{
	const struct audit_server none = { .stdout_fd = -EBADF };
	struct err err = { 0 };

	return audit_column(column, host, &none, values[SERVER], signals, &err) < 0 ? fail(&err, STATUS_FAILED) : STATUS_OK;
}

/* --- the report --------------------------------------------------------------------------------------------------------------- */

static int write_report(struct audit_output *output, const struct audit_report *report)
{
	struct err err = { 0 };

	if (audit_output_write(output, report) < 0) {
		(void)err_say(&err, -EIO, "The report could not be written whole.");
		return fail(&err, STATUS_FAILED);
	}
	return audit_has_failed(report) ? STATUS_FAILED : STATUS_OK;
}

/* What tells the report apart from others; where it is written to is nobody's business. */
static void write_command(const char *const *values, struct audit_report *report)
{
	size_t used = (size_t)snprintf(report->command, sizeof report->command, "safexec audit --provider %s", values[PROVIDER]);

	if (audit_is_listed(values[PROVIDER], "docker"))
		used += (size_t)snprintf(report->command + used, sizeof report->command - used, " --profile %s", values[PROFILE]);
	if (values[RUNTIME])
		used += (size_t)snprintf(report->command + used, sizeof report->command - used, " --runtime %.100s",
					 values[RUNTIME]);
	if (values[SERVER])
		used += (size_t)snprintf(report->command + used, sizeof report->command - used, " --server %s", values[SERVER]);
	(void)snprintf(report->command + used, sizeof report->command - used, " --format %s", values[FORMAT]);
}

static int choose_columns(const char *const *values, struct audit_report *report, struct err *err)
{
	for (enum audit_kind kind = 0; kind < KIND_COUNT; kind++) {
		if (is_wanted(values, &audit_kinds[kind]))
			report->columns[report->columns_count++].kind = kind;
	}
	if (values[RUNTIME] && report->columns[report->columns_count - 1].kind != KIND_RUNTIME)
		return err_say(err, -EINVAL, "--runtime is of docker: name it in --provider.");
	if (values[SERVER] && report->columns_count > 1)
		return err_say(err, -EINVAL,
			       "--server is one server: say which kind with --provider, and --profile when it is docker.");
	return 0;
}

/* In all threads: the one that waits for them takes these. */
static void block_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void free_report(struct audit_report **report)
{
	free(*report);
}

static int audit(const char *const *values, const char *operand)
{
	_cleanup_(audit_host_clear) struct audit_host host = { 0 };
	_cleanup_(free_report) struct audit_report *report = calloc(1, sizeof *report);
	_cleanup_(audit_output_close) struct audit_output output = { 0 };
	struct err err = { 0 };
	sigset_t signals;
	int status = STATUS_OK;

	(void)operand;
	if (!report)
		return fail(&err, STATUS_FAILED);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) { /* before there are threads, libcurl-thread(3) */
		(void)err_say(&err, -EIO, "libcurl does not start.");
		return fail(&err, STATUS_FAILED);
	}
	if (choose_columns(values, report, &err) < 0)
		return fail(&err, STATUS_USAGE);
	if (values[RUNTIME] && !values[SERVER] &&
	    audit_engine_check_runtime(audit_engine_address(values[ENGINE]), values[RUNTIME], &err) < 0)
		return fail(&err, STATUS_CANNOT_RUN);

	int r = audit_output_open(&output, values[FORMAT], values[OUTPUT], &err);

	if (r < 0)
		return fail(&err, r == -EINVAL ? STATUS_USAGE : STATUS_FAILED);
	write_command(values, report);
	audit_look_at_machine(&report->machine);
	block_signals(&signals);
	if (audit_host_prepare(&host, &err) < 0)
		return fail(&err, STATUS_FAILED);
	for (unsigned i = 0; i < report->columns_count && status == STATUS_OK; i++)
		status = values[SERVER] ? audit_given(values, &report->columns[i], &host, &signals)
					: audit_private(values, &report->columns[i], &host, &signals);
	return status == STATUS_OK ? write_report(&output, report) : status;
}

const struct command audit_command = {
	.name = "audit",
	.summary = "try known attacks on a sandbox and report what happened",
	.about =
		"Starts a private server for each kind of sandbox asked for, tries a list of attacks on it, and writes a report "
		"with the\n"
		"code, what happened, which layer stopped it, and whether that is good. Exit status 1 when something escaped from\n"
		"native or hardened, which promise to hold it; the original profile is there to compare with.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = audit,
};
