/* SPDX-License-Identifier: Apache-2.0
 * inside.h: what the Docker provider and safexec-docker-init say to each other. That is process 1 of a hardened container: it greets
 * on standard error, waits for its order on standard input, starts the program, ends all that is left of it, and reports how it ended. Then it
 * waits to be killed, so that the container's cgroup can still be read.
 *
 * An order is a head and the bytes that it announces, all on standard input; when that ends afterwards, the program is to be ended. A report is the order's mark on both streams, and
 * on standard error the struct behind it, and the files that were asked for. The program cannot know the mark: it came before
 * the program was, to a process that nobody may look into, and it is written when no process of the program lives.
 */
#pragma once
#include "docker/mark.h"

#define INSIDE_MAGIC        0x53584449u /* "SXDI" */
#define INSIDE_PATH         "/safexec-init"
#define INSIDE_REASON_SIZE  160
#define INSIDE_VERSION_SIZE 32
#define INSIDE_MEMLOCK      65536 /* bytes, as on the native provider */

/* The first bytes of all: nothing of a run is there yet. */
struct inside_greeting {
	uint32_t magic;
	uint32_t layers;                  /* bits of spec/layers.h */
	char python[INSIDE_VERSION_SIZE]; /* "3.11.2"; NUL-terminated */
};

enum {
	INSIDE_IS_BUNDLE = 1u << 0,   /* the job's bytes are a bundle, else a program */
	INSIDE_IS_BOUND = 1u << 1,    /* the files are in /app already */
	INSIDE_HAS_STDIN = 1u << 2,   /* else it is /dev/null */
	INSIDE_WANTS_FILES = 1u << 3, /* those that the bundle's globs mean */
	INSIDE_ONLY_CHECKS = 1u << 4, /* compiles the program */
};

struct inside_order {
	uint32_t magic;
	uint32_t flags; /* INSIDE_... */
	struct mark mark;
	uint64_t job_bytes, stdin_bytes; /* they follow, in this order */
	uint64_t open_files, file_bytes; /* limits, at most the container's */
	uint64_t disk_bytes, disk_files; /* ... of all its folders together; each of them has room for as much */
};

struct inside_report {
	uint32_t magic;
	int32_t status;        /* of the program, as wait(2) has it */
	uint32_t is_disk_full; /* 0 or 1 */
	uint32_t is_over_disk; /* 0 or 1: it was ended, because its folders held more than the limit together */
	uint32_t zero;
	int32_t failure;                 /* 0, or a negative errno: the program was not started */
	char reason[INSIDE_REASON_SIZE]; /* of a failure; NUL-terminated */
	uint64_t wall_us;                /* from the program's fork to its end */
	uint64_t files_bytes;            /* of the bundle that follows; 0: none */
};
