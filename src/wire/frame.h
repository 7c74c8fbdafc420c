/* SPDX-License-Identifier: Apache-2.0
 * frame.h: fixed-size frames with descriptors over SOCK_SEQPACKET sockets. One frame is one packet; a packet of another
 * size, with other descriptors than announced, or cut short is refused and every descriptor in it closed.
 */
#pragma once
#include "base/fd.h"

#include <sys/types.h>

#define FRAME_MAX_FDS   12
#define FRAME_MAX_BYTES 1024

/* A connected pair, both ends close-on-exec and blocking. */
int frame_new_pair(int ret_fds[2]);

/* Sends one frame. Never raises SIGPIPE. -EPIPE or -ECONNRESET: nobody reads any more; -EAGAIN on a full non-blocking socket. */
int frame_send(int socket, const void *frame, size_t size, const int *fds, size_t fds_count);

/* From now on the kernel notes with each frame who sends it, for frame_recv_of: to be called before the other end is given away. -errno. */
int frame_note_senders(int socket);

/* Receives one frame of at most size bytes into frame, its descriptors into fds (close-on-exec) and their number into
 * *ret_fds_count. Returns the frame's size. 0: the other end is closed. -EAGAIN; -EMSGSIZE: longer than size;
 * -EPROTO: more than fds_room descriptors, or an empty packet with some. On any error no descriptor is kept. */
ssize_t frame_recv(int socket, void *frame, size_t size, int *fds, size_t fds_room, size_t *ret_fds_count);

/* The same on a socket that notes its senders. -EACCES: it comes from none of these users (their real ids, as this process sees them), and
 * no descriptor is kept. */
ssize_t frame_recv_of(int socket, void *frame, size_t size, int *fds, size_t fds_room, size_t *ret_fds_count, const uid_t *senders,
		      size_t senders_count);
