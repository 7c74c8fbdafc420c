/* SPDX-License-Identifier: Apache-2.0
 * safexec-docker: the Docker provider. See ARCHITECTURE.md for what it may do, docker.h for what it keeps, and container.h for
 * the only containers that it can ask for.
 */
#include "base/log.h"
#include "docker/docker.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CANNOT_RUN = 3 };

/* No signal at the supervisor's death as in the other programs: our containers would outlive us. Its socket tells as well. */
static int serve(const struct options *options)
{
	struct docker docker;
	struct err err = { 0 };
	int r = docker_open(&docker, options, &err);

	if (r < 0)
		log_line("%s", err.text);
	else
		(void)event_base_dispatch(docker.loop);
	docker_close(&docker);
	return r < 0 ? EXIT_CANNOT_RUN : docker.exit_status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = { 0 };

	log_open("safexec-docker");
	if (options_parse(argc, argv, &options, &err) < 0) {
		log_line("%s", err.text);
		return EXIT_USAGE;
	}
	if (options.is_help) {
		(void)fputs(options_help, stdout);
		return EXIT_OK;
	}
	if (options.is_version) {
		(void)puts("safexec-docker " SAFEXEC_VERSION);
		return EXIT_OK;
	}
	/* Ctrl-C reaches the whole foreground group; the supervisor ends the others in order. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
		log_line("libcurl cannot be used");
		return EXIT_FAILED;
	}

	int status = options.is_doctor ? doctor_report(&options) : serve(&options);

	curl_global_cleanup();
	return status;
}
