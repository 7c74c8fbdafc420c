/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/stats.h"

#include "docker/docker.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATS_MS    5000
#define FIRST_MINOR 41 /* of the API, that knows one-shot */

static uint64_t number_at(const json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));

	return number > 0 ? (uint64_t)number : 0;
}

/* The sum is exact; its parts are on version 1 counted in ticks, and tell the proportion. */
int stats_read(const char *body, size_t size, struct usage *ret_usage)
{
	json_t *answer = json_loadb(body, size, 0, NULL);
	const json_t *cpu = json_object_get(json_object_get(answer, "cpu_stats"), "cpu_usage");
	uint64_t total_us = number_at(cpu, "total_usage") / 1000;
	uint64_t user = number_at(cpu, "usage_in_usermode") / 1000, system = number_at(cpu, "usage_in_kernelmode") / 1000;
	uint64_t peak = number_at(json_object_get(answer, "memory_stats"), "max_usage");

	json_decref(answer);
	if (total_us == 0 || total_us > UINT32_MAX * UINT64_C(1000) || user > UINT32_MAX * UINT64_C(1000) ||
	    system > UINT32_MAX * UINT64_C(1000))
		return -EBADMSG;
	user = user + system > 0 ? (uint64_t)((double)total_us * (double)user / (double)(user + system)) : total_us;
	*ret_usage = (struct usage){ .cpu_user_us = user, .cpu_system_us = total_us - user, .memory_peak_bytes = peak };
	return 0;
}

static uint64_t difference(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

struct usage stats_between(const struct usage *before, const struct usage *after)
{
	struct usage usage = *after;

	usage.cpu_user_us = difference(before->cpu_user_us, after->cpu_user_us);
	usage.cpu_system_us = difference(before->cpu_system_us, after->cpu_system_us);
	return usage;
}

static void on_answer(const struct engine_answer *answer, void *arg)
{
	struct slot *slot = arg;
	struct usage usage;
	bool is_known = answer->status == 200 && stats_read(answer->body, answer->size, &usage) == 0;

	slot->inspection = NULL;
	slot->stats_done(slot, is_known ? &usage : NULL);
}

int stats_ask(struct slot *slot, void (*done)(struct slot *slot, const struct usage *usage))
{
	const char *version = slot->docker->version; /* "v1.41" */
	char path[200];

	if (strtoul(version + strlen("v1."), NULL, 10) < FIRST_MINOR)
		return -ENOSYS;
	(void)snprintf(path, sizeof path, "/%s/containers/%s/stats?stream=false&one-shot=true", version, slot->id);
	slot->stats_done = done;
	return engine_call(slot->docker->engine, "GET", path, NULL, STATS_MS, on_answer, slot, &slot->inspection);
}
