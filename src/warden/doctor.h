/* SPDX-License-Identifier: Apache-2.0
 * doctor.h: the kernel's features, checked one by one, and the proof that a cell runs a program here.
 */
#pragma once
#include "warden/options.h"

/* Before every start: 0, or the first miss with a sentence that says what to do. */
int doctor_guard(const struct options *options, struct err *err);

/* For people: a line per check on standard output, then print(2 + 2) in a real cell. Returns the exit status: 0, or 3. */
int doctor_report(const struct options *options);
