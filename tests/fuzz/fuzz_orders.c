/* SPDX-License-Identifier: Apache-2.0
 * Orders: whatever bytes come with however many descriptors, either an order arrives whole or nothing of it is kept.
 */
#include "cell/orders.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM 2 /* descriptors that the receiver has room for */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The lowest free number tells whether one was left open. */
static int lowest_free(int any)
{
	int fd = fcntl(any, F_DUPFD_CLOEXEC, 0);

	(void)fd_close(fd);
	return fd;
}

static void check_order(const struct order *order, int r, size_t frame_size, size_t fds_count)
{
	check(r == 1 || r == -EPROTO || r == -EMSGSIZE);
	check((frame_size > sizeof *order) == (r == -EMSGSIZE));
	if (r != 1)
		return;
	check(frame_size == sizeof *order && fds_count <= ROOM && order->magic == ORDER_MAGIC);
	check(strlen(order->text) < sizeof order->text);
}

/* The first byte is the number of descriptors, the rest the frame. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int ends[2], sent[FRAME_MAX_FDS], got[ROOM];
	struct order order;

	if (size < 2 || size - 1 > FRAME_MAX_BYTES || frame_new_pair(ends) < 0)
		return 0;

	size_t fds_count = bytes[0] % (FRAME_MAX_FDS + 1);
	int free_before = lowest_free(ends[0]);

	array_for_each(sent, fd)
		*fd = ends[0];
	check(frame_send(ends[0], bytes + 1, size - 1, sent, fds_count) == 0);

	int r = order_recv(ends[1], &order, got, ROOM);

	check_order(&order, r, size - 1, fds_count);
	for (size_t i = 0; i < ROOM; i++) {
		check((got[i] >= 0) == (r == 1 && i < fds_count));
		(void)fd_close(got[i]);
	}
	check(lowest_free(ends[0]) == free_before);
	(void)fd_close(ends[0]);
	(void)fd_close(ends[1]);
	return 0;
}
