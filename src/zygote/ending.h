/* SPDX-License-Identifier: Apache-2.0
 * ending.h: lets Py_FinalizeEx() return when all that a script can see of it is done: its last atexit function has run, its
 * objects are finalized, its streams are flushed. What would be left takes the interpreter's own memory apart, every string and
 * type of the zygote's among it, page by page, in a process that is about to be gone: docs/decisions/0050.
 */
#pragma once
#include <stdbool.h>

/* In the zygote, once, with the interpreter's lock. False: this Python does not offer what it takes, and ends as ever. */
bool ending_prepare(void);

/* In the guest, when nothing can make the rest of the end fail. Without it the interpreter goes the whole way. */
void ending_arm(void);

/* In the zygote, after a rehearsal that did not end well: it goes the whole way in every guest. */
void ending_forgo(void);
