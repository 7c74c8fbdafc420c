/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include "base/log.h"
#include "cli/command.h"
#include "spec/result.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

bool child_may_start(const struct child *child, nsec_t now)
{
	nsec_t oldest = child->starts[child->next_start];

	return oldest == 0 || now - oldest >= CHILD_STARTS_WITHIN;
}

void child_note_start(struct child *child, nsec_t now)
{
	child->was_asked = false;
	child->asked_by = 0;
	child->starts[child->next_start] = now;
	child->next_start = (child->next_start + 1) % CHILD_MAX_STARTS;
}

void child_end(struct child *child, int number, nsec_t now, nsec_t grace)
{
	if (child->pid == 0 || child->asked_by == number || child->asked_by == SIGTERM)
		return;
	child->kill_at = now + grace;
	child->asked_by = number;
	child->was_asked = true;
	(void)kill(child->pid, number); /* it is ours and not reaped: it cannot fail */
}

void child_kill(const struct child *child)
{
	if (child->pid != 0)
		(void)kill(child->pid, SIGKILL);
}

nsec_t child_check_time(struct child *child, nsec_t now)
{
	if (child->pid == 0 || child->kill_at == 0)
		return 0;
	if (now < child->kill_at)
		return child->kill_at;
	log_line("%s does not end; killing it", child->program);
	child_kill(child);
	child->kill_at = now + NSEC_PER_SEC; /* the kernel may take its time; try again rather than spin */
	return child->kill_at;
}

bool child_take_exit(struct child *child, pid_t pid, int wait_status)
{
	if (child->pid != pid)
		return false;
	child->pid = 0;
	child->kill_at = 0;
	child->has_ended = true;
	child->wait_status = wait_status;
	return true;
}

bool child_look(struct child *child)
{
	bool has_ended = child->has_ended;

	child->has_ended = false;
	return has_ended;
}

static bool exited_with(const struct child *child, int status)
{
	return WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == status;
}

bool child_gave_reason(const struct child *child)
{
	return exited_with(child, STATUS_USAGE) || exited_with(child, STATUS_CANNOT_RUN);
}

bool child_ended_well(const struct child *child)
{
	return exited_with(child, STATUS_OK) || (WIFSIGNALED(child->wait_status) && WTERMSIG(child->wait_status) == SIGTERM);
}

const char *child_describe(const struct child *child, char text[CHILD_TEXT_BYTES])
{
	int status = child->wait_status;

	if (WIFSIGNALED(status))
		(void)snprintf(text, CHILD_TEXT_BYTES, "was killed by signal %d (%s)", WTERMSIG(status),
			       signal_name(WTERMSIG(status)));
	else
		(void)snprintf(text, CHILD_TEXT_BYTES, "ended with status %d", WEXITSTATUS(status));
	return text;
}
