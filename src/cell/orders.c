/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/orders.h"

#include <assert.h>

const char *const namespace_paths[NS_COUNT] = {
	[NS_PID] = "/proc/self/ns/pid", [NS_MNT] = "/proc/self/ns/mnt", [NS_NET] = "/proc/self/ns/net",
	[NS_IPC] = "/proc/self/ns/ipc", [NS_UTS] = "/proc/self/ns/uts",
};

_Static_assert(sizeof(struct order) <= FRAME_MAX_BYTES, "an order fits a frame");

int order_send(int socket, struct order *order, const int *fds, size_t fds_count)
{
	order->magic = ORDER_MAGIC;
	return frame_send(socket, order, sizeof *order, fds, fds_count);
}

int order_recv(int socket, struct order *ret_order, int *ret_fds, size_t fds_room)
{
	int fds[FRAME_MAX_FDS]; /* of a refused frame, numbers of closed descriptors stay behind here */
	size_t count = 0;

	assert(fds_room <= ARRAY_SIZE(fds));
	for (size_t i = 0; i < fds_room; i++)
		ret_fds[i] = -EBADF;

	ssize_t n = frame_recv(socket, ret_order, sizeof *ret_order, fds, fds_room, &count);

	if (n <= 0)
		return (int)n;
	if ((size_t)n != sizeof *ret_order || ret_order->magic != ORDER_MAGIC) {
		for (size_t i = 0; i < count; i++)
			(void)fd_close(fds[i]);
		return -EPROTO;
	}
	for (size_t i = 0; i < count; i++)
		ret_fds[i] = fds[i];
	ret_order->text[sizeof ret_order->text - 1] = '\0';
	return 1;
}
