/* SPDX-License-Identifier: Apache-2.0
 * notice.h: a guest's last words. When all of its own is done and nothing is left but to be taken apart by the kernel, it stops in
 * exit_group(2), by a call that a seccomp filter of its own reports to whoever holds the filter's listener: docs/decisions/0051.
 */
#pragma once

/* In the zygote, once: the status that exit(3) is called with is noted for all guests. */
void notice_prepare(void);

/* In a guest, before it is confined: gives it the filter. Returns the listener, for the warden; the guest must not keep it. -errno. */
int notice_open(void);
