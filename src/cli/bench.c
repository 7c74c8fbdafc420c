/* SPDX-License-Identifier: Apache-2.0
 * bench.c: `safexec bench`: how long runs of a server take: percentiles, runs a second, and a histogram. tests/bench compares with others.
 */
#include "base/clock.h"
#include "base/num.h"
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
#define CLASSES     24
#define FIRST_US    250 /* below this: the first class; each goes to the double of its begin by half steps */
#define TELL_EVERY  64
#define MAX_FAILURE 120

enum { SERVER, RUNS, AT_ONCE };

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
};

struct figures {
	uint32_t *us; /* of those that went well */
	size_t count;
	uint64_t wanted, done, failed;
	char failure[MAX_FAILURE]; /* the first one */
	bool is_terminal;
};

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
	if (figures->is_terminal && figures->done % TELL_EVERY == 0)
		(void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " ", figures->done, figures->wanted);
	return status != 0 || figures->count > 0; /* nobody there: there is no use in going on */
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double place_ms(const struct figures *figures, unsigned percent)
{
	size_t index = figures->count * percent / 100;

	return figures->us[index < figures->count ? index : figures->count - 1] / 1000.0;
}

/* Where a class ends: 0.25 0.375 0.5 0.75 1 1.5 2 3 ... ms. */
static uint64_t class_end(unsigned class)
{
	uint64_t begin = (uint64_t)FIRST_US << (class / 2);

	return class % 2 == 0 ? begin : begin + begin / 2;
}

static void print_histogram(const struct figures *figures)
{
	size_t counts[CLASSES] = { 0 }, most = 0;
	unsigned first = CLASSES, last = 0;

	for (size_t i = 0; i < figures->count; i++) {
		unsigned class = 0;

		while (class < CLASSES - 1 && figures->us[i] >= class_end(class))
			class ++;
		counts[class]++;
		first = class < first ? class : first;
		last = class > last ? class : last;
		most = counts[class] > most ? counts[class] : most;
	}
	for (unsigned class = first; class <= last; class ++)
		(void)printf("  %s %9.3f ms  %7zu  %.*s\n", class < CLASSES - 1 ? "below" : "   to",
			     class < CLASSES - 1 ? (double)class_end(class) / 1000 : place_ms(figures, 100), counts[class],
			     (int)(counts[class] * BAR / most), "########################################");
}

static void print_figures(struct figures *figures, nsec_t time)
{
	qsort(figures->us, figures->count, sizeof *figures->us, by_size);
	(void)printf("%zu runs, %.0f a second\n", figures->count, (double)figures->count * NSEC_PER_SEC / (double)time);
	(void)printf("  %9s %9s %9s %9s %9s\n", "least", "p50", "p95", "p99", "most");
	(void)printf("  %9.3f %9.3f %9.3f %9.3f %9.3f ms\n", place_ms(figures, 0), place_ms(figures, 50), place_ms(figures, 95),
		     place_ms(figures, 99), place_ms(figures, 100));
	print_histogram(figures);
}

static void free_figures(struct figures *figures)
{
	free(figures->us);
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
		print_figures(&figures, time);
	if (figures.failed > 0)
		fprintf(stderr, "safexec bench: %" PRIu64 " requests went wrong; the first: %s\n", figures.failed, figures.failure);
	return r < 0 || figures.failed > 0 ? STATUS_FAILED : STATUS_OK;
}

const struct command bench_command = {
	.name = "bench",
	.summary = "measure how long runs of a server take",
	.about = "Asks a running `safexec serve` for print(2+2) again and again, and prints percentiles, runs a second and a "
		 "histogram.\n"
		 "The time is that of a request, connections being kept.",
	.options = rows,
	.options_count = ARRAY_SIZE(rows),
	.run = bench,
};
