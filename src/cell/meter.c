/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/meter.h"

#include "cell/cgroup_impl.h"
#include "spec/layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- opening -------------------------------------------------------------------------------------------------------------------- */

/* Where a group of this controller is mounted. */
typedef int find_fn(const void *what, const char *controller, char *ret_path);

struct process {
	pid_t pid;
	const char *mark;
};

static int find_of_process(const void *what, const char *controller, char *ret_path)
{
	const struct process *process = what;
	int r = cgroup_find(process->pid, controller, ret_path, NULL);

	return r == 0 && !strstr(ret_path, process->mark) ? -ENOENT : r;
}

static int find_by_name(const void *what, const char *controller, char *ret_path)
{
	char own[PATH_MAX], root[PATH_MAX];
	int r = cgroup_find(getpid(), controller, own, root);

	if (r == 0 && (size_t)snprintf(ret_path, PATH_MAX, "%s/%s", root, (const char *)what) >= PATH_MAX)
		r = -ENAMETOOLONG;
	return r;
}

static int open_one(find_fn *find, const void *what, const char *controller, int *ret_dir)
{
	char path[PATH_MAX];
	int r = find(what, controller, path);

	if (r < 0)
		return r;
	*ret_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_dir < 0 ? -errno : 0;
}

static int open_all(find_fn *find, const void *what, struct meter *ret_meter)
{
	struct meter meter = METER_NONE;
	int r = open_one(find, what, "memory", &meter.memory);

	if (r == 0)
		r = open_one(find, what, "cpuacct", &meter.cpuacct);
	if (r == 0)
		r = open_one(find, what, "pids", &meter.pids);
	if (r < 0) { /* version 2, whose hierarchy has no name */
		meter_close(&meter);
		r = open_one(find, what, "", &meter.memory);
		meter.is_v2 = true;
		meter.cpuacct = meter.pids = meter.memory;
	}
	if (r == 0)
		*ret_meter = meter;
	return r;
}

int meter_open(pid_t pid, const char *mark, struct meter *ret_meter)
{
	const struct process process = { .pid = pid, .mark = mark };

	return open_all(find_of_process, &process, ret_meter);
}

int meter_open_group(const char *name, struct meter *ret_meter)
{
	return open_all(find_by_name, name, ret_meter);
}

void meter_close(struct meter *meter)
{
	if (!meter->is_v2) {
		(void)fd_close(meter->cpuacct);
		(void)fd_close(meter->pids);
	}
	(void)fd_close(meter->memory);
	*meter = METER_NONE;
}

bool meter_is_there(const struct meter *meter)
{
	const int folders[] = { meter->memory, meter->cpuacct, meter->pids };

	array_for_each(folders, folder) {
		if (faccessat(*folder, "cgroup.procs", F_OK, 0) < 0)
			return false;
	}
	return true;
}

/* What has no limit says "max", -1, or as version 1 has it for memory, more than there is on earth. */
static bool has_limit(int dir, const char *file)
{
	uint64_t number = cgroup_read_number(dir, file, NULL);

	return number > 0 && number < UINT64_C(1) << 60;
}

/* On version 1 the quota may lie in another hierarchy than what was used of it. */
static bool has_cpu_limit(const struct meter *meter, pid_t pid)
{
	char path[PATH_MAX], file[PATH_MAX + 32];

	if (meter->is_v2)
		return has_limit(meter->cpuacct, "cpu.max");
	if (cgroup_find(pid, "cpu", path, NULL) < 0)
		return false;
	(void)snprintf(file, sizeof file, "%s/cpu.cfs_quota_us", path);
	return has_limit(AT_FDCWD, file);
}

uint32_t meter_layers(const struct meter *meter, pid_t pid)
{
	uint32_t layers = 0;

	layers |= has_limit(meter->memory, meter->is_v2 ? "memory.max" : "memory.limit_in_bytes") ? LAYER_BIT(CGROUP_MEMORY) : 0;
	layers |= has_cpu_limit(meter, pid) ? LAYER_BIT(CGROUP_CPU) : 0;
	layers |= has_limit(meter->pids, "pids.max") ? LAYER_BIT(CGROUP_PIDS) : 0;
	return layers;
}

/* --- reading -------------------------------------------------------------------------------------------------------------------- */

struct meter_counters meter_count(const struct meter *meter)
{
	if (meter->is_v2)
		return (struct meter_counters){
			.cpu_ns = cgroup_read_number(meter->cpuacct, "cpu.stat", "usage_usec") * 1000,
			.cpu_user_ns = cgroup_read_number(meter->cpuacct, "cpu.stat", "user_usec") * 1000,
			.cpu_system_ns = cgroup_read_number(meter->cpuacct, "cpu.stat", "system_usec") * 1000,
			.ooms = cgroup_read_number(meter->memory, "memory.events", "oom_kill"),
			.pids_refused = cgroup_read_number(meter->pids, "pids.events", "max"),
		};
	return (struct meter_counters){
		.cpu_ns = cgroup_read_number(meter->cpuacct, "cpuacct.usage", NULL),
		.cpu_user_ns = cgroup_read_number(meter->cpuacct, "cpuacct.usage_user", NULL),
		.cpu_system_ns = cgroup_read_number(meter->cpuacct, "cpuacct.usage_sys", NULL),
		.ooms = cgroup_read_number(meter->memory, "memory.oom_control", "oom_kill"),
		.pids_refused = cgroup_read_number(meter->pids, "pids.events", "max"),
	};
}

/* The sum is exact; on version 1 its two parts are counted in ticks, of which a short run may see none, and only tell the proportion. */
static void set_cpu_usage(bool is_v2, struct usage *usage, const struct meter_counters *since, const struct meter_counters *now)
{
	uint64_t total_us = (now->cpu_ns - since->cpu_ns) / 1000;
	uint64_t user = (now->cpu_user_ns - since->cpu_user_ns) / 1000;
	uint64_t system = (now->cpu_system_ns - since->cpu_system_ns) / 1000;

	if (!is_v2) {
		user = user / 1000 + system / 1000 > 0 ? total_us * (user / 1000) / (user / 1000 + system / 1000) : total_us;
		system = total_us - user;
	}
	usage->cpu_user_us = user;
	usage->cpu_system_us = system;
}

bool meter_read(const struct meter *meter, const struct meter_counters *since, struct usage *usage,
		struct cgroup_events *ret_events)
{
	static const struct meter_counters nothing;
	struct meter_counters now = meter_count(meter);

	if (!since)
		since = &nothing;
	if (now.cpu_ns == 0 && since->cpu_ns == 0) /* a group with a process in it has used some, so this one cannot be read */
		return false;
	set_cpu_usage(meter->is_v2, usage, since, &now);
	usage->memory_peak_bytes =
		cgroup_read_number(meter->memory, meter->is_v2 ? "memory.peak" : "memory.max_usage_in_bytes", NULL);
	usage->pids_peak = cgroup_read_number(meter->pids, "pids.peak", NULL);
	ret_events->is_oom = now.ooms > since->ooms;
	ret_events->is_pids_full = now.pids_refused > since->pids_refused;
	return true;
}
