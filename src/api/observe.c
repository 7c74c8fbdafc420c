/* SPDX-License-Identifier: Apache-2.0 */
#include "api/observe.h"

#include "api/internal.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1024

_Static_assert(sizeof((struct run_tag *)NULL)->digest == SHA256_DIGEST_SIZE, "the digest is a SHA-256");

struct run_tag observe_tag(uint64_t key, const char *request_id, const void *body, size_t size)
{
	struct run_tag tag = { .key = key };
	struct sha256_ctx hash;

	(void)snprintf(tag.request_id, sizeof tag.request_id, "%s", request_id);
	sha256_init(&hash);
	sha256_update(&hash, size, body);
	sha256_digest(&hash, sizeof tag.digest, tag.digest);
	return tag;
}

static void write_time(char *text, size_t size)
{
	struct timespec now;
	struct tm parts;
	size_t used;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &parts);
	used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(text + used, size - used, ".%03ldZ", now.tv_nsec / 1000000);
}

/* One line, whole or not at all. What goes in is ours, a number, or of characters that were checked: nothing needs an escape. */
static void log_json(const struct api *api, const char *members)
{
	char line[LINE_BYTES + 64], at[40];
	int n;

	if (!api->options.wants_json_log)
		return;
	write_time(at, sizeof at);
	n = snprintf(line, sizeof line, "{\"at\":\"%s\",%s}\n", at, members);
	if (n > 0 && (size_t)n < sizeof line && write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody is left to be told */
}

/* How it ended, in a word. */
static const char *end_of(const struct run_outcome *outcome)
{
	if (!outcome)
		return "canceled";
	return outcome->end == RUN_ENDED ? verdict_name(outcome->result.verdict) : "not_run";
}

static size_t write_limits(const struct limits *limits, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < limit_rows_count && used < size; i++) {
		uint64_t value;

		memcpy(&value, (const char *)limits + limit_rows[i].offset, sizeof value);
		used += (size_t)snprintf(text + used, size - used, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", limit_rows[i].name,
					 value);
	}
	return used;
}

static void on_audited(const struct store_answer *answer, int *parcel, void *arg)
{
	struct api *api = arg;

	(void)parcel;
	if (answer->status < 0)
		api->metrics.audit_lost++;
}

static void audit(struct api *api, const struct run_tag *tag, const struct run_outcome *outcome)
{
	const struct store_key *key = keys_get(api->keys, tag->key);
	struct store_audit call = { 0 };
	char digest[2 * SHA256_DIGEST_SIZE + 1], limits[448] = "";
	int n;

	for (size_t i = 0; i < sizeof tag->digest; i++)
		(void)snprintf(digest + 2 * i, 3, "%02x", tag->digest[i]);
	if (outcome)
		(void)write_limits(&outcome->limits, limits, sizeof limits);
	n = snprintf(call.text, sizeof call.text,
		     "\"request\":\"%s\",\"key\":%" PRIu64
		     ",\"name\":\"%s\",\"sha256\":\"%s\",\"limits\":{%s},\"place\":\"%s/%s\",\"verdict\":\"%s\"",
		     tag->request_id, tag->key, key ? key->name : "", digest, limits, outcome ? outcome->place.provider : "",
		     outcome ? outcome->place.environment : "", end_of(outcome));
	call.size = (uint32_t)n;
	if (n < 0 || (size_t)n >= sizeof call.text ||
	    link_call(api->link, STORE_AUDIT, &call, sizeof call, NULL, on_audited, api) < 0)
		api->metrics.audit_lost++;
}

#define FIRST_MEAN_MS 100.0 /* before a run has ended */
#define MEAN_WEIGHT   0.1

static void learn(struct api *api, const struct run_outcome *outcome)
{
	const struct timings *timings = &outcome->result.timings;
	double ms = (double)(timings->setup_us + timings->run_us + timings->collect_us) / 1000;

	api->mean_ms += (ms - api->mean_ms) * (api->ran_at == 0 ? 1 : MEAN_WEIGHT);
	api->ran_at = clock_now();
}

uint64_t observe_guess_wait_ms(const struct api *api, uint64_t jobs_before)
{
	struct service_state state = service_look(api->service);
	double before = (double)jobs_before + state.waiting + (state.cells_ready == 0 ? 1 : 0);

	return (uint64_t)(before * (api->ran_at == 0 ? FIRST_MEAN_MS : api->mean_ms) / (state.slots > 0 ? state.slots : 1));
}

void observe_run(struct api *api, const struct run_tag *tag, const struct run_outcome *outcome)
{
	char text[LINE_BYTES];

	metrics_note_run(&api->metrics, outcome);
	if (outcome && outcome->end == RUN_ENDED && outcome->result.verdict != VERDICT_INTERNAL)
		learn(api, outcome);
	if (tag->request_id[0] == '\0')
		return; /* a probe of our own */
	audit(api, tag, outcome);
	if (outcome)
		(void)snprintf(text, sizeof text,
			       "\"event\":\"run\",\"request_id\":\"%s\",\"key\":%" PRIu64
			       ",\"verdict\":\"%s\",\"queue_us\":%" PRIu64 ",\"setup_us\":%" PRIu64 ",\"run_us\":%" PRIu64
			       ",\"collect_us\":%" PRIu64 ",\"refused_calls\":%" PRIu64,
			       tag->request_id, tag->key, end_of(outcome), outcome->queue_time / NSEC_PER_USEC,
			       outcome->result.timings.setup_us, outcome->result.timings.run_us, outcome->result.timings.collect_us,
			       refused_sum(&outcome->result.refused));
	else
		(void)snprintf(text, sizeof text,
			       "\"event\":\"run\",\"request_id\":\"%s\",\"key\":%" PRIu64 ",\"verdict\":\"canceled\"",
			       tag->request_id, tag->key);
	log_json(api, text);
}

void observe_request(const struct call *call)
{
	char text[LINE_BYTES];
	uint64_t took_us = (clock_now() - call->began_at) / NSEC_PER_USEC;

	metrics_note_request(&call->api->metrics, call->status, took_us, http_body_size(call->http));
	(void)snprintf(text, sizeof text,
		       "\"event\":\"request\",\"request_id\":\"%s\",\"key\":%" PRIu64
		       ",\"method\":\"%s\",\"route\":\"%s\",\"status\":%u,"
		       "\"took_us\":%" PRIu64,
		       call->request_id, call->caller.key, call->route ? call->route->method : "",
		       call->route ? call->route->path : "", call->status, took_us);
	log_json(call->api, text);
}
