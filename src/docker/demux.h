/* SPDX-License-Identifier: Apache-2.0
 * demux.h: takes apart the one stream in which the Engine sends a container's stdout and stderr: frames of an 8-byte head
 * (stream, three zeros, size as big-endian 32 bits) and their bytes. Pure; keeps nothing but its place.
 */
#pragma once
#include "base/macro.h"

#define DEMUX_HEAD_BYTES 8
#define DEMUX_MAX_FRAME  (16 * MIB) /* an Engine sends 32 KiB at once; more than this is nonsense */

enum { DEMUX_STDOUT = 1, DEMUX_STDERR = 2 };

struct demux {
	uint8_t head[DEMUX_HEAD_BYTES];
	size_t head_bytes; /* of it that are there */
	uint32_t left;     /* of the frame's bytes */
};

struct demux_piece {
	int stream; /* DEMUX_STDOUT or DEMUX_STDERR */
	const char *bytes;
	size_t size; /* at least 1 */
};

/* Moves *at and *size past the next piece of a frame and stores it; it points into the caller's bytes. 1: a piece; 0: all
 * bytes are taken; -EBADMSG: this is no such stream, and the demux is of no use any more. */
int demux_next(struct demux *demux, const char **at, size_t *size, struct demux_piece *ret_piece);

/* Whether the stream may end here: between two frames. */
_Bool demux_may_end(const struct demux *demux);
