/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/listener.h"

#include "spec/refused.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>

/* All that is decided about a call is decided by its number and its plain arguments, which the kernel has copied: none is a pointer. */
static void judge(const struct seccomp_notif *notif, struct listener_call *ret_call)
{
	*ret_call = (struct listener_call){ .id = notif->id, .what = REFUSED_COUNT, .error = ENOSYS };
	if (notif->data.nr == FILTER_END_CALL) {
		ret_call->is_end = true;
		ret_call->status = (int)(notif->data.args[1] & 0xff);
	} else {
		ret_call->what = filters_judge(&notif->data, &ret_call->error);
	}
}

int listener_hear(int fd, struct listener_call *ret_call)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	union {
		struct seccomp_notif notif;
		char room[512]; /* a later kernel's may be longer; has to be all zero */
	} heard = { .room = { 0 } };

	/* When no caller waits, the ioctl does, and before Linux 6.11 it then does not even end with the last of them. */
	if (poll(&polled, 1, 0) < 0)
		return -errno;
	if (!(polled.revents & POLLIN))
		return polled.revents ? -EPIPE : 0;
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &heard) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno; /* it has been killed meanwhile */
	judge(&heard.notif, ret_call);
	return 1;
}

int listener_refuse(int fd, const struct listener_call *call)
{
	/* No flag: there is one, and it would let the call go on. */
	struct seccomp_notif_resp refusal = { .id = call->id, .error = -call->error };

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &refusal) < 0 ? -errno : 0;
}
