/* SPDX-License-Identifier: Apache-2.0
 * health.c: whether the server is there (/healthz), whether it really runs programs (/readyz), and its numbers (/metrics).
 */
#include "api/internal.h"
#include "api/observe.h"
#include "base/fd.h"
#include "wire/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRESH         (10 * NSEC_PER_SEC) /* a run within this time says enough; else one is made */
#define PROBE_WAIT    (2 * NSEC_PER_SEC)  /* for a sandbox */
#define METRICS_BYTES MIB                 /* half of it when each call was refused in each place */
#define PAGE_BYTES    4096

static void say_ok(struct call *call)
{
	static const char ok[] = "{\"status\": \"ok\"}";

	call->status = 200;
	reply_bytes(call->http, "application/json", ok, sizeof ok - 1);
}

void serve_health(struct call *call)
{
	if (service_look(call->api->service).providers > 0) {
		say_ok(call);
		return;
	}
	call_add_field(call, "Retry-After", "1");
	call_say(call, PROBLEM_NO_SANDBOX, "The sandbox is being restarted.");
}

static void say_not_ready(struct call *call)
{
	call_add_field(call, "Retry-After", "1");
	call_say(call, PROBLEM_NO_SANDBOX, "No program could be run just now.");
}

static void on_probed(struct run_outcome *outcome, void *arg)
{
	struct call *call = arg;

	call->api->is_probing = false;
	if (outcome->end == RUN_ENDED && outcome->result.verdict != VERDICT_INTERNAL)
		say_ok(call);
	else
		say_not_ready(call);
}

static void on_gone(struct call *call)
{
	call->api->is_probing = false;
	run_cancel(call->work);
}

/* A cell really ran lately, or runs now: the smallest program there is. */
void serve_ready(struct call *call)
{
	struct api *api = call->api;
	const struct run_request probe = { .code = "pass", .code_bytes = 4, .start_by = clock_now() + PROBE_WAIT };
	struct run *run;

	if (api->ran_at != 0 && clock_now() - api->ran_at < FRESH) {
		say_ok(call);
	} else if (api->is_probing || service_run(api->service, &probe, on_probed, call, &run) < 0) {
		say_not_ready(call);
	} else {
		api->is_probing = true;
		call->work = run;
		call->gone = on_gone;
	}
}

/* Pages of memory: the second number of /proc/self/statm, proc(5), which was opened before there was a sandbox. */
static uint64_t resident_bytes(int statm)
{
	char text[128] = "";
	unsigned long long size, resident;

	if (statm < 0 || lseek(statm, 0, SEEK_SET) < 0 || read(statm, text, sizeof text - 1) <= 0 ||
	    sscanf(text, "%llu %llu", &size, &resident) != 2)
		return 0;
	return resident * PAGE_BYTES;
}

static void free_text(void *text)
{
	free(text);
}

/* Docker's provider has none and tells of none. */
static void look_at_zygotes(const struct api *api, struct metrics_now *now)
{
	nsec_t time = clock_now();

	for (size_t i = 0; i < api->options.environments_count && now->zygotes_count < METRICS_PLACES; i++) {
		const struct wire_environment *told = service_environment(api->service, api->options.environments[i].name);

		if (told && told->started_ns <= time)
			now->zygotes[now->zygotes_count++] = (struct metrics_zygote){
				.environment = told->name,
				.provider = told->provider,
				.age_us = (time - told->started_ns) / NSEC_PER_USEC,
			};
	}
}

void serve_metrics(struct call *call)
{
	const struct api *api = call->api;
	struct service_state state = service_look(api->service);
	char why[ERR_TEXT_BYTES];
	struct metrics_now now = {
		.cells_ready = state.cells_ready,
		.slots = state.slots,
		.running = state.running,
		.waiting = state.waiting,
		.cells_taken_over = state.cells_total,
		.jobs_queued = link_queued(api->link),
		.jobs_started = link_started(api->link),
		.keys = keys_count(api->keys),
		.resident_bytes = resident_bytes(api->options.statm_fd),
		.is_store_up = link_has_state(api->link, why),
	};
	_cleanup_(buf_free) struct buf text = buf_new(METRICS_BYTES);

	look_at_zygotes(api, &now);

	struct reply *reply = reply_new();

	if (reply && metrics_write(&api->metrics, &now, &text) == 0) {
		reply->type = "text/plain; version=0.0.4; charset=utf-8";
		json_out_raw(&reply->json, text.bytes);
		reply->owned = text.bytes;
		reply->free_owned = free_text;
		text = buf_new(1);
	} else {
		reply_free(reply);
		reply = NULL;
	}
	call_answer(call, reply ? 200 : 500, reply);
}
