/* SPDX-License-Identifier: Apache-2.0
 * inside.h: what the Docker provider and safexec-docker-init say to each other. That is process 1 of a hardened container: it
 * waits for its order on standard input, starts the program, ends all that is left of it, and reports how it ended. Then it
 * waits to be killed, so that the container's cgroup can still be read.
 *
 * An order is a head and the bytes that it announces, all on standard input. A report is the order's mark on both streams, and
 * on standard error the struct behind it. The program cannot know the mark: it came before the program was, to a process
 * that nobody may look into, and it is written when no process of the program lives.
 */
#pragma once
#include "docker/mark.h"

#define INSIDE_MAGIC 0x53584449u /* "SXDI" */
#define INSIDE_PATH  "/safexec-init"

enum { INSIDE_HAS_SCRIPT = 1u << 0 };

struct inside_order {
	uint32_t magic;
	uint32_t flags; /* INSIDE_... */
	struct mark mark;
	uint64_t script_bytes;           /* for /app/script.py; they follow */
	uint64_t open_files, file_bytes; /* limits, at most the container's */
};

struct inside_report {
	uint32_t magic;
	int32_t status;        /* of the program, as wait(2) has it */
	uint32_t is_disk_full; /* 0 or 1 */
	int32_t failure;       /* 0, or our own -errno: the program was not started */
	uint64_t wall_us;      /* from the program's fork to its end */
};
