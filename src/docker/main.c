/* SPDX-License-Identifier: Apache-2.0
 * safexec-docker: the Docker provider. See ARCHITECTURE.md for what it may do, docker.h for what it keeps, and container.h for
 * the only containers that it can ask for.
 */
#include "base/log.h"
#include "docker/docker.h"

#include <curl/curl.h>

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
	/* Once more: what an Engine was still creating for a provider that was killed came after our first sweep. */
	if (r == 0 && docker.exit_status == 0 && startup_sweep(&docker, &err) < 0)
		log_line("%s", err.text);
	docker_close(&docker);
	return r < 0 ? EXIT_CANNOT_RUN : docker.exit_status;
}

int main(int argc, char **argv)
{
	struct options options = options_default();
	int status = cmdline_begin(&options_cmdline, argc, argv, &options.common);

	if (status >= 0)
		return status;
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
		log_line("libcurl cannot be used");
		return EXIT_FAILED;
	}

	status = options.common.is_doctor ? doctor_report(&options) : serve(&options);

	curl_global_cleanup();
	return status;
}
