/* SPDX-License-Identifier: Apache-2.0
 * meter.h: what the kernel has counted in a cgroup, read from its folders: one of ours, or a container's, which an Engine
 * made. Reads only. cgroups(7)
 */
#pragma once
#include "cell/cgroup.h"

/* The folders of one group. On version 2 all three are the same one. */
struct meter {
	bool is_v2;
	int memory, cpuacct, pids;
};

#define METER_NONE ((struct meter){ .memory = -EBADF, .cpuacct = -EBADF, .pids = -EBADF })

/* Counters that only grow. All zero for a new group. */
struct meter_counters {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, ooms, pids_refused;
};

/* Opens the groups that a process is in. mark: what the path of each has to hold, as proof that it is the process meant and that we
 * share its pid namespace. -ENOENT: no such process, or not in such a group; -errno. */
int meter_open(pid_t pid, const char *mark, struct meter *ret_meter);

/* Opens a group by its name below the root of each hierarchy. -ENOENT: there is none. */
int meter_open_group(const char *name, struct meter *ret_meter);
void meter_close(struct meter *meter);

/* Whether nobody has removed the group, or a part of it on version 1. */
bool meter_is_there(const struct meter *meter);

/* Which of the limits of memory, CPU and processes the group has, and pid in it: bits of spec/layers.h. */
uint32_t meter_layers(const struct meter *meter, pid_t pid);

/* -ENOENT: the group is gone; -errno. */
int meter_count(const struct meter *meter, struct meter_counters *ret_counters);

/* A peak from a file that older kernels do not have: 0 then. -errno. */
int meter_read_peak(int dir, const char *file, uint64_t *ret_peak);

/* Since then; since: NULL for a group's whole life. wall_us is left alone; a peak that the kernel does not keep is 0. -ENOENT: the group
 * is gone; -errno. Then nothing is stored. */
int meter_read(const struct meter *meter, const struct meter_counters *since, struct usage *usage,
	       struct cgroup_events *ret_events);
