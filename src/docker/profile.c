/* SPDX-License-Identifier: Apache-2.0
 *
 * The native provider loads two filters, because in one a call that is allowed with any arguments cannot also be refused with
 * some (libseccomp drops the narrower rule). An Engine takes one profile, so such a call is allowed here by the complement
 * of what is refused: for a value of 32 bits, one rule for each bit in which another value can differ first. All other
 * rows stand as they are; what no row names answers ENOSYS, as there.
 */
#include "docker/profile.h"

#include "base/macro.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define LAST_FAMILY 63
#define WHOLE       UINT32_MAX
#define BITS        32
#define MAX_REFUSED 4 /* values of one call */

#if defined(__x86_64__)
#define ARCHITECTURE "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE "SCMP_ARCH_AARCH64"
#endif

enum rule_kind { RULE_ALLOW, RULE_ALLOW_IF, RULE_ALLOW_SOCKET, RULE_REFUSE, RULE_REFUSE_IF, RULE_REFUSE_FAMILIES };

struct rule {
	enum rule_kind kind;
	const char *call;
	int error;
	unsigned index;
	uint32_t mask, value; /* RULE_ALLOW_SOCKET: family and protocol */
};

static const struct rule rules[] = {
#define ALLOW(c)                                { RULE_ALLOW, #c, 0, 0, 0, 0 },
#define ALLOW_IF(c, i, m, v)                    { RULE_ALLOW_IF, #c, 0, i, m, v },
#define ALLOW_SOCKET(family, protocol)          { RULE_ALLOW_SOCKET, "socket", 0, 0, family, protocol },
#define REFUSE(c, e, reason)                    { RULE_REFUSE, #c, e, 0, 0, 0 },
#define REFUSE_IF(c, e, i, m, v, label, reason) { RULE_REFUSE_IF, #c, e, i, m, v },
#define REFUSE_FAMILIES(c, e, reason)           { RULE_REFUSE_FAMILIES, #c, e, 0, 0, 0 },
#define QUIET(c, e, reason)                     { RULE_REFUSE, #c, e, 0, 0, 0 },
#include "spec/syscalls.def"
	/* Of process 1, which is another user's on the native provider: what is to be collected is the run's, but not its limits. */
	{ RULE_REFUSE_IF, "prlimit64", EPERM, 0, WHOLE, 1 },
};

/* --- rules --------------------------------------------------------------------------------------------------------------------- */

static json_t *new_condition(unsigned index, uint32_t mask, uint32_t value)
{
	return json_pack("{s:i, s:I, s:I, s:s}", "index", (int)index, "value", (json_int_t)mask, "valueTwo", (json_int_t)value,
			 "op", "SCMP_CMP_MASKED_EQ");
}

/* error: 0 allows. conditions: taken, NULL for none. */
static int add(json_t *list, const char *call, int error, json_t *conditions)
{
	json_t *row = json_pack("{s:[s], s:s}", "names", call, "action", error ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");
	int r = row ? 0 : -1;

	if (r == 0 && error)
		r = json_object_set_new(row, "errnoRet", json_integer(error));
	if (r == 0 && conditions)
		r = json_object_set(row, "args", conditions);
	json_decref(conditions);
	return json_array_append_new(list, row) | r;
}

static int add_if(json_t *list, const struct rule *rule, uint32_t mask, uint32_t value)
{
	return add(list, rule->call, rule->error, json_pack("[o]", new_condition(rule->index, mask, value)));
}

static bool is_family_allowed(const char *call, uint32_t family)
{
	array_for_each(rules, rule) {
		bool is_it = (rule->kind == RULE_ALLOW_IF && rule->value == family) ||
			     (rule->kind == RULE_ALLOW_SOCKET && rule->mask == family);

		if (is_it && rule->index == 0 && strcmp(rule->call, call) == 0)
			return true;
	}
	return false;
}

static int add_families(json_t *list, const struct rule *rule)
{
	int r = 0;

	for (uint32_t family = 0; r == 0 && family <= LAST_FAMILY; family++) {
		if (!is_family_allowed(rule->call, family))
			r = add_if(list, rule, WHOLE, family);
	}
	return r;
}

/* The rules that refuse some values of a call's argument; they are all of one argument, and whole words. */
static size_t find_refused(const char *call, const struct rule *found[MAX_REFUSED])
{
	size_t count = 0;

	array_for_each(rules, rule) {
		if (rule->kind == RULE_REFUSE_IF && strcmp(rule->call, call) == 0 && count < MAX_REFUSED)
			found[count++] = rule;
	}
	return count;
}

/* Allows the values that begin with the upper bits of prefix, but for those refused. */
static int add_complement(json_t *list, const struct rule *const *refused, size_t count)
{
	int r = 0;

	/* A value is allowed when, for the refused value it shares the most upper bits with, it differs in the next one, and no
	 * other refused value lies on that side. */
	for (size_t i = 0; i < count; i++) {
		for (unsigned bit = 0; r == 0 && bit < BITS; bit++) {
			uint32_t mask = WHOLE << bit, value = (refused[i]->value ^ (UINT32_C(1) << bit)) & mask;
			bool is_free = true;

			for (size_t j = 0; j < count; j++)
				is_free &= (refused[j]->value & mask) != value;
			for (size_t j = 0; j < i; j++) /* said already */
				is_free &= ((refused[j]->value ^ (UINT32_C(1) << bit)) & mask) != value;
			if (is_free)
				r = add(list, refused[i]->call, 0, json_pack("[o]", new_condition(refused[i]->index, mask, value)));
		}
	}
	return r;
}

static int add_allowed(json_t *list, const struct rule *rule)
{
	const struct rule *refused[MAX_REFUSED];
	size_t count = find_refused(rule->call, refused);

	return count == 0 ? add(list, rule->call, 0, NULL) : add_complement(list, refused, count);
}

static int add_rule(json_t *list, const struct rule *rule)
{
	switch (rule->kind) {
	case RULE_ALLOW:
		return add_allowed(list, rule);
	case RULE_ALLOW_IF:
	case RULE_REFUSE_IF:
		return add_if(list, rule, rule->mask, rule->value);
	case RULE_ALLOW_SOCKET:
		return add(list, rule->call, 0,
			   json_pack("[o, o]", new_condition(0, WHOLE, rule->mask), new_condition(2, WHOLE, rule->value)));
	case RULE_REFUSE:
		return add(list, rule->call, rule->error, NULL);
	default:
		return add_families(list, rule);
	}
}

json_t *profile_new_seccomp(void)
{
	json_t *list = json_array();
	int r = list ? 0 : -1;

	array_for_each(rules, rule) {
		if (r == 0)
			r = add_rule(list, rule);
	}

	/* One architecture: the i386 and x32 entries mean other calls by the same numbers, and are not there. */
	json_t *profile = r == 0 ? json_pack("{s:s, s:i, s:[s], s:O}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", ENOSYS,
					     "architectures", ARCHITECTURE, "syscalls", list)
				 : NULL;

	json_decref(list);
	return profile;
}

/* --- paths --------------------------------------------------------------------------------------------------------------------- */

/* All of /proc that is not a process, and of /sys: a run needs none of it, and the native provider shows none. What is not there is passed
 * over by the Engine. A covered file is empty, a covered folder too. */
static const char *const masked[] = {
	"/sys",
	"/proc/acpi",
	"/proc/asound",
	"/proc/buddyinfo",
	"/proc/bus",
	"/proc/cgroups",
	"/proc/cmdline",
	"/proc/config.gz",
	"/proc/consoles",
	"/proc/cpuinfo",
	"/proc/crypto",
	"/proc/devices",
	"/proc/diskstats",
	"/proc/dma",
	"/proc/driver",
	"/proc/dynamic_debug",
	"/proc/execdomains",
	"/proc/fb",
	"/proc/fs",
	"/proc/interrupts",
	"/proc/iomem",
	"/proc/ioports",
	"/proc/irq",
	"/proc/kallsyms",
	"/proc/kcore",
	"/proc/key-users",
	"/proc/keys",
	"/proc/kmsg",
	"/proc/kpagecgroup",
	"/proc/kpagecount",
	"/proc/kpageflags",
	"/proc/latency_stats",
	"/proc/loadavg",
	"/proc/locks",
	"/proc/mdstat",
	"/proc/meminfo",
	"/proc/misc",
	"/proc/modules",
	"/proc/mtrr",
	"/proc/pagetypeinfo",
	"/proc/partitions",
	"/proc/pressure",
	"/proc/sched_debug",
	"/proc/schedstat",
	"/proc/scsi",
	"/proc/slabinfo",
	"/proc/softirqs",
	"/proc/stat",
	"/proc/swaps",
	"/proc/sys",
	"/proc/sysrq-trigger",
	"/proc/sysvipc",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/tty",
	"/proc/uptime",
	"/proc/version",
	"/proc/version_signature",
	"/proc/vmallocinfo",
	"/proc/vmstat",
	"/proc/zoneinfo",
};

/* The Engine's own list: naming one of the two replaces both. Most of it lies under a cover anyhow. */
static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static json_t *new_list(const char *const *paths, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(list, json_string(paths[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *profile_new_masked_paths(void)
{
	return new_list(masked, ARRAY_SIZE(masked));
}

json_t *profile_new_readonly_paths(void)
{
	return new_list(readonly, ARRAY_SIZE(readonly));
}
