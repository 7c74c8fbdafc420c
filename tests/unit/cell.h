/* SPDX-License-Identifier: Apache-2.0
 * cell.h: a cell without its guest, for tests: they hold the warden's end of the init's link and the guest's end of its gate.
 */
#pragma once
#include "nest.h"
#include "unit.h"

#define SERIAL   77
#define GUEST_ID (IDS_FIRST_GUEST + 1)
#define INIT_ID  (IDS_FIRST_INIT + 1)

struct cell {
	struct nest nest;
	int pidfd, link, gate, namespaces[NS_COUNT];
	struct order named; /* ORDER_NAMESPACES, as the guest got it */
};

static inline void cell_open(struct cell *cell)
{
	struct limits limits = limits_default();
	struct order order = {
		.type = ORDER_CELL,
		.serial = SERIAL,
		.cell = { .slot = 1,
			  .guest_id = GUEST_ID,
			  .init_id = INIT_ID,
			  .disk_bytes = limits.disk_bytes,
			  .disk_files = limits.disk_files },
	};
	int link[2], gate[2];

	nest_open(&cell->nest, "/usr/bin/python3", STAY);
	assert_int_equal(frame_new_pair(link), 0);
	assert_int_equal(frame_new_pair(gate), 0);
	cell->link = link[0];
	cell->gate = gate[0];
	assert_int_equal(order_send(cell->nest.nursery.link, &order, (int[]){ link[1], gate[1] }, 2), 0);
	(void)fd_close(link[1]);
	(void)fd_close(gate[1]);
	order = nest_receive(cell->nest.nursery.link, ORDER_CELL_BORN, &cell->pidfd, 1);
	assert_int_equal(order.serial, SERIAL);
	assert_true(cell->pidfd >= 0);
	order = nest_receive(cell->link, ORDER_INIT_UP, cell->namespaces, NS_COUNT);
	assert_int_equal(order.serial, SERIAL);
	cell->named = nest_receive(cell->gate, ORDER_NAMESPACES, NULL, 0);
}

/* As the guest does when it is confined. */
static inline void cell_make_ready(struct cell *cell)
{
	struct order ready = { .type = ORDER_CELL_READY };

	assert_int_equal(order_send(cell->gate, &ready, NULL, 0), 0);
	assert_int_equal(nest_receive(cell->link, ORDER_CELL_READY, NULL, 0).serial, SERIAL);
}

static inline void cell_close(struct cell *cell)
{
	cell->pidfd = fd_close(cell->pidfd);
	cell->link = fd_close(cell->link);
	cell->gate = fd_close(cell->gate);
	array_for_each(cell->namespaces, fd)
		*fd = fd_close(*fd);
	nest_close(&cell->nest);
}
