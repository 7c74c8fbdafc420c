/* SPDX-License-Identifier: Apache-2.0
 * wipe.h: in the program that this is linked into, memory is wiped when it is freed, by whomever.
 */
#pragma once

/* In main, first. Large pieces then go back to the kernel at once, instead of being kept for later. */
void wipe_begin(void);
