/* SPDX-License-Identifier: Apache-2.0
 * A record of the kernel's log: what it says, it says of the id alone.
 */
#include "docker/kmsg.h"

#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *record = strndup((const char *)bytes, size);
	struct cgroup_events events = { 0 };

	if (!record)
		return 0;
	kmsg_read_record(record, ID, &events);
	if ((events.is_oom || events.is_pids_full) && (!strstr(record, ID) || !strchr(record, ';')))
		abort();
	free(record);
	return 0;
}
