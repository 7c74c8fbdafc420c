/* SPDX-License-Identifier: Apache-2.0
 * init.h: pid 1 of a cell. It makes the cell's mounts and loopback, hands the job over to the guest, and then only waits
 * to be killed; orphans are reaped by the kernel. It has a uid of its own, is not dumpable, and after the job has begun
 * holds no capability, so that nothing in the cell can reach it.
 */
#pragma once
#include "cell/confine.h"

/* Runs in the fresh child, never returns. order is the ORDER_CELL; plan holds for the guests of the environment; link leads to the warden, gate to the guest. */
_Noreturn void init_run(const struct order *order, const struct confine_plan *plan, int link, int gate);
