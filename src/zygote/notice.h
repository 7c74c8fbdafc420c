/* SPDX-License-Identifier: Apache-2.0
 * notice.h: a guest's last words. When all of its own is done and nothing is left but to be taken apart by the kernel, it stops in a call of
 * its own that its filter reports to whoever holds the filter's listener: docs/decisions/0051, 0064.
 */
#pragma once

/* In the zygote, once: the status that exit(3) is called with is noted for all guests. */
void notice_prepare(void);

/* In a guest, once: the end of this process is the one to be told of, not that of its children. */
void notice_begin(void);
