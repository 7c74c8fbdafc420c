/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/demux.h"

#include <errno.h>
#include <string.h>

/* Returns 0 when the head is whole and right. */
static int read_head(struct demux *demux)
{
	const uint8_t *head = demux->head;

	if ((head[0] != DEMUX_STDOUT && head[0] != DEMUX_STDERR) || head[1] || head[2] || head[3])
		return -EBADMSG;
	demux->left = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
	return demux->left > DEMUX_MAX_FRAME ? -EBADMSG : 0;
}

int demux_next(struct demux *demux, const char **at, size_t *size, struct demux_piece *ret_piece)
{
	while (*size > 0) {
		if (demux->head_bytes < DEMUX_HEAD_BYTES) {
			demux->head[demux->head_bytes++] = (uint8_t)(*at)[0];
			(*at)++;
			(*size)--;

			int r = demux->head_bytes == DEMUX_HEAD_BYTES ? read_head(demux) : 0;

			if (r < 0)
				return r;
			continue; /* there may be no byte behind it */
		}
		if (demux->left == 0) { /* an empty frame, or the end of one */
			demux->head_bytes = 0;
			continue;
		}

		size_t taken = *size < demux->left ? *size : demux->left;

		*ret_piece = (struct demux_piece){ .stream = demux->head[0], .bytes = *at, .size = taken };
		*at += taken;
		*size -= taken;
		demux->left -= (uint32_t)taken;
		if (demux->left == 0)
			demux->head_bytes = 0;
		return 1;
	}
	return 0;
}

_Bool demux_may_end(const struct demux *demux)
{
	return demux->head_bytes == 0 || (demux->head_bytes == DEMUX_HEAD_BYTES && demux->left == 0);
}
