/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/orders.h"

#include <assert.h>
#include <string.h>

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

static int receive(int socket, struct order *ret_order, int *ret_fds, size_t fds_room, const uid_t *senders, size_t senders_count)
{
	int fds[FRAME_MAX_FDS]; /* of a refused frame, numbers of closed descriptors stay behind here */
	size_t count = 0;
	ssize_t n;

	assert(fds_room <= ARRAY_SIZE(fds));
	for (size_t i = 0; i < fds_room; i++)
		ret_fds[i] = -EBADF;
	if (senders)
		n = frame_recv_of(socket, ret_order, sizeof *ret_order, fds, fds_room, &count, senders, senders_count);
	else
		n = frame_recv(socket, ret_order, sizeof *ret_order, fds, fds_room, &count);
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

int order_recv(int socket, struct order *ret_order, int *ret_fds, size_t fds_room)
{
	return receive(socket, ret_order, ret_fds, fds_room, NULL, 0);
}

int order_recv_of(int socket, struct order *ret_order, int *ret_fds, size_t fds_room, const uid_t *senders, size_t senders_count)
{
	return receive(socket, ret_order, ret_fds, fds_room, senders, senders_count);
}

int order_send_job(int socket, struct order *order, const int fds[ORDER_JOB_FDS])
{
	int there[ORDER_JOB_FDS];
	size_t count = 0;

	for (size_t i = 0; i < ORDER_JOB_FDS; i++) {
		if (fds[i] >= 0)
			there[count++] = fds[i];
	}
	return order_send(socket, order, there, count);
}

void order_sort_job(const struct order *order, bool has_program, int fds[ORDER_JOB_FDS])
{
	const bool is_there[ORDER_JOB_FDS] = {
		[JOB_PROGRAM] = has_program,
		[JOB_STDIN] = (order->job.flags & WIRE_JOB_STDIN) != 0,
		[JOB_REPORT] = (order->job.flags & WIRE_JOB_REPORT) != 0,
	};
	int got[ORDER_JOB_FDS];
	size_t next = 0;

	memcpy(got, fds, sizeof got);
	for (size_t i = 0; i < ORDER_JOB_FDS; i++)
		fds[i] = is_there[i] ? got[next++] : -EBADF;
	for (; next < ORDER_JOB_FDS; next++)
		(void)fd_close(got[next]);
}
