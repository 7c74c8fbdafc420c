/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench_report.h"

#include "base/macro.h"

#include <stdbool.h>

#define BAR        40
#define CLASSES    24
#define FIRST_US   250 /* below this: the first class; each goes to the double of its begin by half steps */
#define ROW_PIXELS 24
#define BAR_PIXELS 480

static const struct {
	const char *name;
	unsigned percent;
} places[] = { { "least", 0 }, { "p50", 50 }, { "p95", 95 }, { "p99", 99 }, { "most", 100 } };

struct histogram {
	size_t counts[CLASSES], most;
	unsigned first, last;
};

static double place_ms(const struct bench_result *result, unsigned percent)
{
	size_t index = result->count * percent / 100;

	return result->us[index < result->count ? index : result->count - 1] / 1000.0;
}

static double runs_a_second(const struct bench_result *result)
{
	return (double)result->count * NSEC_PER_SEC / (double)result->time;
}

/* Where a class ends: 0.25 0.375 0.5 0.75 1 1.5 2 3 ... ms; the last one with the slowest run. */
static double class_end_ms(const struct bench_result *result, unsigned class)
{
	uint64_t begin = (uint64_t)FIRST_US << (class / 2);

	if (class == CLASSES - 1)
		return place_ms(result, 100);
	return (double)(class % 2 == 0 ? begin : begin + begin / 2) / 1000;
}

static struct histogram count_classes(const struct bench_result *result)
{
	struct histogram histogram = { .first = CLASSES, .most = 1 };

	for (size_t i = 0; i < result->count; i++) {
		unsigned class = 0;

		while (class < CLASSES - 1 && result->us[i] / 1000.0 >= class_end_ms(result, class))
			class ++;
		histogram.counts[class]++;
		histogram.first = class < histogram.first ? class : histogram.first;
		histogram.last = class > histogram.last ? class : histogram.last;
		if (histogram.counts[class] > histogram.most)
			histogram.most = histogram.counts[class];
	}
	return histogram;
}

static void write_text(const struct bench_result *result, FILE *to)
{
	struct histogram histogram = count_classes(result);

	(void)fprintf(to, "%zu runs, %.0f a second\n  ", result->count, runs_a_second(result));
	array_for_each(places, place)
		(void)fprintf(to, "%9s ", place->name);
	(void)fprintf(to, "\n  ");
	array_for_each(places, place)
		(void)fprintf(to, "%9.3f ", place_ms(result, place->percent));
	(void)fprintf(to, "ms\n");
	for (unsigned class = histogram.first; class <= histogram.last; class ++)
		(void)fprintf(to, "  %s %9.3f ms  %7zu  %.*s\n", class < CLASSES - 1 ? "below" : "   to",
			      class_end_ms(result, class), histogram.counts[class],
			      (int)(histogram.counts[class] * BAR / histogram.most), "########################################");
}

static void write_json(const struct bench_result *result, FILE *to)
{
	struct histogram histogram = count_classes(result);

	(void)fprintf(to, "{\"runs\": %zu, \"at_once\": %u, \"runs_a_second\": %.1f, \"latency_ms\": {", result->count,
		      result->at_once, runs_a_second(result));
	array_for_each(places, place)
		(void)fprintf(to, "%s\"%s\": %.3f", place == places ? "" : ", ", place->name, place_ms(result, place->percent));
	(void)fprintf(to, "}, \"histogram\": [");
	for (unsigned class = histogram.first; class <= histogram.last; class ++)
		(void)fprintf(to, "%s{\"below_ms\": %.3f, \"runs\": %zu}", class == histogram.first ? "" : ", ",
			      class_end_ms(result, class), histogram.counts[class]);
	(void)fprintf(to, "]}\n");
}

/* The address was checked when it was parsed; a socket's path may hold anything all the same. */
static void write_escaped(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '>' || *text == '&')
			(void)fprintf(to, "&#%d;", *text);
		else
			(void)fputc(*text, to);
	}
}

static void write_chart(const struct bench_result *result, FILE *to)
{
	struct histogram histogram = count_classes(result);
	unsigned rows = histogram.last - histogram.first + 1;

	(void)fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"%u\">\n", rows * ROW_PIXELS);
	for (unsigned row = 0; row < rows; row++) {
		unsigned class = histogram.first + row, y = row * ROW_PIXELS;
		size_t count = histogram.counts[class], width = count * BAR_PIXELS / histogram.most;

		(void)fprintf(to, "<text x=\"120\" y=\"%u\" text-anchor=\"end\">below %g ms</text>", y + 16,
			      class_end_ms(result, class));
		(void)fprintf(to, "<rect x=\"130\" y=\"%u\" width=\"%zu\" height=\"18\"/>", y + 2, width);
		(void)fprintf(to, "<text x=\"%zu\" y=\"%u\">%zu</text>\n", 136 + width, y + 16, count);
	}
	(void)fprintf(to, "</svg>\n");
}

static void write_html(const struct bench_result *result, FILE *to)
{
	(void)fprintf(
		to,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>safexec bench</title><style>"
		"body { font: 15px/1.45 system-ui, sans-serif; max-width: 48em; margin: 2em auto; padding: 0 1em; color: #222 } "
		"th, td { padding: .25em 1em; text-align: right; border-bottom: 1px solid #ddd } rect { fill: #3366cc } "
		"svg text { font: 12px system-ui, sans-serif }</style>\n<h1>How long runs take</h1>\n<p>print(2+2), asked of ");
	write_escaped(to, result->server);
	(void)fprintf(to, ": %zu runs, %u at once, %.0f a second.</p>\n<table><tr>", result->count, result->at_once,
		      runs_a_second(result));
	array_for_each(places, place)
		(void)fprintf(to, "<th>%s</th>", place->name);
	(void)fprintf(to, "</tr><tr>");
	array_for_each(places, place)
		(void)fprintf(to, "<td>%.3f ms</td>", place_ms(result, place->percent));
	(void)fprintf(to, "</tr></table>\n");
	write_chart(result, to);
	(void)fprintf(to, "</html>\n");
}

const struct bench_format bench_formats[3] = { { "text", write_text }, { "json", write_json }, { "html", write_html } };
