/* SPDX-License-Identifier: Apache-2.0
 * streams.h: what a guest prints at its very end is not lost. Python flushes its streams once more when nobody holds them; the modules
 * that a zygote keeps for ever may hold them, as a default of an argument will do.
 */
#pragma once

/* In the zygote, once, with the interpreter's lock: keeps sys.stdout and sys.stderr. -1: a Python exception is set. */
int streams_prepare(void);

/* In the guest, after its last atexit function: what is still in them goes out when all modules are gone. */
void streams_arm(void);
