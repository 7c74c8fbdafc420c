/* SPDX-License-Identifier: Apache-2.0
 *
 * safexec-sender: sends callbacks for the store, one after the other, and nothing else. It is the only program of a server that makes
 * connections, and it has no database: what it sends is what the store hands it.
 */
#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "sender/deliver.h"
#include "sender/filter.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARCEL_MAX_BYTES (STORE_URL_MAX + STORE_CALLBACK_MAX)

struct options {
	int supervisor_fd;
	struct sandbox_ids ids;
	struct address_policy policy;
	bool wants_help;
};

enum { OPT_SUPERVISOR_FD = 1, OPT_UID, OPT_GID, OPT_ALLOW, OPT_HELP };

static const char help[] = "Usage: safexec-sender --supervisor-fd FD [--uid UID --gid GID] [--callback-allow LIST]\n"
			   "Sends callbacks of jobs that have ended. `safexec serve` starts it.\n";

static int take_number(const char *name, uint64_t min, uint64_t max, uint64_t *ret_value, struct err *err)
{
	if (num_parse_u64(optarg, min, max, ret_value) < 0)
		return err_say(err, -EINVAL, "--%s %.40s: not a number from %llu to %llu", name, optarg, (unsigned long long)min,
			       (unsigned long long)max);
	return 0;
}

static int take_option(int id, struct options *options, struct err *err)
{
	uint64_t value = 0;
	int r = 0;

	switch (id) {
	case OPT_SUPERVISOR_FD:
		r = take_number("supervisor-fd", 3, INT_MAX, &value, err);
		options->supervisor_fd = (int)value;
		return r;
	case OPT_UID:
		r = take_number("uid", 1, UINT32_MAX - 1, &value, err);
		options->ids.uid = (uid_t)value;
		return r;
	case OPT_GID:
		r = take_number("gid", 1, UINT32_MAX - 1, &value, err);
		options->ids.gid = (gid_t)value;
		return r;
	case OPT_ALLOW:
		return address_parse_policy(optarg, &options->policy, err);
	case OPT_HELP:
		options->wants_help = true;
		return 0;
	default:
		return err_say(err, -EINVAL, "unknown option or missing value; see safexec-sender --help");
	}
}

static int parse(int argc, char **argv, struct options *options, struct err *err)
{
	static const struct option longs[] = {
		{ "supervisor-fd", required_argument, NULL, OPT_SUPERVISOR_FD },
		{ "uid", required_argument, NULL, OPT_UID },
		{ "gid", required_argument, NULL, OPT_GID },
		{ "callback-allow", required_argument, NULL, OPT_ALLOW },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};

	*options = (struct options){ .supervisor_fd = -EBADF, .policy = { .is_public = true } };
	opterr = 0;
	for (int id; (id = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		int r = take_option(id, options, err);

		if (r < 0)
			return r;
	}
	options->ids.is_set = options->ids.uid != 0 && options->ids.gid != 0;
	if (optind < argc || (!options->wants_help && options->supervisor_fd < 0))
		return err_say(err, -EINVAL,
			       "--supervisor-fd is needed, and nothing but options; `safexec serve` starts this program");
	return 0;
}

/* Reads names and certificates once, so that whatever the C library loads for them is there before it is confined. */
static void warm_up(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
		freeaddrinfo(found);
}

static int confine(const struct options *options, struct err *err)
{
	_cleanup_(fd_closep) int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_say(err, -ESRCH, "The supervisor is gone.");
	if (fcntl(options->supervisor_fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, -errno, "--supervisor-fd %d", options->supervisor_fd);
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return err_say(err, -EIO, "libcurl cannot be used");
	warm_up();
	return sandbox_enter(&sender_profile, &options->ids, etc, err);
}

/* What the store hands over, taken apart; -EPROTO: it is not whole. */
static int read_parcel(const struct store_callback *callback, int fd, char **ret_url, char **ret_body)
{
	char *bytes = NULL;
	size_t size = 0;
	int r = store_read_parcel(fd, PARCEL_MAX_BYTES, &bytes, &size);

	if (r == 0 && (callback->url_size > STORE_URL_MAX || size != (size_t)callback->url_size + callback->body_size))
		r = -EPROTO;
	if (r == 0) {
		*ret_url = strndup(bytes, callback->url_size);
		*ret_body = strndup(bytes + callback->url_size, callback->body_size);
		r = *ret_url && *ret_body ? 0 : -ENOMEM;
	}
	free(bytes);
	return r;
}

/* One callback from the store. -errno: the link is of no use any more. */
static int serve_one(const struct options *options, int store)
{
	struct store_callback callback;
	struct store_callback_done done = { 0 };
	_cleanup_(fd_closep) int fd = -EBADF;
	size_t fds_count = 0;
	char *url = NULL, *body = NULL;
	ssize_t n = frame_recv(store, &callback, sizeof callback, &fd, 1, &fds_count);
	int r;

	if (n != (ssize_t)sizeof callback || callback.head.magic != STORE_MAGIC || callback.head.type != STORE_CALLBACK ||
	    fds_count != 1 || !memchr(callback.id, '\0', sizeof callback.id))
		return n < 0 ? (int)n : -EPIPE;
	done.head = STORE_HEAD(STORE_CALLBACK_DONE, callback.head.tag);
	r = read_parcel(&callback, fd, &url, &body);
	if (r == 0)
		deliver(&options->policy, &callback, url, body, &done);
	free(url);
	free(body);
	return r < 0 ? r : frame_send(store, &done, sizeof done, NULL, 0);
}

/* A new link from the supervisor. False: it is gone. */
static bool take_link(const struct options *options, int *store)
{
	struct store_link frame;
	enum store_peer peer;
	int fd = -EBADF;
	size_t fds_count = 0;
	ssize_t n = frame_recv(options->supervisor_fd, &frame, sizeof frame, &fd, 1, &fds_count);

	if (!store_check_link(&frame, n, fds_count, &peer)) {
		(void)fd_close(fd);
		return false;
	}
	(void)fd_close(*store);
	*store = fd;
	return true;
}

/* Ends with its supervisor, or, when that has reloaded, with its store. */
static void serve(const struct options *options)
{
	_cleanup_(fd_closep) int store = -EBADF;
	bool has_supervisor = true;

	while (has_supervisor || store >= 0) {
		struct pollfd polled[] = { { .fd = has_supervisor ? options->supervisor_fd : -1, .events = POLLIN },
					   { .fd = store, .events = POLLIN } };

		if (poll(polled, ARRAY_SIZE(polled), -1) < 0)
			continue; /* interrupted */
		if (polled[0].revents)
			has_supervisor = take_link(options, &store);
		else if (polled[1].revents && serve_one(options, store) < 0)
			store = fd_close(store);
	}
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = { 0 };

	log_open("safexec-sender");
	if (parse(argc, argv, &options, &err) < 0) {
		log_line("%s", err.text);
		return 2;
	}
	if (options.wants_help) {
		(void)fputs(help, stdout);
		return EXIT_SUCCESS;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the supervisor, which ends us in order */
	(void)umask(077);
	if (confine(&options, &err) < 0) {
		log_line("%s", err.text);
		return EXIT_FAILURE;
	}
	serve(&options);
	return EXIT_SUCCESS;
}
