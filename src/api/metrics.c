/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const uint64_t ends_us[METRICS_BUCKETS - 1] = { 250,    500,    1000,   2500,    5000,    10000,    25000,   50000,
						       100000, 250000, 500000, 1000000, 2500000, 10000000, 60000000 };
static const char *const stage_names[STAGES] = { "queue", "setup", "run", "collect", "whole" };

static void add(struct histogram *histogram, uint64_t us)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(ends_us) && us > ends_us[i])
		i++;
	histogram->buckets[i]++;
	histogram->sum_us += us;
}

static struct metrics_place *find_place(struct metrics *metrics, const struct run_place *place)
{
	struct metrics_place *found;

	for (size_t i = 0; i < metrics->places_count; i++) {
		found = &metrics->places[i];
		if (strcmp(found->environment, place->environment) == 0 && strcmp(found->provider, place->provider) == 0)
			return found;
	}
	if (metrics->places_count == METRICS_PLACES)
		return &metrics->places[METRICS_PLACES - 1];
	found = &metrics->places[metrics->places_count++];
	(void)snprintf(found->environment, sizeof found->environment, "%s",
		       metrics->places_count == METRICS_PLACES ? "other" : place->environment);
	(void)snprintf(found->provider, sizeof found->provider, "%s",
		       metrics->places_count == METRICS_PLACES ? "other" : place->provider);
	return found;
}

static void add_refused(struct metrics_place *place, const struct refused *refused)
{
	array_for_each(refused->calls, call)
		place->refused[call->what < REFUSED_COUNT ? call->what : REFUSED_COUNT] += call->count;
	place->refused[REFUSED_COUNT] += refused->others;
}

void metrics_note_run(struct metrics *metrics, const struct run_outcome *outcome)
{
	const struct timings *timings;
	struct metrics_place *place;
	uint64_t queue_us;

	if (!outcome) {
		metrics->canceled++;
		return;
	}
	if (outcome->end != RUN_ENDED) {
		metrics->not_run++;
		return;
	}
	timings = &outcome->result.timings;
	queue_us = outcome->queue_time / NSEC_PER_USEC;
	place = find_place(metrics, &outcome->place);
	if (outcome->result.verdict < VERDICT_COUNT)
		place->verdicts[outcome->result.verdict]++;
	add_refused(place, &outcome->result.refused);
	metrics->output_bytes += outcome->output_bytes;
	add(&metrics->stages[STAGE_QUEUE], queue_us);
	add(&metrics->stages[STAGE_SETUP], timings->setup_us);
	add(&metrics->stages[STAGE_RUN], timings->run_us);
	add(&metrics->stages[STAGE_COLLECT], timings->collect_us);
	add(&metrics->stages[STAGE_WHOLE], queue_us + timings->setup_us + timings->run_us + timings->collect_us);
}

void metrics_note_request(struct metrics *metrics, unsigned status, uint64_t took_us, uint64_t bytes)
{
	metrics->requests[status / 100 < ARRAY_SIZE(metrics->requests) ? status / 100 : 0]++;
	metrics->request_bytes += bytes;
	add(&metrics->request_time, took_us);
}

/* Without a label when label is NULL. Labels' values are ours or a provider's, which wire_check_cell has looked at. */
static int write_histogram(const struct histogram *histogram, const char *name, const char *label, const char *value,
			   struct buf *text)
{
	char head[96] = "", alone[100] = "";
	uint64_t count = 0;
	int r = 0;

	if (label) {
		(void)snprintf(head, sizeof head, "%s=\"%s\",", label, value);
		(void)snprintf(alone, sizeof alone, "{%s=\"%s\"}", label, value);
	}
	for (size_t i = 0; i < METRICS_BUCKETS && r == 0; i++) {
		count += histogram->buckets[i];
		if (i < ARRAY_SIZE(ends_us))
			r = buf_appendf(text, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, head, (double)ends_us[i] / 1e6, count);
		else
			r = buf_appendf(text, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, head, count);
	}
	if (r == 0)
		r = buf_appendf(text, "%s_sum%s %.6f\n%s_count%s %" PRIu64 "\n", name, alone, (double)histogram->sum_us / 1e6, name,
				alone, count);
	return r;
}

static int write_heading(const char *name, const char *type, const char *help, struct buf *text)
{
	return buf_appendf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int write_runs(const struct metrics *metrics, struct buf *text)
{
	int r = write_heading("safexec_runs_total", "counter", "Runs that came to a verdict.", text);

	for (size_t i = 0; i < metrics->places_count && r == 0; i++) {
		const struct metrics_place *place = &metrics->places[i];

		for (uint32_t verdict = 0; verdict < VERDICT_COUNT && r == 0; verdict++) {
			if (place->verdicts[verdict] > 0)
				r = buf_appendf(
					text, "safexec_runs_total{verdict=\"%s\",environment=\"%s\",provider=\"%s\"} %" PRIu64 "\n",
					verdict_name(verdict), place->environment, place->provider, place->verdicts[verdict]);
		}
	}
	return r;
}

static int write_refused(const struct metrics *metrics, struct buf *text)
{
	int r = write_heading("safexec_refused_calls_total", "counter", "System calls that were refused to programs.", text);

	for (size_t i = 0; i < metrics->places_count && r == 0; i++) {
		const struct metrics_place *place = &metrics->places[i];

		for (uint32_t what = 0; what < ARRAY_SIZE(place->refused) && r == 0; what++) {
			char name[REFUSED_NAME_BYTES];

			if (place->refused[what] == 0)
				continue;
			refused_name(what, name);
			r = buf_appendf(text,
					"safexec_refused_calls_total{call=\"%s\",environment=\"%s\",provider=\"%s\"} %" PRIu64 "\n",
					name, place->environment, place->provider, place->refused[what]);
		}
	}
	return r;
}

static int write_requests(const struct metrics *metrics, struct buf *text)
{
	int r = write_heading("safexec_http_requests_total", "counter", "Requests answered, by the first digit of the status.",
			      text);

	for (size_t i = 1; i < ARRAY_SIZE(metrics->requests) && r == 0; i++)
		r = buf_appendf(text, "safexec_http_requests_total{code=\"%zuxx\"} %" PRIu64 "\n", i, metrics->requests[i]);
	if (r == 0)
		r = write_heading("safexec_http_request_seconds", "histogram", "From a request's head to its answer.", text);
	return r == 0 ? write_histogram(&metrics->request_time, "safexec_http_request_seconds", NULL, NULL, text) : r;
}

static int write_stages(const struct metrics *metrics, struct buf *text)
{
	int r = write_heading("safexec_run_seconds", "histogram", "How long runs took, stage by stage; whole is all of them.",
			      text);

	for (size_t i = 0; i < STAGES && r == 0; i++)
		r = write_histogram(&metrics->stages[i], "safexec_run_seconds", "stage", stage_names[i], text);
	return r;
}

struct row {
	const char *name, *type, *help;
	size_t offset; /* of a uint64_t */
};

#define COUNTER(n, field, h) \
	{ \
		(n), "counter", (h), offsetof(struct metrics, field) \
	}
#define GAUGE(n, field, h) \
	{ \
		(n), "gauge", (h), offsetof(struct metrics_now, field) \
	}

static const struct row counters[] = {
	COUNTER("safexec_runs_canceled_total", canceled, "Runs whose client left, or whose job was canceled."),
	COUNTER("safexec_runs_refused_total", not_run,
		"Runs for which no sandbox became free in time, or that the server's end overtook."),
	COUNTER("safexec_output_bytes_total", output_bytes, "Bytes that programs have written."),
	COUNTER("safexec_request_bytes_total", request_bytes, "Bytes of requests' bodies."),
	COUNTER("safexec_audit_lost_total", audit_lost, "Runs that could not be written to the audit log."),
};

static const struct row gauges[] = {
	GAUGE("safexec_cells_ready", cells_ready, "Sandboxes that wait for a run."),
	GAUGE("safexec_slots", slots, "Runs at once at most."),
	GAUGE("safexec_runs_running", running, "Runs under way."),
	GAUGE("safexec_runs_waiting", waiting, "Runs that wait for a sandbox."),
	GAUGE("safexec_jobs_queued", jobs_queued, "Jobs that wait, as the store last said."),
	GAUGE("safexec_jobs_started", jobs_started, "Jobs under way, as the store last said."),
	GAUGE("safexec_keys", keys, "API keys."),
	GAUGE("safexec_front_resident_bytes", resident_bytes, "Memory of the front."),
};

static int write_rows(const struct row *rows, size_t count, const void *from, struct buf *text)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		uint64_t value;

		memcpy(&value, (const char *)from + rows[i].offset, sizeof value);
		r = write_heading(rows[i].name, rows[i].type, rows[i].help, text);
		if (r == 0)
			r = buf_appendf(text, "%s %" PRIu64 "\n", rows[i].name, value);
	}
	return r;
}

static int write_zygotes(const struct metrics_now *now, struct buf *text)
{
	static const char name[] = "safexec_zygote_age_seconds";
	int r = write_heading(name, "gauge", "Since the interpreter was started that sandboxes are forked from.", text);

	for (size_t i = 0; i < now->zygotes_count && r == 0; i++) {
		const struct metrics_zygote *zygote = &now->zygotes[i];

		r = buf_appendf(text, "%s{environment=\"%s\",provider=\"%s\"} %.3f\n", name, zygote->environment, zygote->provider,
				(double)zygote->age_us / 1e6);
	}
	return r;
}

int metrics_write(const struct metrics *metrics, const struct metrics_now *now, struct buf *text)
{
	int r = write_runs(metrics, text);

	if (r == 0)
		r = write_refused(metrics, text);
	if (r == 0)
		r = write_stages(metrics, text);
	if (r == 0)
		r = write_requests(metrics, text);
	if (r == 0)
		r = write_rows(counters, ARRAY_SIZE(counters), metrics, text);
	if (r == 0)
		r = write_rows(gauges, ARRAY_SIZE(gauges), now, text);
	if (r == 0)
		r = write_zygotes(now, text);
	if (r == 0)
		r = write_heading("safexec_cells_total", "counter", "Sandboxes that providers have made ready.", text);
	if (r == 0)
		r = buf_appendf(text, "safexec_cells_total %" PRIu64 "\n", now->cells_taken_over);
	if (r == 0)
		r = write_heading("safexec_store_up", "gauge", "1 while jobs and keys can be stored.", text);
	return r == 0 ? buf_appendf(text, "safexec_store_up %d\n", now->is_store_up) : r;
}
