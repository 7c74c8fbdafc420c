/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/verdict.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

static uint32_t blame(const struct evidence *evidence)
{
	if (WIFEXITED(evidence->status) && WEXITSTATUS(evidence->status) == 0)
		return VERDICT_OK;
	if (evidence->is_oom)
		return VERDICT_MEMORY;
	if (WIFSIGNALED(evidence->status))
		return VERDICT_SIGNAL;
	if (evidence->is_pids_full)
		return VERDICT_PIDS;
	return evidence->is_disk_full ? VERDICT_DISK : VERDICT_ERROR;
}

/* A program that was running when its provider killed it. Whether the news of its death came before the verdict is chance. */
static bool was_killed(const struct evidence *evidence)
{
	return !evidence->has_status && (evidence->stopped_for == VERDICT_TIMEOUT || evidence->stopped_for == VERDICT_CPU_TIMEOUT ||
					 evidence->stopped_for == VERDICT_OUTPUT);
}

void verdict_decide(const struct evidence *evidence, struct result *result)
{
	result->exit_code = evidence->has_status && WIFEXITED(evidence->status) ? WEXITSTATUS(evidence->status) : -1;
	result->signal = evidence->has_status && WIFSIGNALED(evidence->status) ? WTERMSIG(evidence->status) : 0;
	if (was_killed(evidence))
		result->signal = SIGKILL;
	if (evidence->stopped_for != VERDICT_OK)
		result->verdict = evidence->stopped_for;
	else
		result->verdict = evidence->has_status ? blame(evidence) : VERDICT_INTERNAL;
	if (result->verdict == VERDICT_INTERNAL)
		result->may_have_run = 1;
}
