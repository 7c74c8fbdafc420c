/* SPDX-License-Identifier: Apache-2.0
 * prefault.h: gives a waiting guest its own copy of the pages that every script writes to, so that the faults are not on a
 * request's path. One madvise(2) a region costs a quarter of the single faults it replaces.
 */
#pragma once

/* Remembers the zygote's private writable regions. */
void prefault_prepare(void);

/* Copies them, in the guest. A kernel without MADV_POPULATE_WRITE (before 5.14) leaves the faults to the script. */
void prefault(void);
