/* SPDX-License-Identifier: Apache-2.0
 * The Engine's stream: however it is cut, the same pieces come out, each from within the bytes given.
 */
#include "docker/demux.h"

#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

struct sum {
	size_t counts[2];
	uint32_t hashes[2]; /* of the bytes of each stream */
	int last;
};

static struct sum feed(const char *bytes, size_t size, size_t step)
{
	struct demux demux = { 0 };
	struct sum sum = { 0 };

	for (size_t done = 0; done < size && sum.last >= 0; done += step) {
		const char *at = bytes + done, *begin = at;
		size_t left = size - done < step ? size - done : step, given = left;
		struct demux_piece piece;

		while ((sum.last = demux_next(&demux, &at, &left, &piece)) > 0) {
			int stream = piece.stream - DEMUX_STDOUT;

			check(stream == 0 || stream == 1);
			check(piece.size > 0 && piece.bytes >= begin && piece.bytes + piece.size == at);
			sum.counts[stream] += piece.size;
			for (size_t i = 0; i < piece.size; i++)
				sum.hashes[stream] = sum.hashes[stream] * 31 + (uint8_t)piece.bytes[i];
		}
		check(at >= begin && at + left == begin + given && (sum.last < 0 || left == 0));
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct sum whole = feed((const char *)bytes, size, size + 1), cut = feed((const char *)bytes, size, 1);

	for (int i = 0; i < 2; i++)
		check(whole.counts[i] == cut.counts[i] && whole.hashes[i] == cut.hashes[i]);
	check(whole.last == cut.last && whole.counts[0] + whole.counts[1] <= size);
	return 0;
}
