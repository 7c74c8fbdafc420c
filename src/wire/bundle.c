/* SPDX-License-Identifier: Apache-2.0
 *
 * magic, then of each record: type, size of the name, size of the bytes; the name and a NUL; the bytes and a NUL. Numbers are
 * not aligned and are the machine's own: a bundle never leaves it.
 */
#include "wire/bundle.h"

#include "base/fd.h"
#include "wire/glob.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x454c444e55424153)

struct record_head {
	uint32_t type, name_size;
	uint64_t size;
};

/* --- what is allowed -------------------------------------------------------------------------------------------------------- */

static bool has_nul(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int check_parts(const char *what, const char *path, size_t size, struct err *err)
{
	unsigned depth = 0;

	if (size == 0)
		return err_say(err, -EINVAL, "%s is empty", what);
	if (size > BUNDLE_MAX_PATH)
		return err_say(err, -E2BIG, "%s is %zu bytes long; the limit is %d", what, size, BUNDLE_MAX_PATH);
	if (has_nul(path, size))
		return err_say(err, -EINVAL, "%s holds a NUL character", what);
	if (path[0] == '/')
		return err_say(err, -EINVAL, "%s is absolute; it must be relative to /app", what);
	for (size_t at = 0, end; at <= size; at = end + 1) {
		const char *slash = memchr(path + at, '/', size - at);

		end = slash ? (size_t)(slash - path) : size;
		if (end == at)
			return err_say(err, -EINVAL, "%s has an empty part", what);
		if (end - at > BUNDLE_MAX_COMPONENT)
			return err_say(err, -E2BIG, "%s has a part of %zu bytes; the limit is %d", what, end - at,
				       BUNDLE_MAX_COMPONENT);
		if (path[at] == '.' && (end - at == 1 || (end - at == 2 && path[at + 1] == '.')))
			return err_say(err, -EINVAL, "%s has a part \".\" or \"..\"", what);
		if (++depth > BUNDLE_MAX_DEPTH)
			return err_say(err, -E2BIG, "%s has more than %d parts", what, BUNDLE_MAX_DEPTH);
	}
	return 0;
}

int bundle_check_path(const char *path, size_t size, struct err *err)
{
	return check_parts("a path", path, size, err);
}

int bundle_check_glob(const char *text, size_t size, struct err *err)
{
	return check_parts("an output pattern", text, size, err);
}

static int check_word(const char *what, const char *text, size_t size, struct err *err)
{
	if (size > BUNDLE_MAX_WORD)
		return err_say(err, -E2BIG, "%s is %zu bytes long; the limit is %d", what, size, (int)BUNDLE_MAX_WORD);
	return has_nul(text, size) ? err_say(err, -EINVAL, "%s holds a NUL character", what) : 0;
}

int bundle_check_arg(const char *text, size_t size, struct err *err)
{
	return check_word("an argument", text, size, err);
}

static bool is_name_byte(char c, bool is_first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!is_first && c >= '0' && c <= '9');
}

int bundle_check_env(const char *text, size_t size, struct err *err)
{
	const char *equals = memchr(text, '=', size);
	int r = check_word("a variable", text, size, err);

	if (r < 0)
		return r;
	if (!equals || equals == text)
		return err_say(err, -EINVAL, "a variable is not NAME=value");
	for (const char *at = text; at < equals; at++) {
		if (!is_name_byte(*at, at == text))
			return err_say(err, -EINVAL, "a variable's name must be letters, digits and _, and not begin with a digit");
	}
	return 0;
}

/* As strings, but a slash comes before every other byte: a folder's own name is then followed by what is in it. */
static int compare_paths(const void *a, const void *b)
{
	const unsigned char *left = *(const unsigned char *const *)a, *right = *(const unsigned char *const *)b;

	while (*left && *left == *right) {
		left++;
		right++;
	}
	return (*left == '/' ? 1 : *left + (*left > 0)) - (*right == '/' ? 1 : *right + (*right > 0));
}

int bundle_check_paths(const char **paths, size_t count, struct err *err)
{
	qsort(paths, count, sizeof *paths, compare_paths);
	for (size_t i = 1; i < count; i++) {
		size_t size = strlen(paths[i - 1]);

		if (strncmp(paths[i - 1], paths[i], size) != 0)
			continue;
		if (paths[i][size] == '\0')
			return err_say(err, -EEXIST, "a path is there twice");
		if (paths[i][size] == '/')
			return err_say(err, -EEXIST, "a path is also the folder of another");
	}
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------------- */

static int write_parts(int fd, struct iovec *parts, int count)
{
	while (count > 0) {
		ssize_t n = writev(fd, parts, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (; count > 0 && (size_t)n >= parts->iov_len; count--, parts++)
			n -= (ssize_t)parts->iov_len;
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + n;
			parts->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static int begin(struct bundle_writer *writer)
{
	const uint64_t magic = MAGIC;

	writer->fd = memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	writer->size = sizeof magic;
	return writer->fd < 0 ? -errno : fd_write_all(writer->fd, &magic, sizeof magic);
}

int bundle_add(struct bundle_writer *writer, const struct bundle_record *record)
{
	struct record_head head = { .type = record->type, .name_size = (uint32_t)record->name_size, .size = record->size };
	size_t stored = record->bytes ? (size_t)record->size : 0;
	struct iovec parts[] = {
		{ &head, sizeof head },  { (void *)(uintptr_t)record->name, record->name_size },
		{ (char[]){ '\0' }, 1 }, { (void *)(uintptr_t)record->bytes, stored },
		{ (char[]){ '\0' }, 1 },
	};
	size_t size = sizeof head + record->name_size + stored + 2;
	int r = writer->fd < 0 ? begin(writer) : 0;

	if (r < 0)
		return r;
	if (stored > BUNDLE_MAX_BYTES || size > BUNDLE_MAX_BYTES - writer->size)
		return -E2BIG;
	writer->size += size;
	return write_parts(writer->fd, parts, ARRAY_SIZE(parts));
}

int bundle_seal(struct bundle_writer *writer, int *ret_fd)
{
	int r = writer->fd < 0 ? begin(writer) : 0;

	if (r == 0)
		r = fd_seal(writer->fd);
	if (r == 0)
		*ret_fd = fd_take(&writer->fd);
	return r;
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

int bundle_from_bytes(const char *bytes, size_t size, struct bundle *ret_bundle)
{
	uint64_t magic;

	if (size < sizeof magic || size > BUNDLE_MAX_BYTES)
		return -EBADMSG;
	memcpy(&magic, bytes, sizeof magic);
	if (magic != MAGIC)
		return -EBADMSG;
	*ret_bundle = (struct bundle){ .bytes = bytes, .size = size, .at = sizeof magic };
	return 0;
}

int bundle_open(int fd, struct bundle *ret_bundle)
{
	uint64_t size;

	if (fd_check_sealed(fd, &size) < 0 || size < sizeof(uint64_t) || size > BUNDLE_MAX_BYTES)
		return -EBADMSG;

	char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (bytes == MAP_FAILED)
		return -errno;

	int r = bundle_from_bytes(bytes, size, ret_bundle);

	if (r < 0)
		(void)munmap(bytes, size);
	return r;
}

void bundle_close(struct bundle *bundle)
{
	if (bundle->bytes)
		(void)munmap((void *)(uintptr_t)bundle->bytes, bundle->size);
	*bundle = (struct bundle){ 0 };
}

void bundle_rewind(struct bundle *bundle)
{
	bundle->at = sizeof(uint64_t);
	memset(bundle->counts, 0, sizeof bundle->counts);
}

static const struct {
	unsigned max;
	bool has_name, has_bytes;
	int (*check_name)(const char *name, size_t size, struct err *err);
	int (*check_bytes)(const char *bytes, size_t size, struct err *err);
} rules[BUNDLE_TYPES] = {
	[BUNDLE_ENTRY] = { 1, true, false, bundle_check_path, NULL },
	[BUNDLE_FILE] = { BUNDLE_MAX_FILES, true, true, bundle_check_path, NULL },
	[BUNDLE_ARG] = { BUNDLE_MAX_WORDS, false, true, NULL, bundle_check_arg },
	[BUNDLE_ENV] = { BUNDLE_MAX_WORDS, false, true, NULL, bundle_check_env },
	[BUNDLE_GLOB] = { BUNDLE_MAX_GLOBS, true, false, bundle_check_glob, NULL },
	[BUNDLE_LEFT_OUT] = { BUNDLE_MAX_FILES, true, false, bundle_check_path, NULL },
	[BUNDLE_MORE] = { 1, false, false, NULL, NULL },
};

static bool is_allowed(struct bundle *bundle, const struct bundle_record *record)
{
	if (rules[record->type].max == 0 || ++bundle->counts[record->type] > rules[record->type].max)
		return false;
	if (record->type == BUNDLE_ENTRY && bundle->counts[BUNDLE_FILE] > 0)
		return false;
	if (rules[record->type].check_name ? rules[record->type].check_name(record->name, record->name_size, NULL) < 0
					   : record->name_size > 0)
		return false;
	return !rules[record->type].check_bytes || rules[record->type].check_bytes(record->bytes, (size_t)record->size, NULL) == 0;
}

/* Takes size bytes and the NUL behind them, or nothing. */
static const char *take(struct bundle *bundle, uint64_t size)
{
	const char *taken = bundle->bytes + bundle->at;
	size_t left = bundle->size - bundle->at;

	if (size >= left || taken[size] != '\0')
		return NULL;
	bundle->at += (size_t)size + 1;
	return taken;
}

int bundle_next(struct bundle *bundle, struct bundle_record *ret_record)
{
	struct record_head head;

	if (!bundle->has_failed && bundle->at == bundle->size)
		return 0;
	if (bundle->has_failed || bundle->size - bundle->at < sizeof head)
		goto fail;
	memcpy(&head, bundle->bytes + bundle->at, sizeof head);
	bundle->at += sizeof head;
	if (head.type >= BUNDLE_TYPES)
		goto fail;

	struct bundle_record record = { .type = head.type, .name_size = head.name_size, .size = head.size };

	record.name = take(bundle, head.name_size);
	if (!record.name)
		goto fail;
	record.bytes = take(bundle, rules[head.type].has_bytes ? head.size : 0);
	if (!record.bytes || !is_allowed(bundle, &record))
		goto fail;
	if (!rules[head.type].has_bytes)
		record.bytes = NULL;
	*ret_record = record;
	return 1;
fail:
	bundle->has_failed = true;
	return -EBADMSG;
}
