/* SPDX-License-Identifier: Apache-2.0
 * kmsg.h: what the kernel's log says of a container: that a fork was refused in its cgroup, or that something in it was killed for
 * memory. The counters are gone with the cgroup, which the Engine removes when it likes; the log stays. It says so since Linux 4.6
 * and 5.0; what it holds of other containers and of the machine is passed over.
 */
#pragma once
#include "cell/cgroup.h"

/* Sets what one record of /dev/kmsg says of the container of that id (Documentation/ABI/testing/dev-kmsg), and leaves the rest. A
 * record that a program of the host wrote into the log says nothing. */
void kmsg_read_record(const char *record, const char *id, struct cgroup_events *events);

/* The same of the whole log; nothing where we may not read it. */
void kmsg_recall(const char *id, struct cgroup_events *events);
