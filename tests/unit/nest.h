/* SPDX-License-Identifier: Apache-2.0
 * nest.h: a nursery for tests. In the zygote's place is a plain python3 that runs a given text instead of sitecustomize.py,
 * so that neither the extension nor a sanitizer's library has to get into it. Needs root, and skips loudly.
 */
#pragma once
#include "cell/nursery.h"
#include "unit.h"

#include "wire/ids.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 20000 /* an emulated machine is slow */

/* Stays until the warden's end of its link is closed. */
#define STAY "import os, socket\nlink = socket.socket(fileno=3)\nlink.recv(1)\nos._exit(0)\n"

struct nest {
	struct ids ids;
	struct nursery nursery;
};

static inline void nest_open(struct nest *nest, const char *python, const char *boot)
{
	static struct confine_plan plan; /* 32 kB; the filters stay empty, because no guest is made */
	struct err err = { 0 };

	if (geteuid() != 0) {
		print_message("SKIPPED: only root can map a range of ids into a user namespace\n");
		skip();
	}
	assert_int_equal(ids_claim(&nest->ids, &err), 0);

	_cleanup_(fd_closep) int boot_fd = fd_new_sealed("boot", boot, strlen(boot));
	_cleanup_(fd_closep) int extension_fd = fd_new_sealed("extension", "none", 4);
	const struct nursery_spec spec = {
		.id_base = nest->ids.base,
		.id_count = IDS_MAPPED,
		.root = { .dir = "",
			  .guest_id_first = IDS_FIRST_GUEST,
			  .guest_ids = 2,
			  .boot_fds = { extension_fd, boot_fd, extension_fd },
			  .preload = "json re" },
		.python = python,
		.plan = &plan,
		.cgroup_fd = -EBADF,
	};

	if (nursery_start(&spec, &nest->nursery, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void nest_close(struct nest *nest)
{
	nursery_kill(&nest->nursery);
	nest->ids.claim = fd_close(nest->ids.claim);
}

/* Waits until there is something to read, or the end. */
static inline void nest_wait(int fd)
{
	struct pollfd waited = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&waited, 1, WAIT_MS), 1);
}

/* All that it prints until it dies, or until a line of one full stop. */
static inline void nest_read_output(const struct nest *nest, char *ret_text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	do {
		nest_wait(nest->nursery.output);
		n = read(nest->nursery.output, ret_text + used, size - 1 - used);
		assert_true(n >= 0);
		used += (size_t)n;
		ret_text[used] = '\0';
	} while (n > 0 && used < size - 1 && !strstr(ret_text, "\n.\n") && strcmp(ret_text, ".\n") != 0);
}

/* The next order, which has to be of that type. */
static inline struct order nest_receive(int socket, enum order_type type, int *fds, size_t fds_room)
{
	struct order order = { 0 };

	nest_wait(socket);
	assert_int_equal(order_recv(socket, &order, fds, fds_room), 1);
	if (order.type != (uint32_t)type)
		fail_msg("order %u came, not %u: %s", order.type, type, order.type == ORDER_CELL_FAILED ? order.text : "");
	return order;
}
