/* SPDX-License-Identifier: Apache-2.0
 * handover.h: what a supervisor that reloads leaves to the program that takes its place. A reload is an execve(2) of the program as it
 * is on the disk now, with the same arguments: same pid, same children, and the descriptors named here stay open. So a new
 * configuration and a new version come in by the same way.
 */
#pragma once
#include "base/err.h"

#include <sys/types.h>

#define HANDOVER_VARIABLE "SAFEXEC_HANDOVER"
#define HANDOVER_CHECK    "check" /* the variable's value for a program that is only to say whether it would start */

struct handover {
	int listen_fd, warden_fd;
	pid_t warden, front; /* front: 0 when there is none just now */
	int front_fd;        /* -EBADF: none, as the next two */
	uint32_t front_uid, front_gid;
	pid_t store, sender; /* 0: none */
	int store_fd, sender_fd;
	unsigned turn; /* of these children; the next ones' is one more */
};

#define HANDOVER_TEXT_BYTES 256

/* Writes it as text, and reads it back. -EBADMSG: not what this version writes. */
void handover_write(const struct handover *handover, char text[static HANDOVER_TEXT_BYTES]);
int handover_read(const char *text, struct handover *ret_handover);

/* Starts this program's file afresh, with our own arguments and environment, to check whether it would start. Stores its pid. */
int handover_start_check(pid_t *ret_pid, struct err *err);

/* Becomes this program's file afresh. Returns only when that fails. */
int handover_exec(const struct handover *handover, struct err *err);
