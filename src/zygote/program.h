/* SPDX-License-Identifier: Apache-2.0
 * program.h: what a run asked for, in Python's terms: sys.argv, os.environ, another entrypoint, the last expression's value,
 * displays, or only a look at the syntax. A run that asked for none of it pays for none of it.
 */
#pragma once
#include "zygote/guest.h"

struct _object;

/* In the zygote: keeps the module that values and displays need (_safexec.py), for ever. */
void program_take_side(struct _object *side);

/* In the zygote, while Python starts: calls begin when Python is about to open its script; it returns in guests only. -1: a Python
 * exception is set. */
int program_begin_with(struct _object *begin);

/* In a guest, before Python looks at its script. Unmaps the bundle. -1: a Python exception is set. */
int program_prepare(struct guest_job *job);
