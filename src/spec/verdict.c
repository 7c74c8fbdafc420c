/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/verdict.h"

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

void verdict_decide(const struct evidence *evidence, struct result *result)
{
	result->exit_code = evidence->has_status && WIFEXITED(evidence->status) ? WEXITSTATUS(evidence->status) : -1;
	result->signal = evidence->has_status && WIFSIGNALED(evidence->status) ? WTERMSIG(evidence->status) : 0;
	if (evidence->stopped_for != VERDICT_OK)
		result->verdict = evidence->stopped_for;
	else
		result->verdict = evidence->has_status ? blame(evidence) : VERDICT_INTERNAL;
	if (result->verdict == VERDICT_INTERNAL)
		result->may_have_run = 1;
}
