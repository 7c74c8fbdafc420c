/* SPDX-License-Identifier: Apache-2.0
 * bench.c: `safexec bench`: how long runs of a server take: percentiles, runs a second, and a histogram. tests/bench compares with others.
 */
#include "base/clock.h"
#include "base/num.h"
#include "cli/bench_report.h"
#include "cli/client.h"
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM     "{\"code\": \"print(2+2)\"}"
#define ANSWER      "{\"success\": true, \"output\": \"4\\n\"}"
#define MAX_RUNS    1000000
#define WARM_UPS    20
#define BAR         40
#define TELL_EVERY  64
#define MAX_FAILURE 120

enum { SERVER, RUNS, AT_ONCE, FORMAT };

static int check_format(const struct option_row *row, const char *text, struct err *err)
{
	array_for_each(bench_formats, format) {
		if (strcmp(text, format->name) == 0)
			return 0;
	}
	return err_say(err, -EINVAL, "--%s is \"%.60s\"; it must be text, json or html.", row->name, text);
}

static const struct option_row rows[] = {
	[SERVER] = { .name = "server",
		     .arg = "ADDR:PORT",
		     .help = "where the server listens, or unix:/PATH",
		     .def = "127.0.0.1:5000",
		     .check = client_check_address },
	[RUNS] = { .name = "runs",
		   .arg = "N",
		   .help = "how many",
		   .def = "1000",
		   .check = option_check_number,
		   .min = 1,
		   .max = MAX_RUNS },
	[AT_ONCE] = { .name = "at-once",
		      .arg = "N",
		      .help = "connections, each with one request at a time",
		      .def = "1",
		      .check = option_check_number,
		      .min = 1,
		      .max = CLIENT_MAX_AT_ONCE },
	[FORMAT] = { .name = "format", .arg = "NAME", .help = "text, json or html", .def = "text", .check = check_format },
};

struct figures {
	uint32_t *us; /* of those that went well */
	size_t count;
	uint64_t wanted, done, failed;
	char failure[MAX_FAILURE]; /* the first one */
	bool is_terminal;
};

static void show_progress(const struct figures *figures)
{
	static const char full[] = "########################################";

	(void)fprintf(stderr, "\r[%-*.*s] %" PRIu64 " of %" PRIu64 " ", BAR, (int)(figures->done * BAR / figures->wanted), full,
		      figures->done, figures->wanted);
}

static bool take(long status, const struct buf *answer, uint64_t us, void *arg)
{
	struct figures *figures = arg;
	bool is_right = answer->size >= strlen(ANSWER) && memcmp(answer->bytes, ANSWER, strlen(ANSWER)) == 0;

	figures->done++;
	if (is_right)
		figures->us[figures->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
	else if (figures->failed++ == 0 && status == 0)
		(void)snprintf(figures->failure, sizeof figures->failure, "no server answers there");
	else if (figures->failed == 1)
		(void)snprintf(figures->failure, sizeof figures->failure, "status %ld %.*s", status,
			       (int)(answer->size < MAX_FAILURE ? answer->size : MAX_FAILURE), answer->size ? answer->bytes : "");
	if (figures->is_terminal && (figures->done % TELL_EVERY == 0 || figures->done == figures->wanted))
		show_progress(figures);
	return status != 0 || figures->count > 0; /* nobody there: there is no use in going on */
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void free_figures(struct figures *figures)
{
	free(figures->us);
}

static void write_figures(const struct figures *figures, const char *const *values, unsigned at_once, nsec_t time)
{
	struct bench_result result = {
		.server = values[SERVER], .at_once = at_once, .us = figures->us, .count = figures->count, .time = time
	};

	qsort(figures->us, figures->count, sizeof *figures->us, by_size);
	array_for_each(bench_formats, format) {
		if (strcmp(values[FORMAT], format->name) == 0)
			format->write(&result, stdout);
	}
}

static int bench(const char *const *values, const char *operand)
{
	uint64_t runs, at_once;
	struct err err;
	const struct client_request request = {
		.address = values[SERVER], .path = "/run", .body = PROGRAM, .wait_ms = CLIENT_RUN_MS
	};

	(void)operand;
	if (num_parse_u64(values[RUNS], 1, MAX_RUNS, &runs) < 0 ||
	    num_parse_u64(values[AT_ONCE], 1, CLIENT_MAX_AT_ONCE, &at_once) < 0)
		return STATUS_USAGE;

	_cleanup_(free_figures) struct figures figures = { .us = calloc((size_t)runs + WARM_UPS, sizeof(uint32_t)),
							   .wanted = runs,
							   .is_terminal = isatty(STDERR_FILENO) == 1 };
	int r = figures.us ? client_repeat(&request, (unsigned)at_once, WARM_UPS, take, &figures, &err)
			   : err_set(&err, -ENOMEM, "Cannot keep so many figures");

	figures.count = figures.failed == 0 ? 0 : figures.count;

	nsec_t begin = clock_now();

	if (r == 0 && figures.failed == 0) {
		figures.done = 0;
		r = client_repeat(&request, (unsigned)at_once, runs, take, &figures, &err);
	}

	nsec_t time = clock_now() - begin;

	if (figures.is_terminal)
		(void)fputc('\n', stderr);
	if (r < 0)
		fprintf(stderr, "safexec bench: %s\n", err.text);
	if (r == 0 && figures.count > 0)
		write_figures(&figures, values, (unsigned)at_once, time);
	if (figures.failed > 0)
		fprintf(stderr, "safexec bench: %" PRIu64 " requests went wrong; the first: %s\n", figures.failed, figures.failure);
	return r < 0 || figures.failed > 0 ? STATUS_FAILED : STATUS_OK;
}

const struct command bench_command = {
	.name = "bench",
	.summary = "measure how long runs of a server take",
	.about = "Asks a running `safexec serve` for print(2+2) again and again, and prints percentiles, runs a second and a "
		 "histogram.\n"
		 "The time is that of a request, connections being kept. As html it is one page with its chart inside.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = bench,
};
