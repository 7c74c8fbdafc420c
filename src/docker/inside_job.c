/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/inside_job.h"

#include "base/fd.h"
#include "cell/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define APP    "/app"
#define SCRIPT "script.py"

/* What Python's own main reports of a program that does not compile, without its traceback's head. */
#define CHECK \
	"import sys\n" \
	"path = sys.argv[1]\n" \
	"try:\n" \
	"    with open(path, 'rb') as file: compile(file.read(), path, 'exec', dont_inherit=True)\n" \
	"except BaseException as e:\n" \
	"    sys.excepthook(type(e), e.with_traceback(None), None)\n" \
	"    sys.exit(1)\n"

int inside_read(void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(STDIN_FILENO, (char *)bytes + done, size - done);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

static int copy_input(int file, uint64_t size)
{
	char room[16 * KIB];

	while (size > 0) {
		size_t part = size < sizeof room ? (size_t)size : sizeof room;
		int r = inside_read(room, part);

		r = r > 0 ? fd_write_all(file, room, part) : r < 0 ? r : -EBADMSG;
		if (r < 0)
			return r;
		size -= part;
	}
	return 0;
}

/* As the next program will read it: from the start, and nobody can change it. */
static int take_memfd(uint64_t size, int *ret_fd)
{
	_cleanup_(fd_closep) int fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : copy_input(fd, size);

	if (r == 0 &&
	    (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
		r = -errno;
	if (r == 0)
		*ret_fd = fd_take(&fd);
	return r;
}

static int take_script(uint64_t size)
{
	_cleanup_(fd_closep) int file = open(APP "/" SCRIPT, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return file < 0 ? -errno : copy_input(file, size);
}

/* --- a bundle ------------------------------------------------------------------------------------------------------------------ */

/* Room for the words of all records, Python's own and NULL. */
static int make_room(struct inside_job *job)
{
	size_t inherited = 0;

	while (environ[inherited])
		inherited++;
	job->words = calloc(BUNDLE_MAX_WORDS + 8, sizeof *job->words);
	job->environment = calloc(inherited + BUNDLE_MAX_WORDS + 1, sizeof *job->environment);
	if (!job->words || !job->environment)
		return -ENOMEM;
	memcpy(job->environment, environ, inherited * sizeof *environ);
	return 0;
}

static void set_variable(char **environment, char *variable)
{
	size_t name = (size_t)(strchrnul(variable, '=') - variable);

	while (*environment && (strncmp(*environment, variable, name) != 0 || (*environment)[name] != '='))
		environment++;
	*environment = variable;
}

static int take_records(struct inside_job *job, size_t words)
{
	struct bundle_writer globs = { .fd = -EBADF };
	struct bundle_record record;
	int r;

	while ((r = bundle_next(&job->bundle, &record)) > 0) {
		char *text = (char *)(uintptr_t)record.bytes;

		if (record.type == BUNDLE_ENTRY)
			job->entry = record.name;
		else if (record.type == BUNDLE_ARG)
			job->words[words++] = text;
		else if (record.type == BUNDLE_ENV)
			set_variable(job->environment, text);
		else if (record.type == BUNDLE_GLOB && (r = bundle_add(&globs, &record)) < 0)
			break;
	}
	if (r == 0 && globs.fd >= 0)
		r = bundle_seal(&globs, &job->globs_fd);
	(void)fd_close(globs.fd);
	return r;
}

static int take_files(struct inside_job *job, const struct inside_order *order, struct err *err)
{
	_cleanup_(fd_closep) int app = open(APP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = bundle_open(job->job_fd, &job->bundle);

	if (r < 0 || app < 0)
		return err_set(err, r < 0 ? r : -errno, "the files of the run are not a bundle");
	if (order->flags & INSIDE_IS_BOUND)
		return 0;

	_cleanup_(fd_closep) int script = openat(app, SCRIPT, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	r = script < 0 ? err_set(err, -errno, "the program cannot be written") : unpack_files(app, &job->bundle, err);
	bundle_rewind(&job->bundle);
	return r;
}

/* --- all of it ---------------------------------------------------------------------------------------------------------------- */

static size_t put_words(struct inside_job *job, bool only_checks)
{
	static char program[] = "python", option[] = "-c", code[] = CHECK;
	size_t words = 0;

	job->words[words++] = program;
	if (only_checks) {
		job->words[words++] = option;
		job->words[words++] = code;
	}
	return words + 1; /* the program's path is known later */
}

static int put_entry(struct inside_job *job, bool only_checks)
{
	static char path[sizeof APP + 1 + BUNDLE_MAX_PATH + 1];
	char *name = (char *)(uintptr_t)job->entry;

	if (only_checks) {
		(void)snprintf(path, sizeof path, APP "/%s", job->entry);
		name = path;
	}
	job->words[only_checks ? 3 : 1] = name;
	return 0;
}

int inside_job_take(const struct inside_order *order, struct inside_job *job, struct err *err)
{
	bool is_bundle = order->flags & INSIDE_IS_BUNDLE, only_checks = order->flags & INSIDE_ONLY_CHECKS;

	*job = (struct inside_job){ .stdin_fd = -EBADF, .job_fd = -EBADF, .globs_fd = -EBADF, .entry = SCRIPT };

	int r = make_room(job);

	if (r == 0 && is_bundle)
		r = take_memfd(order->job_bytes, &job->job_fd);
	else if (r == 0 && !(order->flags & INSIDE_IS_BOUND))
		r = take_script(order->job_bytes);
	if (r == 0 && order->flags & INSIDE_HAS_STDIN)
		r = take_memfd(order->stdin_bytes, &job->stdin_fd);
	if (r < 0)
		return err_set(err, r, "the program cannot be written");

	size_t words = put_words(job, only_checks);

	r = is_bundle ? take_files(job, order, err) : 0;
	if (r == 0 && is_bundle && take_records(job, words) < 0)
		r = err_set(err, -EBADMSG, "the files of the run are not a bundle");
	return r < 0 ? r : put_entry(job, only_checks);
}

void inside_job_release(struct inside_job *job)
{
	bundle_close(&job->bundle);
	free(job->words);
	free(job->environment);
	job->words = job->environment = NULL;
	job->stdin_fd = fd_close(job->stdin_fd);
	job->job_fd = fd_close(job->job_fd);
}
