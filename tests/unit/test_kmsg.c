/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/kmsg.h"
#include "unit.h"

#define ID    "8a5b193305b7fb3b1cb9200c28954bb8f76c17b1fb6b0feaf798b96ecaaad1de"
#define OTHER "58f60b752220dfc24ad397ec80f1677f30e0a5bd8c0a4760ab46ccda7d50b351"
#define FORK  "cgroup: fork rejected by pids controller in "
#define OOM   "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"

static void a_record_counts_when_the_kernel_wrote_it_of_this_container(void **state)
{
	static const struct {
		const char *record;
		bool is_pids_full, is_oom;
	} cases[] = {
		{ "6,1,2,-;" FORK "/docker/" ID "\n", true, false },
		{ "6,1,2,-;" FORK "/system.slice/docker-" ID ".scope\n", true, false },
		{ "6,1,2,-;" OOM "oom_memcg=/docker/" ID ",task_memcg=/docker/" ID ",task=python,pid=1,uid=0\n", false, true },
		{ "6,1,2,-;" FORK "/docker/" OTHER "\n", false, false },
		{ "6,1,2,-;" OOM "oom_memcg=/docker/" OTHER ",task=python,pid=1,uid=0\n", false, false },
		{ "12,1,2,-;" FORK "/docker/" ID "\n", false, false }, /* of a program of the host: facility 1 */
		{ "6,1,2,-;x " FORK "/docker/" ID "\n", false, false },
		{ "6,1,2,-;docker0: port 1(" ID ") entered blocking state\n", false, false },
		{ FORK "/docker/" ID, false, false },
		{ ";", false, false },
		{ "", false, false },
	};

	(void)state;
	array_for_each(cases, c) {
		struct cgroup_events events = { 0 };

		kmsg_read_record(c->record, ID, &events);
		if (events.is_pids_full != c->is_pids_full || events.is_oom != c->is_oom)
			fail_msg("%s", c->record);
	}
}

static void without_an_id_nothing_is_said(void **state)
{
	struct cgroup_events events = { 0 };

	(void)state;
	kmsg_read_record("6,1,2,-;" FORK "/docker/" ID "\n", "", &events);
	kmsg_recall(ID, &events);
	assert_false(events.is_pids_full || events.is_oom);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_record_counts_when_the_kernel_wrote_it_of_this_container),
	cmocka_unit_test(without_an_id_nothing_is_said),
};

unit_main(tests)
