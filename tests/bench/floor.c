/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor: what a warm Python costs with no isolation at all. `floor PRELOAD...` imports the modules, then answers each line of
 * standard input, the name of a script, by forking, running it in the child, and waiting: status, microseconds and the number of bytes
 * that it printed. The child does not free its interpreter. Built by bench.py against libpython.
 */
#define _GNU_SOURCE
#include <Python.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static _Noreturn void run_script(const char *name, int out)
{
	FILE *file = fopen(name, "rbe");

	PyOS_AfterFork_Child();
	(void)dup2(out, STDOUT_FILENO);
	_exit(!file || PyRun_SimpleFileExFlags(file, name, 1, NULL) != 0 ||
	      PyRun_SimpleString("import sys; sys.stdout.flush()") != 0);
}

static int serve_one(const char *name)
{
	static char bytes[1 << 16];
	int ends[2], status;
	long long begin, total = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	begin = now_us();
	PyOS_BeforeFork();
	pid = fork();
	if (pid == 0)
		run_script(name, ends[1]);
	PyOS_AfterFork_Parent();
	(void)close(ends[1]);
	while ((n = read(ends[0], bytes, sizeof bytes)) > 0)
		total += n;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	(void)close(ends[0]);
	return printf("%d %lld %lld\n", status, now_us() - begin, total) < 0 || fflush(stdout) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	char line[4096];

	Py_InitializeEx(0);
	for (int i = 1; i < argc; i++) {
		if (!PyImport_ImportModule(argv[i]))
			return 1;
	}
	(void)PyRun_SimpleString("import gc; gc.collect(); gc.freeze()");
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (serve_one(line) < 0)
			return 1;
	}
	return 0;
}
