/* SPDX-License-Identifier: Apache-2.0
 *
 * First names, then bytes: the search fills a list, which is sorted, and each file is opened anew from the top by openat2(2), so
 * that no part of its path can be a link, whatever the search believed.
 */
#include "cell/collect.h"

#include "base/fd.h"
#include "wire/glob.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct search {
	const struct collect_caps *caps;
	const char *globs[BUNDLE_MAX_GLOBS];
	size_t globs_count;
	char *found[BUNDLE_MAX_FILES];
	size_t found_count;
	unsigned entries;
	bool has_more; /* something was passed over */
	bool is_over;  /* a cap was met: nothing more is looked at */
};

/* An open folder on the way down. */
struct level {
	DIR *dir;
	size_t path_size; /* of its own path, a slash included; 0 at the top */
};

static int open_beneath(int dir, const char *path, int flags)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);

	return fd < 0 ? -errno : fd;
}

/* --- names ------------------------------------------------------------------------------------------------------------------- */

static int add_name(struct search *search, const char *path)
{
	if (search->found_count == search->caps->files) {
		search->has_more = search->is_over = true;
		return 0;
	}

	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	search->found[search->found_count++] = copy;
	return 0;
}

static int read_globs(struct search *search, struct bundle *asked, bool *ret_needs_walk)
{
	struct bundle_record record;
	int r;

	while ((r = bundle_next(asked, &record)) > 0) {
		if (record.type != BUNDLE_GLOB)
			continue;
		search->globs[search->globs_count++] = record.name; /* bundle_next has counted them */
		if (!glob_is_literal(record.name))
			*ret_needs_walk = true;
		else if (add_name(search, record.name) < 0)
			return -ENOMEM;
	}
	return r;
}

static bool is_wanted(const struct search *search, const char *path, bool (*matches)(const char *glob, const char *path))
{
	for (size_t i = 0; i < search->globs_count; i++) {
		if (matches(search->globs[i], path))
			return true;
	}
	return false;
}

static unsigned char kind_of(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? DT_UNKNOWN : (unsigned char)IFTODT(st.st_mode);
}

static DIR *open_level(int dir, const char *name)
{
	int fd = open_beneath(dir, name, O_DIRECTORY);
	DIR *level = fd >= 0 ? fdopendir(fd) : NULL;

	if (!level)
		(void)fd_close(fd);
	return level;
}

/* One entry of the folder at the end of path. A folder that is to be entered comes back open. -ENOMEM. */
static int look_at(struct search *search, const struct level *level, const struct dirent *entry, char *path, DIR **ret_below)
{
	size_t size = strlen(entry->d_name);
	unsigned char kind = kind_of(dirfd(level->dir), entry);

	if (level->path_size + size > BUNDLE_MAX_PATH) {
		search->has_more = true;
		return 0;
	}
	memcpy(path + level->path_size, entry->d_name, size + 1);
	if (kind == DT_REG)
		return is_wanted(search, path, glob_matches) ? add_name(search, path) : 0;
	if (kind != DT_DIR || !is_wanted(search, path, glob_may_match_below))
		return 0;
	*ret_below = open_level(dirfd(level->dir), entry->d_name);
	return 0;
}

static bool is_itself(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int walk(struct search *search, int top)
{
	struct level levels[BUNDLE_MAX_DEPTH] = { { .dir = open_level(top, ".") } };
	char path[BUNDLE_MAX_PATH + 2];
	size_t depth = levels[0].dir ? 1 : 0;
	int r = 0;

	while (depth > 0) {
		struct level *level = &levels[depth - 1];
		struct dirent *entry = r == 0 && !search->is_over ? readdir(level->dir) : NULL;
		DIR *below = NULL;

		if (!entry) {
			(void)closedir(level->dir);
			depth--;
			continue;
		}
		if (is_itself(entry->d_name))
			continue;
		if (++search->entries > search->caps->entries || clock_now() > search->caps->deadline)
			search->has_more = search->is_over = true;
		else
			r = look_at(search, level, entry, path, &below);
		if (below && depth < BUNDLE_MAX_DEPTH) {
			size_t size = strlen(path);

			path[size] = '/';
			levels[depth++] = (struct level){ .dir = below, .path_size = size + 1 };
		} else if (below) {
			(void)closedir(below);
			search->has_more = true;
		}
	}
	return r;
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------- */

/* As many bytes as there are, which are no more than size. */
static size_t read_all(int fd, char *bytes, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, bytes + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	return used;
}

static int add_bytes(struct bundle_writer *writer, struct bundle_record *record, int fd)
{
	char *bytes = malloc((size_t)record->size + 1);

	if (!bytes)
		return -ENOMEM;
	record->bytes = bytes;
	record->size = read_all(fd, bytes, (size_t)record->size);

	int r = bundle_add(writer, record);

	free(bytes);
	return r;
}

static int add_file(struct bundle_writer *writer, int dir, const char *path, const struct collect_caps *caps, uint64_t *left)
{
	_cleanup_(fd_closep) int fd = open_beneath(dir, path, 0);
	struct bundle_record record = { .type = BUNDLE_FILE, .name = path, .name_size = strlen(path) };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	record.size = (uint64_t)st.st_size;
	if (record.size > *left || clock_now() > caps->deadline) {
		record.type = BUNDLE_LEFT_OUT;
		return bundle_add(writer, &record);
	}
	*left -= record.size;
	return add_bytes(writer, &record, fd);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_found(struct bundle_writer *writer, int dir, struct search *search)
{
	const struct bundle_record more = { .type = BUNDLE_MORE };
	uint64_t left = search->caps->bytes;
	int r = 0;

	qsort(search->found, search->found_count, sizeof *search->found, compare_names);
	for (size_t i = 0; r == 0 && i < search->found_count; i++) {
		if (i == 0 || strcmp(search->found[i], search->found[i - 1]) != 0)
			r = add_file(writer, dir, search->found[i], search->caps, &left);
	}
	return r == 0 && search->has_more ? bundle_add(writer, &more) : r;
}

int collect_files(int dir, struct bundle *asked, const struct collect_caps *caps, int *ret_fd)
{
	struct search *search = calloc(1, sizeof *search);
	struct bundle_writer writer = { .fd = -EBADF };
	bool needs_walk = false;

	if (!search)
		return -ENOMEM;
	search->caps = caps;

	int r = read_globs(search, asked, &needs_walk);

	if (r == 0 && needs_walk)
		r = walk(search, dir);
	if (r == 0)
		r = add_found(&writer, dir, search);
	if (r == 0)
		r = bundle_seal(&writer, ret_fd);
	(void)fd_close(writer.fd);
	for (size_t i = 0; i < search->found_count; i++)
		free(search->found[i]);
	free(search);
	return r;
}
