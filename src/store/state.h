/* SPDX-License-Identifier: Apache-2.0
 * state.h: the folder of the store. It is made and handed to the store's user while that is still root, and becomes the working
 * folder, so that nothing depends on its path afterwards.
 */
#pragma once
#include "sandbox/sandbox.h"

/* Makes it when it is missing, and enters it. Stores a descriptor of it. -errno with a sentence. */
int state_enter(const char *path, int *ret_folder, struct err *err);

/* Gives the folder and the files of ours in it to the ids; others are left alone. */
int state_hand_over(int folder, const struct sandbox_ids *ids, struct err *err);

/* Becomes the owner of the folder, when we are root and that is another: the database may hold anything, and is not for root to
 * read. -errno with a sentence. */
int state_become_owner(int folder, struct err *err);

/* Opens the file whose lock says which store may change jobs and write the audit log; it is held until the descriptor is closed. */
int state_open_lock(int folder, int *ret_lock, struct err *err);

/* -EBUSY: another store has it: another server's, or our own before a reload. */
int state_take_lock(int lock);
