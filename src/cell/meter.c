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
	uint64_t number = 0;

	return cgroup_read_number(dir, file, NULL, &number) == 0 && number > 0 && number < UINT64_C(1) << 60;
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

int meter_count(const struct meter *meter, struct meter_counters *ret_counters)
{
	static const struct {
		const char *file, *key;
		uint64_t unit;
	} all[2][5] = { {
				{ "cpuacct.usage", NULL, 1 },
				{ "cpuacct.usage_user", NULL, 1 },
				{ "cpuacct.usage_sys", NULL, 1 },
				{ "memory.oom_control", "oom_kill", 1 },
				{ "pids.events", "max", 1 },
			},
			{
				{ "cpu.stat", "usage_usec", 1000 },
				{ "cpu.stat", "user_usec", 1000 },
				{ "cpu.stat", "system_usec", 1000 },
				{ "memory.events", "oom_kill", 1 },
				{ "pids.events", "max", 1 },
			} };
	const int dirs[] = { meter->cpuacct, meter->cpuacct, meter->cpuacct, meter->memory, meter->pids };
	uint64_t got[ARRAY_SIZE(dirs)];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = cgroup_read_number(dirs[i], all[meter->is_v2][i].file, all[meter->is_v2][i].key, &got[i]);

		if (r < 0)
			return r;
		got[i] *= all[meter->is_v2][i].unit;
	}
	*ret_counters = (struct meter_counters){
		.cpu_ns = got[0], .cpu_user_ns = got[1], .cpu_system_ns = got[2], .ooms = got[3], .pids_refused = got[4]
	};
	return 0;
}

int meter_read_peak(int dir, const char *file, uint64_t *ret_peak)
{
	int r = cgroup_read_number(dir, file, NULL, ret_peak);

	if (r == -ENOENT)
		*ret_peak = 0;
	return r == -ENOENT ? 0 : r;
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

int meter_read(const struct meter *meter, const struct meter_counters *since, struct usage *usage, struct cgroup_events *ret_events)
{
	static const struct meter_counters nothing;
	struct meter_counters now;
	uint64_t memory_peak = 0, pids_peak = 0;
	int r = meter_count(meter, &now);

	if (r == 0)
		r = meter_read_peak(meter->memory, meter->is_v2 ? "memory.peak" : "memory.max_usage_in_bytes", &memory_peak);
	if (r == 0)
		r = meter_read_peak(meter->pids, "pids.peak", &pids_peak);
	if (r < 0)
		return r;
	if (!since)
		since = &nothing;
	set_cpu_usage(meter->is_v2, usage, since, &now);
	usage->memory_peak_bytes = memory_peak;
	usage->pids_peak = pids_peak;
	ret_events->is_oom = now.ooms > since->ooms;
	ret_events->is_pids_full = now.pids_refused > since->pids_refused;
	return 0;
}
