/* SPDX-License-Identifier: Apache-2.0
 * outcome.h: keeps what a run left behind, past the call that told of it: until a reply is sent, or all cases have ended.
 */
#pragma once
#include "service/run.h"

/* Moves both streams out of the outcome and copies the rest. NULL: no memory; then the outcome still has all. */
struct run_outcome *outcome_keep(struct run_outcome *outcome);
void outcome_free(struct run_outcome *outcome);
