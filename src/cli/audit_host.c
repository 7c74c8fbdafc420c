/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_host.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_ENTRIES       50000 /* of a search, below each place: some people's /tmp is a big one */
#define MAX_COMMAND_BYTES 8192
#define BAITS             "/var/tmp"
#define BAIT_PREFIX       "safexec-audit-"

void audit_new_word(char word[AUDIT_WORD_BYTES])
{
	uint64_t random[2] = { 0 };

	/* 16 bytes are never cut short once the pool is up, getrandom(2) */
	(void)!getrandom(random, sizeof random, 0);
	(void)snprintf(word, AUDIT_WORD_BYTES, "w%016" PRIx64 "%08" PRIx32, random[0], (uint32_t)random[1]);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static void close_search(FTS **search)
{
	if (*search)
		(void)fts_close(*search);
}

/* A folder of ours with what is in it. No link is followed. */
static void remove_tree(char *path)
{
	char *const paths[] = { path, NULL };
	_cleanup_(close_search) FTS *search = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);

	for (FTSENT *entry; search && (entry = fts_read(search));) {
		if (entry->fts_info == FTS_DP)
			(void)rmdir(entry->fts_path);
		else if (entry->fts_info != FTS_D)
			(void)unlink(entry->fts_path);
	}
}

/* Removes the baits of audits that were killed: safexec-audit-PID-WORD, of nobody alive. */
static void sweep(void)
{
	_cleanup_(close_dir) DIR *dir = opendir(BAITS);
	char path[AUDIT_PLACE_BYTES];

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (strncmp(entry->d_name, BAIT_PREFIX, strlen(BAIT_PREFIX)) != 0)
			continue;

		pid_t pid = (pid_t)strtol(entry->d_name + strlen(BAIT_PREFIX), NULL, 10);

		if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		(void)snprintf(path, sizeof path, BAITS "/%.100s", entry->d_name);
		remove_tree(path);
	}
}

int audit_host_prepare(struct audit_host *host, struct err *err)
{
	char word[AUDIT_WORD_BYTES], place[AUDIT_PLACE_BYTES];

	sweep();
	audit_new_word(host->secret);
	audit_new_word(word);
	(void)snprintf(host->folder, sizeof host->folder, BAITS "/" BAIT_PREFIX "%d-%s", (int)getpid(), word);
	(void)snprintf(host->bait, sizeof host->bait, "%s/bait", host->folder);
	(void)snprintf(host->state, sizeof host->state, "%s/state", host->folder);
	(void)snprintf(host->pid, sizeof host->pid, "%d", (int)getpid());
	if (mkdir(host->folder, 0755) < 0 || chmod(host->folder, 0755) < 0 || mkdir(host->state, 0700) < 0) {
		int r = err_set(err, -errno, "Cannot make %s", host->folder);

		host->folder[0] = '\0';
		return r;
	}

	_cleanup_(fd_closep) int fd = open(host->bait, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, host->secret, strlen(host->secret));

	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, r, "Cannot write %s", host->bait);
	if (fd_read_file(AT_FDCWD, "/etc/passwd", host->passwd, sizeof host->passwd) < 0)
		host->passwd[0] = '\0';
	audit_find_file(word, place);
	host->is_search_proved = place[0] != '\0';
	return 0;
}

void audit_host_clear(struct audit_host *host)
{
	if (host->folder[0] == '\0')
		return;
	remove_tree(host->folder);
	host->folder[0] = '\0';
}

static bool has_word(const char *pid, const char *word)
{
	char path[300], text[MAX_COMMAND_BYTES];

	(void)snprintf(path, sizeof path, "/proc/%s/cmdline", pid);

	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text); /* of /proc: all there is, at once */

	return n > 0 && memmem(text, (size_t)n, word, strlen(word));
}

unsigned audit_count_processes(const char *word)
{
	_cleanup_(close_dir) DIR *dir = opendir("/proc");
	unsigned count = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (isdigit((unsigned char)entry->d_name[0]) && has_word(entry->d_name, word))
			count++;
	}
	return count;
}

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static unsigned count_mounts(const char *name)
{
	_cleanup_(close_file) FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[2048];
	unsigned count = 0;

	while (file && fgets(line, sizeof line, file))
		count += strstr(line, name) != NULL;
	return count;
}

static unsigned count_cgroups(const char *name)
{
	char root[] = "/sys/fs/cgroup", *paths[] = { root, NULL };
	_cleanup_(close_search) FTS *search = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	unsigned count = 0;

	for (FTSENT *entry; search && (entry = fts_read(search));)
		count += strstr(entry->fts_name, name) != NULL;
	return count;
}

unsigned audit_count_traces(const char *name)
{
	return audit_count_processes(name) + count_mounts(name) + count_cgroups(name);
}

/* Whether a file below the root has the word in its name. A full /tmp takes nothing from the other places. */
static bool find_below(char *root, const char *word, char place[AUDIT_PLACE_BYTES])
{
	char *paths[] = { root, NULL };
	_cleanup_(close_search) FTS *search = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);

	for (unsigned n = 0; search && n < MAX_ENTRIES; n++) {
		FTSENT *entry = fts_read(search);

		if (!entry)
			return false;
		if (strstr(entry->fts_name, word)) {
			(void)snprintf(place, AUDIT_PLACE_BYTES, "%s", entry->fts_path);
			return true;
		}
	}
	return false;
}

/* A run's own mounts are in a namespace of its own: what is found here is on the host. */
void audit_find_file(const char *word, char place[AUDIT_PLACE_BYTES])
{
	char roots[][16] = { "/app", "/var/tmp", "/dev/shm", "/run", "/tmp", "/var/lib" };

	place[0] = '\0';
	array_for_each(roots, root) {
		if (find_below(*root, word, place))
			return;
	}
}

/* With the type that its users take. The kernel may load the module for it, as it would for any program. */
bool audit_has_family(int family)
{
	int type = family == AF_ALG ? SOCK_SEQPACKET : SOCK_STREAM;
	_cleanup_(fd_closep) int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return fd >= 0 || errno != EAFNOSUPPORT;
}
