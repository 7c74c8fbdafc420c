/* SPDX-License-Identifier: Apache-2.0
 * control.h: telling a running server that its keys have changed, from another process on the same state folder.
 */
#pragma once

#define CONTROL_PREFIX     "control-" /* and the pid of the store that listens there */
#define CONTROL_PATIENCE_S 5

/* Returns when the server goes by the new keys: 1; 0: no server is running; -ETIMEDOUT: it does not say so. In the state folder. */
int control_announce(void);
