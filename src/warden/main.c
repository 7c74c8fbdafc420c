/* SPDX-License-Identifier: Apache-2.0
 * safexec-warden: the native provider. See ARCHITECTURE.md for what it may do, and warden.h for what it keeps.
 */
#include "base/log.h"
#include "warden/doctor.h"
#include "warden/warden.h"

#include <unistd.h>

/* A start that hangs ends: libseccomp 2.5.4 turns in circles for ever when an allocation fails while it exports a filter. */
#define START_SECONDS 30

static int serve(const struct options *options)
{
	(void)alarm(START_SECONDS);

	struct warden warden;
	struct err err = { 0 };
	int r = doctor_guard(options, &err);

	if (r < 0) {
		log_error("%s", err.text);
		return EXIT_CANNOT_RUN;
	}
	r = warden_open(&warden, options, &err);
	(void)alarm(0);
	if (r < 0)
		log_error("%s", err.text);
	else
		(void)event_base_dispatch(warden.loop);
	warden_close(&warden);
	return r < 0 ? EXIT_CANNOT_RUN : warden.exit_status;
}

int main(int argc, char **argv)
{
	struct options options = options_default();
	int status = cmdline_begin(&options_cmdline, argc, argv, &options.common);

	struct err err = { 0 };

	if (status >= 0)
		return status;
	if (options_complete(&options, &err) < 0) {
		log_line("%s", err.text);
		return EXIT_USAGE;
	}
	return options.common.is_doctor ? doctor_report(&options) : serve(&options);
}
