/* SPDX-License-Identifier: Apache-2.0
 * stack.h: what functions that have returned leave behind on the stack.
 */
#pragma once

/* Overwrites the stack below the caller, 64 KiB of it: for a loop whose turns have handled what is not to be found later. */
void stack_wipe(void);
