/* SPDX-License-Identifier: Apache-2.0 */
#include "zygote/notice.h"

#include "cell/filter.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
	pid_t guest;
	int status;
	bool has_status;
} notice; /* listed in ARCHITECTURE.md under "Mutable globals" */

/* The first one that was registered is called last: the script's, and those of its libraries, are over. */
static void note_status(int status, void *arg)
{
	(void)arg;
	notice.status = status;
	notice.has_status = true;
}

/* Comes after the destructors of all libraries that were loaded later. Those that were there before have none that could be noticed; what
 * exit() would do after them is to write out C's streams. A child or another thread of the guest ends as ever. */
__attribute__((destructor(101))) static void give_notice(void)
{
	if (!notice.has_status || notice.guest != getpid() || notice.guest != gettid())
		return;
	(void)fflush(NULL);
	(void)syscall(FILTER_END_CALL, FILTER_END_MARK, notice.status);
	/* Nobody listens, or something else still runs in the cell. exit() goes on. */
}

void notice_prepare(void)
{
	(void)on_exit(note_status, NULL);
}

void notice_begin(void)
{
	notice.guest = getpid();
}
