/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_seconds(uint64_t ms, char *text, size_t size)
{
	int used = snprintf(text, size, "%" PRIu64, ms / 1000);

	if (ms % 1000 != 0) {
		used += snprintf(text + used, size - (size_t)used, ".%03" PRIu64, ms % 1000);
		while (text[used - 1] == '0')
			used--;
	}
	(void)snprintf(text + used, size - (size_t)used, ms == 1000 ? " second" : " seconds");
}

/* The largest unit that divides it; mega is "MB" for memory, as people say it, and "MiB" elsewhere. */
static void write_bytes(uint64_t bytes, const char *mega, char *text, size_t size)
{
	if (bytes % MIB == 0)
		(void)snprintf(text, size, "%" PRIu64 " %s", bytes / MIB, mega);
	else if (bytes % KIB == 0)
		(void)snprintf(text, size, "%" PRIu64 " KiB", bytes / KIB);
	else
		(void)snprintf(text, size, "%" PRIu64 " bytes", bytes);
}

/* A program that ends by itself may do so for want of a call; one that was stopped does not. */
static bool can_refusals_matter(uint32_t verdict)
{
	return verdict == VERDICT_ERROR || verdict == VERDICT_SIGNAL;
}

static void name_refused(const struct result *result, const char *before, char *text, size_t size)
{
	char sentence[ERR_TEXT_BYTES] = "";

	if (can_refusals_matter(result->verdict))
		refused_sentence(&result->refused, sentence, sizeof sentence);
	(void)snprintf(text, size, "%s%s", sentence[0] != '\0' ? before : "", sentence);
}

void run_reply_sentence(const struct result *result, const struct limits *limits, char *text, size_t size)
{
	char amount[48];
	size_t used;

	text[0] = '\0';
	switch ((enum verdict)result->verdict) {
	case VERDICT_ERROR:
		(void)snprintf(text, size, "Exited with status %d.", result->exit_code);
		break;
	case VERDICT_SIGNAL:
		(void)snprintf(text, size, "Killed by signal %d (%s).", result->signal, signal_name(result->signal));
		break;
	case VERDICT_TIMEOUT:
		write_seconds(limits->wall_ms, amount, sizeof amount);
		(void)snprintf(text, size, "Execution timed out after %s.", amount);
		break;
	case VERDICT_CPU_TIMEOUT:
		write_seconds(limits->cpu_ms, amount, sizeof amount);
		(void)snprintf(text, size, "CPU time limit of %s exceeded.", amount);
		break;
	case VERDICT_MEMORY:
		write_bytes(limits->memory_bytes, "MB", amount, sizeof amount);
		(void)snprintf(text, size, "Memory limit of %s exceeded.", amount);
		break;
	case VERDICT_PIDS:
		(void)snprintf(text, size, "Process limit of %" PRIu64 " reached.", limits->pids);
		break;
	case VERDICT_OUTPUT:
		write_bytes(limits->output_bytes, "MiB", amount, sizeof amount);
		(void)snprintf(text, size, "Output limit of %s exceeded.", amount);
		break;
	case VERDICT_DISK:
		write_bytes(limits->disk_bytes, "MiB", amount, sizeof amount);
		(void)snprintf(text, size, "Disk limit of %s reached.", amount);
		break;
	case VERDICT_REFUSED:
		(void)snprintf(text, size, "The server refused to run its own job; nothing ran.");
		break;
	case VERDICT_INTERNAL:
		(void)snprintf(text, size, "The server failed; the program %s.",
			       result->may_have_run ? "may have run in part or whole" : "did not run");
		break;
	case VERDICT_OK:
	case VERDICT_COUNT:
		break;
	}
	used = strlen(text);
	name_refused(result, " ", text + used, size - used);
}

/* These verdicts only explain what the program itself has most likely reported. */
static bool is_stderr_enough(uint32_t verdict)
{
	return verdict == VERDICT_ERROR || verdict == VERDICT_PIDS || verdict == VERDICT_DISK;
}

static void write_error(struct reply *reply, const struct result *result)
{
	const struct buf *err = &reply->err;

	json_out_content(&reply->json, err->bytes, err->size);
	if (err->size > 0 && is_stderr_enough(result->verdict)) {
		name_refused(result, "", reply->text, sizeof reply->text);
		if (reply->text[0] == '\0')
			return;
	}
	if (err->size > 0 && err->bytes[err->size - 1] != '\n')
		json_out_raw(&reply->json, "\\n");
	json_out_content(&reply->json, reply->text, strlen(reply->text));
}

static unsigned write_ended(struct reply *reply, const struct run_outcome *outcome, const struct limits *limits)
{
	uint32_t verdict = outcome->result.verdict;
	bool is_fault = verdict == VERDICT_INTERNAL || verdict == VERDICT_REFUSED;

	if (verdict == VERDICT_OK) {
		json_out_raw(&reply->json, "{\"success\": true, \"output\": \"");
	} else {
		run_reply_sentence(&outcome->result, limits, reply->text, sizeof reply->text);
		json_out_raw(&reply->json, "{\"success\": false, \"error\": \"");
		if (is_fault) {
			json_out_content(&reply->json, reply->text, strlen(reply->text));
			json_out_raw(&reply->json, "\"}");
			return 500;
		}
		write_error(reply, &outcome->result);
		json_out_raw(&reply->json, "\", \"output\": \"");
	}
	json_out_content(&reply->json, reply->out.bytes, reply->out.size);
	json_out_raw(&reply->json, "\"}");
	return 200;
}

static const char *not_run_text(enum run_end end)
{
	switch (end) {
	case RUN_WAITED:
		return "The server is busy: no cell became free in time. Nothing ran; try again.";
	case RUN_STOPPED:
		return "The server is stopping. Nothing ran.";
	case RUN_NO_PROVIDER:
	case RUN_ENDED:
		break;
	}
	return "The sandbox is being restarted. Nothing ran; try again.";
}

unsigned run_reply_write(struct reply *reply, struct run_outcome *outcome, const struct limits *limits)
{
	reply->out = outcome->out;
	reply->err = outcome->err;
	outcome->out = outcome->err = buf_new(1);
	if (outcome->end == RUN_ENDED)
		return write_ended(reply, outcome, limits);
	json_out_raw(&reply->json, "{\"success\": false, \"error\": \"");
	json_out_raw(&reply->json, not_run_text(outcome->end)); /* nothing in it needs an escape */
	json_out_raw(&reply->json, "\"}");
	return 503;
}

void run_reply_timing(const struct run_outcome *outcome, char *text, size_t size)
{
	const struct timings *timings = &outcome->result.timings;

	(void)snprintf(text, size, "queue;dur=%.3f, setup;dur=%.3f, run;dur=%.3f, collect;dur=%.3f",
		       (double)outcome->queue_time / 1e6, (double)timings->setup_us / 1e3, (double)timings->run_us / 1e3,
		       (double)timings->collect_us / 1e3);
}
