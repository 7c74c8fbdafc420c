/* SPDX-License-Identifier: Apache-2.0
 * clock.h: time as nanoseconds of CLOCK_MONOTONIC; setting the wall clock changes nothing here.
 */
#pragma once
#include "base/macro.h"

typedef uint64_t nsec_t; /* the one typedef: a unit, not a shape */

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC  UINT64_C(1000000000)

nsec_t clock_now(void);
