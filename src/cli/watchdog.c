/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watchdog.h"

#include "base/log.h"
#include "cli/command.h"
#include "cli/notify.h"
#include "cli/spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define PINGS_A_PERIOD 4                   /* of the service manager's: one may fail, and one be late */
#define PING_TIME      (20 * NSEC_PER_SEC) /* to wait for a cell among others */
#define RETRY_AFTER    NSEC_PER_SEC
#define WORD_COUNTS    (60 * NSEC_PER_SEC)

void watchdog_init(struct watchdog *watchdog, const char *address)
{
	*watchdog = (struct watchdog){
		.ping = { .program = "safexec ping" },
		.address = address,
		.period = notify_watchdog_period() / PINGS_A_PERIOD,
	};
}

void watchdog_expect(struct watchdog *watchdog)
{
	watchdog->is_ready = false;
	if (getenv("NOTIFY_SOCKET"))
		watchdog->next_at = clock_now();
}

void watchdog_go_on(struct watchdog *watchdog)
{
	watchdog->is_ready = true;
	watchdog->next_at = watchdog->period > 0 ? clock_now() : 0;
}

static void start_ping(struct watchdog *watchdog, nsec_t now)
{
	struct args args = { 0 };
	struct err err = { 0 };

	args_add(&args, "safexec");
	args_add(&args, "ping");
	args_add_option(&args, "--server", watchdog->address);
	watchdog->next_at = now + (watchdog->period > 0 ? watchdog->period : RETRY_AFTER);
	if (spawn_program(&args, NULL, 0, &watchdog->ping.pid, &err) < 0)
		log_line("%s", err.text);
	watchdog->ping.kill_at = now + PING_TIME;
}

nsec_t watchdog_run(struct watchdog *watchdog, nsec_t now)
{
	if (watchdog->ping.pid != 0)
		return child_check_time(&watchdog->ping, now);
	if (watchdog->next_at != 0 && now >= watchdog->next_at) {
		start_ping(watchdog, now);
		return now + PING_TIME;
	}
	return watchdog->next_at;
}

void watchdog_look(struct watchdog *watchdog, nsec_t lived_at)
{
	int status = watchdog->ping.wait_status;
	bool has_run = WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OK;
	bool has_answered = WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED;
	nsec_t now = clock_now();

	if (!has_run && !(has_answered && now - lived_at < WORD_COUNTS)) {
		watchdog->next_at = now + RETRY_AFTER;
		return;
	}
	if (!watchdog->is_ready)
		notify_send("READY=1\nSTATUS=Serves on %s", watchdog->address);
	watchdog->is_ready = true;
	if (watchdog->period > 0)
		notify_send("WATCHDOG=1");
	else
		watchdog->next_at = 0;
}
