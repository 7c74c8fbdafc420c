/* SPDX-License-Identifier: Apache-2.0
 * orders.h: the frames between the processes of the native provider. None of them ever holds a byte of a run: files
 * travel as descriptors that only the cell itself reads.
 *
 *   warden  <-> nursery   ORDER_CELL: make a cell's init             -> ORDER_CELL_BORN with its pidfd
 *   warden  <-> zygote    ORDER_FORKER: copy yourself for a slot     -> ORDER_HELLO with the copy's pidfd
 *   warden  <-> zygote    ORDER_GUEST: fork a guest into a cell      -> ORDER_GUEST_BORN; later ORDER_GUEST_EXIT (from the zygote)
 *   warden  <-> init      ORDER_INIT_UP with its namespaces, ORDER_LISTENER, ORDER_CELL_READY or ORDER_CELL_FAILED; ORDER_JOB -> ORDER_STARTED or ORDER_REFUSED;
 *                         at the end ORDER_DISK both ways, or ORDER_COLLECT -> ORDER_DISK with the files
 *   init    <-> guest     ORDER_NAMESPACES; ORDER_LISTENER, ORDER_CELL_READY or ORDER_CELL_FAILED; with a bundle ORDER_UNPACK -> ORDER_UNPACKED or ORDER_REFUSED;
 *                         ORDER_GO  (the "gate", closed before Python goes on)
 */
#pragma once
#include "spec/limits.h"
#include "wire/frame.h"
#include "wire/provider.h"

#include <sys/types.h>

#define ORDER_MAGIC 0x4c4c4543u /* "CELL" */

enum order_type {
	ORDER_CELL = 1,
	ORDER_CELL_BORN,
	ORDER_FORKER,
	ORDER_HELLO,
	ORDER_GUEST,
	ORDER_GUEST_BORN,
	ORDER_GUEST_EXIT,
	ORDER_INIT_UP,
	ORDER_NAMESPACES,
	ORDER_CELL_READY,
	ORDER_CELL_FAILED,
	ORDER_JOB,
	ORDER_STARTED,
	ORDER_DISK,
	ORDER_GO,
	ORDER_UNPACK,
	ORDER_UNPACKED,
	ORDER_REFUSED,
	ORDER_COLLECT,
	ORDER_LISTENER, /* the guest's to init, init's to the warden; descriptor: on which its refused calls and its end are heard */
};

/* What ORDER_JOB carries: the code or the bundle, then what its flags say; -EBADF for what is not there. */
enum { JOB_PROGRAM, JOB_STDIN, JOB_REPORT, ORDER_JOB_FDS };

/* The namespaces of a cell, in the order in which their descriptors travel. They are handed on rather than found by
 * way of the init's pidfd: setns(2) by pidfd needs leave to trace the init, which nobody has. */
enum { NS_PID, NS_MNT, NS_NET, NS_IPC, NS_UTS, NS_COUNT };

/* What ORDER_GUEST carries: the namespaces, then these; the cgroup on version 2 only. */
enum { GUEST_STDOUT = NS_COUNT, GUEST_STDERR, GUEST_GATE, GUEST_CGROUP, GUEST_FDS };

/* Their names below /proc/self/ns. */
extern const char *const namespace_paths[NS_COUNT];

/* One shape for all of them: a frame is never partly used, and a wrong size is a wrong frame. */
struct order {
	uint32_t magic, type;
	uint64_t serial; /* of the cell */
	union {
		struct {
			uint32_t slot, guest_id, init_id; /* ids inside the user namespace, for uid and gid alike */
			uint64_t disk_bytes, disk_files;
		} cell; /* ORDER_CELL: descriptors init's link, init's gate. ORDER_GUEST: see above */
		struct {
			int32_t pid, status; /* as wait(2) has it */
		} guest;                     /* ORDER_GUEST_BORN: pid as the zygote sees it; ORDER_GUEST_EXIT */
		struct {
			uint32_t flags; /* WIRE_JOB_... */
			uint32_t zero;
			struct limits limits;
		} job; /* ORDER_JOB: see above. ORDER_UNPACK: the bundle. ORDER_GO: as ORDER_JOB, without the program */
		struct {
			uint32_t verdict;
			char text[ERR_TEXT_BYTES - sizeof(uint32_t)];
		} refusal; /* ORDER_REFUSED: nothing has run; VERDICT_OK: the guest is dead, and its status says why */
		struct {
			uint64_t ino[NS_COUNT];
		} namespaces;
		struct {
			uint32_t is_full;
		} disk; /* ORDER_DISK; descriptor: a bundle of the files that ORDER_COLLECT asked for, unless that failed */
		struct {
			uint32_t layers; /* that the guest has verified: bits of spec/layers.h */
		} ready;                 /* ORDER_CELL_READY */
		struct {
			char python[32];       /* its version */
			uint64_t memory_bytes; /* what it holds, libraries included */
		} hello;                       /* ORDER_HELLO of a zygote */
		char text[ERR_TEXT_BYTES];     /* ORDER_CELL_FAILED */
	};
};

/* Sends it with magic filled in; as frame_send. */
int order_send(int socket, struct order *order, const int *fds, size_t fds_count);

/* Receives one order and at most fds_room descriptors; ret_fds is filled up with -EBADF. 1: an order; 0: the other end is
 * closed; -EAGAIN; -EPROTO or -EMSGSIZE: not an order, and no descriptor was kept. */
int order_recv(int socket, struct order *ret_order, int *ret_fds, size_t fds_room);

/* The same on a socket that notes its senders (wire/frame.h). -EACCES: it comes from none of these users. */
int order_recv_of(int socket, struct order *ret_order, int *ret_fds, size_t fds_room, const uid_t *senders, size_t senders_count);

/* Sends an order with a job; those of fds that are not there are left out. What the flags promise must be there. */
int order_send_job(int socket, struct order *order, const int fds[ORDER_JOB_FDS]);

/* Puts received descriptors to their places: fds as order_recv has filled it, first the program when has_program. */
void order_sort_job(const struct order *order, bool has_program, int fds[ORDER_JOB_FDS]);
