/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "base/fd.h"
#include "wire/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME  "audit.log"
#define LINE_BYTES (STORE_AUDIT_MAX + 512)
#define TAIL_BYTES (UINT64_C(2) * LINE_BYTES)
#define HASH_KEY   ",\"hash\":\""
#define PREV_KEY   ",\"prev\":\""
#define NO_HASH    "0000000000000000000000000000000000000000000000000000000000000000"

static void hash_of(const char *bytes, size_t size, char text[AUDIT_HASH_BYTES])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, size, (const uint8_t *)bytes);
	sha256_digest(&hash, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* Takes a line without its newline apart; false when it has not the form. */
static bool read_line(const char *line, size_t size, uint64_t *ret_number, char prev[AUDIT_HASH_BYTES], char hash[AUDIT_HASH_BYTES])
{
	const size_t tail = strlen(HASH_KEY) + AUDIT_HASH_BYTES - 1 + strlen("\"}");
	const char *at = strstr(line, PREV_KEY);
	char *end;

	if (size < tail || strncmp(line, "{\"n\":", 5) != 0 || !at || at - line > 64 || strlen(line) != size ||
	    strncmp(line + size - tail, HASH_KEY, strlen(HASH_KEY)) != 0 || strcmp(line + size - 2, "\"}") != 0)
		return false;
	*ret_number = strtoull(line + 5, &end, 10);
	(void)snprintf(prev, AUDIT_HASH_BYTES, "%s", at + strlen(PREV_KEY));
	(void)snprintf(hash, AUDIT_HASH_BYTES, "%s", line + size - tail + strlen(HASH_KEY));
	return *end == ',' && strspn(prev, "0123456789abcdef") == AUDIT_HASH_BYTES - 1;
}

/* The end of the file, up to two lines of it; cuts off what follows the last newline. */
static int take_up(struct audit *audit, struct err *err)
{
	char text[TAIL_BYTES + 1], prev[AUDIT_HASH_BYTES];
	off_t from = (off_t)(audit->bytes > TAIL_BYTES ? audit->bytes - TAIL_BYTES : 0);
	ssize_t size = pread(audit->fd, text, sizeof text - 1, from);

	if (size < 0)
		return err_set(err, -errno, "Cannot read " FILE_NAME);
	while (size > 0 && text[size - 1] != '\n')
		size--;
	if (from + size < (off_t)audit->bytes && ftruncate(audit->fd, from + size) < 0)
		return err_set(err, -errno, "Cannot cut a broken line off " FILE_NAME);
	audit->bytes = (uint64_t)(from + size);
	if (size == 0)
		return from == 0 ? 0 : err_say(err, -EBADMSG, FILE_NAME " ends in a line that is too long.");
	text[--size] = '\0';

	const char *newline = memrchr(text, '\n', (size_t)size);
	const char *line = newline ? newline + 1 : text;

	if (!read_line(line, (size_t)(text + size - line), &audit->next, prev, audit->prev))
		return err_say(err, -EBADMSG, "The last line of " FILE_NAME " is not an audit line; move the file away.");
	audit->next++;
	return 0;
}

static int open_file(struct audit *audit)
{
	struct stat st;

	audit->fd = open(FILE_NAME, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (audit->fd < 0 || fstat(audit->fd, &st) < 0)
		return -errno;
	audit->bytes = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int audit_open(struct audit *audit, uint64_t bytes_max, struct err *err)
{
	*audit = (struct audit){ .fd = -EBADF, .next = 1, .bytes_max = bytes_max, .prev = NO_HASH };

	int r = open_file(audit);

	r = r < 0 ? err_set(err, r, "Cannot open " FILE_NAME) : take_up(audit, err);
	if (r < 0)
		audit_close(audit);
	return r;
}

/* The chain goes on in a new file when the old one cannot grow; it is found by its first number. */
static int turn_over(struct audit *audit)
{
	char name[48], line[64] = "";
	uint64_t first = 0;

	if (pread(audit->fd, line, sizeof line - 1, 0) > 5)
		first = strtoull(line + 5, NULL, 10);
	(void)snprintf(name, sizeof name, "audit-%012" PRIu64 ".log", first);
	if (audit_sync(audit) < 0 || rename(FILE_NAME, name) < 0)
		return -errno;
	audit->fd = fd_close(audit->fd);
	return open_file(audit);
}

static void write_time(uint64_t now_ms, char *text, size_t size)
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm parts;
	size_t used;

	(void)gmtime_r(&seconds, &parts);
	used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(text + used, size - used, ".%03uZ", (unsigned)(now_ms % 1000));
}

int audit_append(struct audit *audit, const char *text, size_t size, uint64_t now_ms)
{
	char line[LINE_BYTES], at[40], hash[AUDIT_HASH_BYTES];
	int n, r;

	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	}
	if (audit->bytes >= audit->bytes_max && audit->bytes > 0) {
		r = turn_over(audit);
		if (r < 0)
			return r;
	}
	write_time(now_ms, at, sizeof at);
	n = snprintf(line, sizeof line, "{\"n\":%" PRIu64 ",\"at\":\"%s\"" PREV_KEY "%s\",%.*s", audit->next, at, audit->prev,
		     (int)size, text);
	hash_of(line, (size_t)n, hash);
	n += snprintf(line + n, sizeof line - (size_t)n, HASH_KEY "%s\"}\n", hash);
	r = fd_write_all(audit->fd, line, (size_t)n);
	if (r < 0) {
		/* Half a line would break the chain; when it cannot be taken back, the next start does. */
		return ftruncate(audit->fd, (off_t)audit->bytes) < 0 ? -EIO : r;
	}
	audit->bytes += (uint64_t)n;
	audit->next++;
	audit->is_dirty = true;
	memcpy(audit->prev, hash, sizeof hash);
	return 0;
}

int audit_sync(struct audit *audit)
{
	if (!audit->is_dirty)
		return 0;
	audit->is_dirty = false;
	return fdatasync(audit->fd) < 0 ? -errno : 0;
}

void audit_close(struct audit *audit)
{
	if (audit->fd >= 0)
		(void)audit_sync(audit);
	audit->fd = fd_close(audit->fd);
}

static int verify_line(const char *line, size_t size, char chain[AUDIT_HASH_BYTES], uint64_t *number, bool is_first,
		       struct err *err)
{
	const size_t tail = strlen(HASH_KEY) + AUDIT_HASH_BYTES - 1 + strlen("\"}");
	char prev[AUDIT_HASH_BYTES], hash[AUDIT_HASH_BYTES], want[AUDIT_HASH_BYTES];
	uint64_t n;

	if (!read_line(line, size, &n, prev, hash))
		return err_say(err, -EBADMSG, "it is not an audit line");
	if (chain[0] != '\0' && strcmp(prev, chain) != 0)
		return err_say(err, -EBADMSG, "it does not follow the line before it: one was changed, removed or added");
	if (!is_first && n != *number + 1)
		return err_say(err, -EBADMSG, "its number is %" PRIu64 " and should be %" PRIu64, n, *number + 1);
	hash_of(line, size - tail, want);
	if (strcmp(hash, want) != 0)
		return err_say(err, -EBADMSG, "it was changed: its hash is another");
	*number = n;
	memcpy(chain, hash, AUDIT_HASH_BYTES);
	return 0;
}

int audit_verify(FILE *file, char chain[AUDIT_HASH_BYTES], uint64_t *ret_lines, struct err *err)
{
	char line[LINE_BYTES + 2];
	uint64_t lines = 0, number = 0;
	struct err why = { 0 };

	while (fgets(line, sizeof line, file)) {
		size_t size = strlen(line);
		int r = -EBADMSG;

		lines++;
		if (size > 0 && line[size - 1] == '\n') {
			line[--size] = '\0';
			r = verify_line(line, size, chain, &number, lines == 1, &why);
		} else {
			(void)err_say(&why, -EBADMSG, "it is cut off or too long");
		}
		if (r < 0)
			return err_say(err, -EBADMSG, "line %" PRIu64 ": %s", lines, why.text);
	}
	if (ferror(file))
		return err_say(err, -EIO, "it cannot be read");
	*ret_lines = lines;
	return 0;
}
