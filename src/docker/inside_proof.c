/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/inside_proof.h"

#include "base/fd.h"
#include "spec/layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_CAP      63
#define LAST_FD       1023
#define FILTERED      2 /* PR_GET_SECCOMP: a filter is loaded */
#define PYTHON        "Python "
#define VERSION_CHARS "0123456789.+abcdefghijklmnopqrstuvwxyz"
#define NO_RIGHTS     "\t0000000000000000\n"

static bool has_no_descriptor(void)
{
	for (int fd = STDERR_FILENO + 1; fd <= LAST_FD; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			return false;
	}
	return true;
}

static bool is_root_read_only(void)
{
	struct statvfs fs;

	return statvfs("/", &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

static bool is_bounding_set_empty(void)
{
	for (unsigned long cap = 0; cap <= LAST_CAP; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			return false;
	}
	return true;
}

static bool has_no_capability(void)
{
	static const char *const sets[] = { "\nCapInh:" NO_RIGHTS, "\nCapPrm:" NO_RIGHTS, "\nCapEff:" NO_RIGHTS };
	char status[4 * KIB];

	if (fd_read_file(AT_FDCWD, "/proc/self/status", status, sizeof status) < 0)
		return false;
	array_for_each(sets, set) {
		if (!strstr(status, *set))
			return false;
	}
	return true;
}

static bool is_limited(void)
{
	struct rlimit core, locked;

	return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max <= 1 && getrlimit(RLIMIT_MEMLOCK, &locked) == 0 &&
	       locked.rlim_max <= INSIDE_MEMLOCK;
}

uint32_t inside_layers(void)
{
	uint32_t layers = LAYER_BIT(CONTAINER);

	layers |= has_no_descriptor() ? LAYER_BIT(DESCRIPTORS) : 0;
	layers |= is_root_read_only() ? LAYER_BIT(ROOT) : 0;
	layers |= is_limited() ? LAYER_BIT(RLIMITS) : 0;
	layers |= is_bounding_set_empty() ? LAYER_BIT(BOUNDING_SET) : 0;
	layers |= has_no_capability() ? LAYER_BIT(CAPABILITIES) : 0;
	layers |= prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? LAYER_BIT(NO_NEW_PRIVS) : 0;
	layers |= prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == FILTERED ? LAYER_BIT(SECCOMP) : 0;
	return layers;
}

static _Noreturn void become_python(int output)
{
	static char name[] = "python", option[] = "-V";
	char *words[] = { name, option, NULL };

	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	(void)execvpe(name, words, environ);
	_exit(127);
}

void inside_find_python(char version[INSIDE_VERSION_SIZE])
{
	char text[64] = "";
	int ends[2];
	size_t length = 0;

	version[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;

	pid_t child = fork();

	if (child == 0)
		become_python(ends[1]);
	(void)fd_close(ends[1]);
	for (ssize_t n; length < sizeof text - 1 && (n = read(ends[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)n;
	(void)fd_close(ends[0]);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	if (strncmp(text, PYTHON, strlen(PYTHON)) != 0)
		return;

	const char *number = text + strlen(PYTHON);

	(void)snprintf(version, INSIDE_VERSION_SIZE, "%.*s", (int)strspn(number, VERSION_CHARS), number);
}
