/* SPDX-License-Identifier: Apache-2.0
 * bundle.h: files and words of a run in one sealed memfd: what a request brings (files, arguments, variables, globs) on its
 * way into a cell, and the files that come out of it. A head, then records; every number in it is from a stranger.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

#define BUNDLE_MAX_BYTES     (32 * MIB)
#define BUNDLE_MAX_FILES     1024
#define BUNDLE_MAX_PATH      512 /* bytes */
#define BUNDLE_MAX_COMPONENT 255 /* bytes between two slashes, as file systems have it */
#define BUNDLE_MAX_DEPTH     16  /* components */
#define BUNDLE_MAX_WORDS     256 /* of arguments, and of variables */
#define BUNDLE_MAX_WORD      (64 * KIB)
#define BUNDLE_MAX_GLOBS     64

enum bundle_type {
	BUNDLE_ENTRY = 1, /* name: path of the program; at most one, before the files; without it "script.py" */
	BUNDLE_FILE,      /* name: path; bytes */
	BUNDLE_ARG,       /* bytes */
	BUNDLE_ENV,       /* bytes: NAME=value */
	BUNDLE_GLOB,      /* name: which files come back */
	BUNDLE_LEFT_OUT,  /* name: path of a file whose bytes are not there; size says how many they are */
	BUNDLE_MORE,      /* last: there was more to say */
	BUNDLE_TYPES,
};

/* One record. name and bytes point into the bundle; a NUL that does not count follows each. */
struct bundle_record {
	uint32_t type; /* enum bundle_type */
	const char *name;
	size_t name_size;
	const char *bytes; /* NULL for a file left out */
	uint64_t size;
};

/* --- what is allowed ------------------------------------------------------------------------------------------------------- */

/* Each 0, or -EINVAL, -E2BIG with a sentence that a caller can show. None of them may hold a NUL. */
int bundle_check_path(const char *path, size_t size, struct err *err); /* relative, no empty part, no "." and ".." */
int bundle_check_arg(const char *text, size_t size, struct err *err);
int bundle_check_env(const char *text, size_t size, struct err *err);  /* NAME=value, a name of letters, digits and _ */
int bundle_check_glob(const char *text, size_t size, struct err *err); /* a path whose parts hold * ? [...]; ** is any folders */

/* Of a set of checked paths: -EEXIST with a sentence when one is there twice, or is another's folder. Sorts the array. */
int bundle_check_paths(const char **paths, size_t count, struct err *err);

/* --- writing --------------------------------------------------------------------------------------------------------------- */

struct bundle_writer {
	int fd;        /* the memfd, -EBADF before the first record */
	uint64_t size; /* so far */
};

/* Adds a record, unchecked but for the size in all. -E2BIG: more than BUNDLE_MAX_BYTES; or an errno of memfd_create(2), write(2).
 * The writer starts as { .fd = -EBADF } and its memfd is closed by whoever started it. */
int bundle_add(struct bundle_writer *writer, const struct bundle_record *record);

/* Seals it and hands the memfd over. */
int bundle_seal(struct bundle_writer *writer, int *ret_fd);

/* --- reading --------------------------------------------------------------------------------------------------------------- */

struct bundle {
	const char *bytes;
	size_t size, at;
	unsigned counts[BUNDLE_TYPES];
	bool has_failed;
};

/* Maps a sealed memfd for reading; bundle_close unmaps it. -EBADMSG: it is none, or too long. */
int bundle_open(int fd, struct bundle *ret_bundle);
void bundle_close(struct bundle *bundle);

/* The same over bytes that lie somewhere else; nothing to close. */
int bundle_from_bytes(const char *bytes, size_t size, struct bundle *ret_bundle);

/* The next record: 1; 0: that was the last; -EBADMSG: what follows is none, holds what is not allowed, or is one too many. */
int bundle_next(struct bundle *bundle, struct bundle_record *ret_record);

/* Back to the first. */
void bundle_rewind(struct bundle *bundle);
