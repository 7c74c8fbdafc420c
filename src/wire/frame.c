/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union fds_message { /* aligned as cmsg(3) wants it */
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FRAME_MAX_FDS * sizeof(int))];
};

#define NOBODY ((uid_t)-1) /* no user has it, credentials(7) */

int frame_new_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

int frame_note_senders(int socket)
{
	return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)) < 0 ? -errno : 0;
}

int frame_send(int socket, const void *frame, size_t size, const int *fds, size_t fds_count)
{
	assert(size > 0 && size <= FRAME_MAX_BYTES && fds_count <= FRAME_MAX_FDS);

	union fds_message control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)frame, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fds_count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fds_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fds_count * sizeof(int));
	}
	for (;;) {
		ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		return (size_t)n == size ? 0 : -EIO;
	}
}

/* Takes the descriptors out of the message; those that do not fit are closed. Returns how many there were. */
static size_t take_fds(struct msghdr *message, int *fds, size_t fds_room)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (count < fds_room)
				fds[count] = fd;
			else
				(void)fd_close(fd);
			count++;
		}
	}
	return count;
}

static uid_t find_sender(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct ucred sender;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len < CMSG_LEN(sizeof sender))
			continue;
		memcpy(&sender, CMSG_DATA(c), sizeof sender);
		return sender.pid > 0 ? sender.uid : NOBODY; /* 0: sent before they were noted */
	}
	return NOBODY;
}

static ssize_t receive(int socket, void *frame, size_t size, int *fds, size_t fds_room, size_t *ret_fds_count, uid_t *ret_sender)
{
	union fds_message control;
	struct iovec part = { .iov_base = frame, .iov_len = size };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t n;

	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	size_t count = take_fds(&message, fds, fds_room);

	/* An empty packet looks like the end, where nobody expects descriptors. */
	if (count > fds_room || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || (n == 0 && count > 0)) {
		for (size_t i = 0; i < count && i < fds_room; i++)
			(void)fd_close(fds[i]);
		return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : -EPROTO;
	}
	*ret_sender = find_sender(&message);
	*ret_fds_count = count;
	return n;
}

ssize_t frame_recv(int socket, void *frame, size_t size, int *fds, size_t fds_room, size_t *ret_fds_count)
{
	uid_t sender = NOBODY;

	return receive(socket, frame, size, fds, fds_room, ret_fds_count, &sender);
}

ssize_t frame_recv_of(int socket, void *frame, size_t size, int *fds, size_t fds_room, size_t *ret_fds_count, const uid_t *senders,
		      size_t senders_count)
{
	uid_t sender = NOBODY;
	ssize_t n = receive(socket, frame, size, fds, fds_room, ret_fds_count, &sender);

	if (n <= 0)
		return n;
	for (size_t i = 0; i < senders_count; i++) {
		if (senders[i] == sender && sender != NOBODY)
			return n;
	}
	for (size_t i = 0; i < *ret_fds_count; i++)
		(void)fd_close(fds[i]);
	*ret_fds_count = 0;
	return -EACCES;
}
