/* SPDX-License-Identifier: Apache-2.0
 * notify.h: tells a service manager how the server is, as sd_notify(3) does: one datagram to the socket in NOTIFY_SOCKET. Without
 * one every call does nothing. What may be sent: READY=1, RELOADING=1, STOPPING=1, WATCHDOG=1, STATUS=text, by lines.
 */
#pragma once
#include "base/clock.h"
#include "base/macro.h"

/* Sends the lines; nobody is told when that fails, because there is nobody. */
void notify_send(const char *format, ...) _printf_(1, 2);

/* How often at least WATCHDOG=1 has to come, or 0: nobody waits for it, or for it from another process. sd_watchdog_enabled(3) */
nsec_t notify_watchdog_period(void);
