/* SPDX-License-Identifier: Apache-2.0
 * watch.h: process 1 of a container as the host sees it: its end, told by the kernel and not by the Engine, and what its cgroup
 * has counted. Only where the Engine's processes are in our pid namespace; where they are not, a watch watches nothing.
 */
#pragma once
#include "cell/meter.h"

#include <sys/types.h>

struct event;
struct event_base;

struct watch {
	int pidfd; /* -EBADF: nothing is watched */
	pid_t pid;
	struct event *on_death;
	struct meter meter;
	struct meter_counters since;
	uint64_t pids_before; /* the runtime's own threads while it started the container */
	void (*ended)(void *arg);
	void *arg;
};

#define WATCH_NONE ((struct watch){ .pidfd = -EBADF, .meter = METER_NONE })

/* id: the container's, which the paths of the process's cgroups hold. The watch may not move meanwhile; ended
 * is called once. -ENOENT: it cannot be seen from here,
 * or lives no more; -errno. */
int watch_open(struct watch *watch, struct event_base *loop, pid_t pid, const char *id, void (*ended)(void *arg), void *arg);
/* The same, by the container's cgroup, where an Engine puts it by default: possible while the Engine is still busy starting it. 0: it
 * is watched and the program called name runs; -EAGAIN: not yet. */
int watch_find(struct watch *watch, struct event_base *loop, const char *id, const char *name, void (*ended)(void *arg), void *arg);
void watch_close(struct watch *watch);

/* The program begins. What the runtime has used so far does not count from now on; is_whole: its CPU time too. */
void watch_begin(struct watch *watch, bool is_whole);

/* False: there is nothing to read. A process peak that is not above the runtime's own is not known: 0. */
bool watch_read(const struct watch *watch, struct usage *usage, struct cgroup_events *ret_events);

/* The limits that its cgroup has, bits of spec/layers.h; 0 where it cannot be seen. */
uint32_t watch_layers(const struct watch *watch);

/* Kills the process, and with it all of its pid namespace. -EPERM: we may not; -EBADF. */
int watch_kill(const struct watch *watch);

/* How it ended, as wait(2) has it; after its end. -ENOTTY, -EINVAL: before Linux 6.15 only its parent is told; -EAGAIN. */
int watch_status(const struct watch *watch, int *ret_status);
