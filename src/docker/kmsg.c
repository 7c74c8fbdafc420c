/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/kmsg.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RECORD  8192 /* what the kernel has room for, its CONSOLE_EXT_LOG_MAX */
#define MAX_RECORDS 100000
#define REFUSED     "cgroup: fork rejected by pids controller in " /* pids_event() of kernel/cgroup/pids.c, for a group's first */
#define KILLED      "oom-kill:constraint=CONSTRAINT_MEMCG,"        /* dump_oom_victim() of mm/oom_kill.c */

static bool begins_with(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

/* "6,339,5140900,-;text": facility and level in one number, and the kernel's facility is 0. */
void kmsg_read_record(const char *record, const char *id, struct cgroup_events *events)
{
	const char *text = strchr(record, ';');

	if (!text || id[0] == '\0' || strtoul(record, NULL, 10) > 7 || !strstr(text, id))
		return;
	text++;
	events->is_pids_full |= begins_with(text, REFUSED);
	events->is_oom |= begins_with(text, KILLED);
}

void kmsg_recall(const char *id, struct cgroup_events *events)
{
	_cleanup_(fd_closep) int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[MAX_RECORD + 1];

	for (unsigned n = 0; log >= 0 && n < MAX_RECORDS; n++) {
		ssize_t size = read(log, record, MAX_RECORD); /* one record a call */

		if (size < 0 && errno == EPIPE)
			continue; /* overwritten meanwhile: on with the oldest that is there */
		if (size <= 0)
			return;
		record[size] = '\0';
		kmsg_read_record(record, id, events);
	}
}
