/* SPDX-License-Identifier: Apache-2.0
 * prefault.h: gives a waiting guest its own copy of the pages that a script writes to, so that the faults are not on a
 * request's path: one madvise(2) a range costs a quarter of the single faults that it replaces. Which pages these are, the
 * zygote learns from a rehearsal: a child that runs an empty script to its end, and at the very end looks which pages have
 * become its own. Without a rehearsal's report every writable page of the zygote is copied.
 */
#pragma once
#include <stdbool.h>

/* Remembers the zygote's private writable regions; once it is warm. */
void prefault_prepare(void);

/* In the rehearsal's child: at its exit the ranges that it has written to go to fd. -ENOMEM. */
int prefault_report_at_exit(int fd);

/* In the zygote: takes the ranges over from the other end, until its end of file. False: there were none, nothing changed. */
bool prefault_learn(int fd);

/* Copies them, in the guest. A kernel without MADV_POPULATE_WRITE (before 5.14) leaves the faults to the script. */
void prefault(void);
