/* SPDX-License-Identifier: Apache-2.0
 * provider.h: what the front and a provider say to each other. Both ends are ours, and each treats the other as hostile.
 *
 * One *link* a provider (SEQPACKET) carries ready cells to the front: WIRE_CELL with three descriptors. Each cell has a
 * *control* socket (SEQPACKET) of its own, for one run:
 *
 *     front                                 provider
 *       |  <------- WIRE_CELL ------------    |   on the link; descriptors: control, stdout, stderr (read ends)
 *       |  <------- WIRE_ENVIRONMENT ------   |   on the link, for people
 *       |  -------- WIRE_JOB ------------->   |   on control; descriptors: code or bundle, and stdin when WIRE_JOB_STDIN is set
 *       |  <------- WIRE_STARTED ---------    |   when WIRE_JOB_TELL is set; descriptor: the report's read end, where there is one
 *       |  -------- WIRE_STOP ------------>   |   at most once, when a stream has passed its limit
 *       |  <------- WIRE_VERDICT ----------   |   last frame; descriptor: a bundle of the files that were found, if any were asked
 *
 * After the verdict every writer of stdout, stderr and the report is gone, or stopped for good (is_whole).
 *
 * The front that closes control cancels the run; a provider that closes it without a verdict has failed. A cell without
 * a job may be closed by either side at any time. Code and stdin are sealed memfds, at most WIRE_MAX_FILE_BYTES and
 * WIRE_MAX_STDIN_BYTES long; bundles are as wire/bundle.h has them.
 * stdout and stderr are to be read until end of file, which comes at the latest right after the verdict.
 */
#pragma once
#include "base/err.h"
#include "spec/limits.h"
#include "spec/result.h"
#include "wire/frame.h"

#define WIRE_MAGIC           0x53584543u /* "SXEC" */
#define WIRE_MAX_FILE_BYTES  (4 * MIB)
#define WIRE_MAX_STDIN_BYTES (16 * MIB)
#define WIRE_MAX_FOUND_BYTES (8 * MIB) /* of the files that come back, together */
#define WIRE_MAX_FOUND_FILES 256

enum wire_type {
	WIRE_CELL = 1,    /* provider to front, on the link */
	WIRE_JOB,         /* front to provider, on control */
	WIRE_STOP,        /* front to provider, on control */
	WIRE_VERDICT,     /* provider to front, on control */
	WIRE_READY,       /* provider to supervisor: its checks passed; which ids a front is to take */
	WIRE_FRONT,       /* supervisor to provider: one descriptor, the link to a (new) front */
	WIRE_STARTED,     /* provider to front, on control: the program runs from now on */
	WIRE_ENVIRONMENT, /* provider to front, on the link: what it has made ready; again when that changes */
};

struct wire_head {
	uint32_t magic; /* WIRE_MAGIC */
	uint32_t type;  /* enum wire_type */
};

#define WIRE_HEAD(t) ((struct wire_head){ .magic = WIRE_MAGIC, .type = (t) })

struct wire_cell {
	struct wire_head head;
	uint32_t slot;        /* which slot the cell is in; for logs and metrics */
	uint32_t slots;       /* how many this provider has in all: no more cells than that live at once */
	char provider[16];    /* "native", "docker"; NUL-terminated */
	char environment[32]; /* "base"; NUL-terminated */
	char python[32];      /* "3.11.2", or "" where it is not known; NUL-terminated */
	uint32_t layers;      /* verified in this cell: bits of spec/layers.h */
	uint32_t zero;
};

struct wire_environment {
	struct wire_head head;
	char name[32], python[32];         /* "science", "3.11.2"; NUL-terminated, as the next */
	char provider[16];                 /* "native" */
	char preload[512];                 /* names of modules, separated by blanks; cut when there are more */
	uint64_t warm_up_us, memory_bytes; /* of the warm interpreter ... */
	uint64_t started_ns;               /* ... which was started then, of clock_now */
	uint32_t slots, idle;
};

enum {
	WIRE_JOB_READ_ONLY = 1u << 0,
	WIRE_JOB_STDIN = 1u << 1,
	WIRE_JOB_BUNDLE = 1u << 2,   /* the first descriptor is a bundle, which holds the program too */
	WIRE_JOB_OUTPUTS = 1u << 3,  /* its globs say which files come back; only with a bundle */
	WIRE_JOB_VALUE = 1u << 4,    /* the last expression's value goes to the report ... */
	WIRE_JOB_DISPLAYS = 1u << 5, /* ... and so do figures and the like (wire/report.h) */
	WIRE_JOB_CHECK = 1u << 6,    /* only compile the program */
	WIRE_JOB_TELL = 1u << 7,     /* say WIRE_STARTED; needed for a report */
};

#define WIRE_JOB_ALL    0xffu
#define WIRE_JOB_REPORT (WIRE_JOB_VALUE | WIRE_JOB_DISPLAYS)

struct wire_job {
	struct wire_head head;
	uint32_t flags; /* WIRE_JOB_...; any other bit is refused */
	uint32_t zero;
	struct limits limits;
};

struct wire_started {
	struct wire_head head;
};

struct wire_stop {
	struct wire_head head;
	uint32_t verdict; /* VERDICT_OUTPUT */
	uint32_t zero;
};

struct wire_verdict {
	struct wire_head head;
	struct result result;
	char reason[ERR_TEXT_BYTES]; /* for logs, with VERDICT_INTERNAL and VERDICT_REFUSED; NUL-terminated */
	uint32_t is_whole;           /* 1: all of the streams has been written, and their end need not be waited for */
	uint32_t zero;
};

struct wire_ready {
	struct wire_head head;
	uint32_t front_uid, front_gid;
};

struct wire_front {
	struct wire_head head;
};

/* True when a received packet is a whole frame of that type: right size, magic and type. */
#define wire_is(bytes, size, t, type_struct) wire_check_head((bytes), (size), (t), sizeof(struct type_struct))
_Bool wire_check_head(const void *bytes, ssize_t size, enum wire_type type, size_t want_size);

/* Checks what a front sent: flags, limits, number of descriptors, seals and sizes of the files. -EBADMSG, -ERANGE with a sentence. */
int wire_check_job(const struct wire_job *job, const int *fds, size_t fds_count, struct err *err);

/* Checks what a provider sent: verdict, exit code and signal within range, text NUL-terminated. -EBADMSG. */
int wire_check_verdict(struct wire_verdict *verdict);
int wire_check_cell(struct wire_cell *cell, size_t fds_count);
int wire_check_environment(const struct wire_environment *environment, size_t fds_count);
