/* SPDX-License-Identifier: Apache-2.0
 * safexec-warden: the native provider. See ARCHITECTURE.md for what it may do, and warden.h for what it keeps.
 */
#include "base/log.h"
#include "warden/doctor.h"
#include "warden/warden.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_USAGE = 2, EXIT_CANNOT_RUN = 3 };

static int serve(const struct options *options)
{
	struct warden warden;
	struct err err = { 0 };
	int r = doctor_guard(options, &err);

	if (r < 0) {
		log_line("%s", err.text);
		return EXIT_CANNOT_RUN;
	}
	r = warden_open(&warden, options, &err);
	if (r < 0)
		log_line("%s", err.text);
	else
		(void)event_base_dispatch(warden.loop);
	warden_close(&warden);
	return r < 0 ? EXIT_CANNOT_RUN : warden.exit_status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = { 0 };

	log_open("safexec-warden");
	if (options_parse(argc, argv, &options, &err) < 0) {
		log_line("%s", err.text);
		return EXIT_USAGE;
	}
	if (options.is_help) {
		(void)fputs(options_help, stdout);
		return EXIT_OK;
	}
	if (options.is_version) {
		(void)puts("safexec-warden " SAFEXEC_VERSION);
		return EXIT_OK;
	}
	/* Ctrl-C reaches the whole foreground group; the supervisor ends the others in order. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	return options.is_doctor ? doctor_report(&options) : serve(&options);
}
