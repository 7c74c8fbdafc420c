/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	int ends[2];
};

static void pair_close(struct pair *pair)
{
	pair->ends[0] = fd_close(pair->ends[0]);
	pair->ends[1] = fd_close(pair->ends[1]);
}

static struct pair pair_new(void)
{
	struct pair pair;

	assert_int_equal(frame_new_pair(pair.ends), 0);
	return pair;
}

static void both_ends_of_a_pair_are_close_on_exec(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();

	(void)state;
	array_for_each(pair.ends, end)
		assert_int_equal(fcntl(*end, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void a_frame_arrives_whole_with_its_descriptors_close_on_exec(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	_cleanup_(fd_closep) int sent = fd_new_sealed("test", "hello", 5);
	int fds[FRAME_MAX_FDS];
	char frame[16], text[8] = "";
	size_t count;

	(void)state;
	assert_int_equal(frame_send(pair.ends[0], "frame", 5, (int[]){ sent, sent }, 2), 0);
	assert_int_equal(frame_recv(pair.ends[1], frame, sizeof frame, fds, ARRAY_SIZE(fds), &count), 5);
	assert_memory_equal(frame, "frame", 5);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		assert_int_equal(pread(fds[i], text, sizeof text, 0), 5);
		assert_string_equal(text, "hello");
		fd_close(fds[i]);
	}
}

#define STRANGER 54321

/* Sends as another user, with credentials as he likes; his errno, or 0. */
static int send_as_stranger(int socket, const struct ucred *claimed, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof *claimed)];
	} control = { .header = { CMSG_LEN(sizeof *claimed), SOL_SOCKET, SCM_CREDENTIALS } };
	char text[] = "frame";
	struct iovec part = { text, 5 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (claimed)
			memcpy(CMSG_DATA(&control.header), claimed, sizeof *claimed);
		if (setresuid(STRANGER, STRANGER, STRANGER) < 0)
			_exit(200);
		if (claimed)
			_exit(sendmsg(socket, &message, 0) < 0 ? errno : 0);
		_exit(-frame_send(socket, "frame", 5, &fd, 1));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static ssize_t receive_of(struct pair *pair, uid_t sender, size_t *ret_fds_count)
{
	const uid_t senders[] = { 7, sender };
	char frame[16];
	int fd = -EBADF;
	ssize_t n = frame_recv_of(pair->ends[1], frame, sizeof frame, &fd, 1, ret_fds_count, senders, ARRAY_SIZE(senders));

	if (n > 0 && *ret_fds_count > 0)
		(void)fd_close(fd); /* of a refused one unit_check_fds tells */
	return n;
}

static void a_frame_of_another_user_is_refused_with_its_descriptors(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	_cleanup_(fd_closep) int sent = fd_new_sealed("test", "hello", 5);
	const struct ucred ours = { getpid(), getuid(), getgid() };
	size_t count = 9;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(frame_send(pair.ends[0], "early", 5, &sent, 1), 0); /* before senders are noted: nobody's */
	assert_int_equal(frame_note_senders(pair.ends[1]), 0);
	assert_int_equal(receive_of(&pair, getuid(), &count), -EACCES);
	assert_int_equal(count, 0);
	assert_int_equal(send_as_stranger(pair.ends[0], NULL, sent), 0);
	assert_int_equal(receive_of(&pair, getuid(), &count), -EACCES);
	assert_int_equal(send_as_stranger(pair.ends[0], NULL, sent), 0);
	assert_int_equal(receive_of(&pair, STRANGER, &count), 5);
	assert_int_equal(count, 1);
	assert_int_equal(frame_send(pair.ends[0], "frame", 5, &sent, 1), 0);
	assert_int_equal(receive_of(&pair, STRANGER, &count), -EACCES);
	assert_int_equal(frame_send(pair.ends[0], "frame", 5, &sent, 1), 0);
	assert_int_equal(receive_of(&pair, getuid(), &count), 5);
	/* What he says of himself the kernel does not believe, unix(7). */
	assert_int_equal(send_as_stranger(pair.ends[0], &ours, -EBADF), EPERM);
}

static void the_end_and_the_lack_of_frames_are_nobodys(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	size_t count;

	(void)state;
	assert_int_equal(frame_note_senders(pair.ends[1]), 0);
	assert_int_equal(fd_set_nonblock(pair.ends[1], true), 0);
	assert_int_equal(receive_of(&pair, getuid(), &count), -EAGAIN);
	pair.ends[0] = fd_close(pair.ends[0]);
	assert_int_equal(receive_of(&pair, getuid(), &count), 0);
}

static void frames_do_not_run_together(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	char frame[16];
	size_t count;

	(void)state;
	assert_int_equal(frame_send(pair.ends[0], "one", 3, NULL, 0), 0);
	assert_int_equal(frame_send(pair.ends[0], "three", 5, NULL, 0), 0);
	assert_int_equal(frame_recv(pair.ends[1], frame, sizeof frame, NULL, 0, &count), 3);
	assert_int_equal(count, 0);
	assert_int_equal(frame_recv(pair.ends[1], frame, sizeof frame, NULL, 0, &count), 5);
}

static void a_frame_of_the_greatest_size_with_the_most_descriptors_passes(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	static char out[FRAME_MAX_BYTES], in[FRAME_MAX_BYTES];
	int fds[FRAME_MAX_FDS], got[FRAME_MAX_FDS];
	size_t count;

	(void)state;
	memset(out, 'x', sizeof out);
	array_for_each(fds, fd)
		*fd = pair.ends[0];
	assert_int_equal(frame_send(pair.ends[0], out, sizeof out, fds, FRAME_MAX_FDS), 0);
	assert_int_equal(frame_recv(pair.ends[1], in, sizeof in, got, FRAME_MAX_FDS, &count), FRAME_MAX_BYTES);
	assert_int_equal(count, FRAME_MAX_FDS);
	assert_memory_equal(in, out, sizeof in);
	array_for_each(got, fd)
		fd_close(*fd);
}

static void an_unwelcome_packet_is_refused_and_its_descriptors_closed(void **state)
{
	static const struct {
		size_t size, fds, room, fds_room;
		int want;
	} cases[] = {
		{ 8, 1, 7, 1, -EMSGSIZE }, /* too long */
		{ 8, 1, 8, 0, -EPROTO },   /* a descriptor that nobody asked for */
		{ 8, 4, 8, 3, -EPROTO },   /* one too many */
		{ 8, FRAME_MAX_FDS, 8, 1, -EPROTO },
		{ 9, 2, 8, 1, -EMSGSIZE }, /* both */
	};

	(void)state;
	array_for_each(cases, c) {
		_cleanup_(pair_close) struct pair pair = pair_new();
		int fds[FRAME_MAX_FDS], got[FRAME_MAX_FDS], before = unit_count_fds();
		char frame[16] = "";
		size_t count;

		array_for_each(fds, fd)
			*fd = pair.ends[0];
		assert_int_equal(frame_send(pair.ends[0], frame, c->size, fds, c->fds), 0);
		assert_int_equal(frame_recv(pair.ends[1], frame, c->room, got, c->fds_room, &count), c->want);
		assert_int_equal(unit_count_fds(), before);
	}
}

/* More descriptors than a frame may carry, sent by somebody who does not use frame_send. */
static void a_flood_of_descriptors_is_refused_and_closed(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	int fds[FRAME_MAX_FDS * 4], got[FRAME_MAX_FDS];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof fds)];
	} control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds) } };
	char frame[8] = "";
	struct iovec part = { .iov_base = frame, .iov_len = sizeof frame };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	size_t count;

	(void)state;
	array_for_each(fds, fd)
		*fd = pair.ends[0];
	memcpy(CMSG_DATA(&control.header), fds, sizeof fds);

	int before = unit_count_fds();

	assert_int_equal(sendmsg(pair.ends[0], &message, 0), sizeof frame);
	assert_int_equal(frame_recv(pair.ends[1], frame, sizeof frame, got, ARRAY_SIZE(got), &count), -EPROTO);
	assert_int_equal(unit_count_fds(), before);
}

static void a_closed_end_reads_as_zero_and_refuses_frames_without_a_signal(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	char frame[8];
	size_t count;

	(void)state;
	pair.ends[0] = fd_close(pair.ends[0]);
	assert_int_equal(frame_recv(pair.ends[1], frame, sizeof frame, NULL, 0, &count), 0);
	assert_int_equal(frame_send(pair.ends[1], "x", 1, NULL, 0), -EPIPE);
}

static void nothing_to_read_is_eagain_on_a_nonblocking_end(void **state)
{
	_cleanup_(pair_close) struct pair pair = pair_new();
	char frame[8];
	size_t count;

	(void)state;
	assert_int_equal(fd_set_nonblock(pair.ends[1], true), 0);
	assert_int_equal(frame_recv(pair.ends[1], frame, sizeof frame, NULL, 0, &count), -EAGAIN);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(both_ends_of_a_pair_are_close_on_exec),
	cmocka_unit_test(a_frame_arrives_whole_with_its_descriptors_close_on_exec),
	cmocka_unit_test(a_frame_of_another_user_is_refused_with_its_descriptors),
	cmocka_unit_test(the_end_and_the_lack_of_frames_are_nobodys),
	cmocka_unit_test(frames_do_not_run_together),
	cmocka_unit_test(a_frame_of_the_greatest_size_with_the_most_descriptors_passes),
	cmocka_unit_test(an_unwelcome_packet_is_refused_and_its_descriptors_closed),
	cmocka_unit_test(a_flood_of_descriptors_is_refused_and_closed),
	cmocka_unit_test(a_closed_end_reads_as_zero_and_refuses_frames_without_a_signal),
	cmocka_unit_test(nothing_to_read_is_eagain_on_a_nonblocking_end),
};

unit_main(tests)
