/* SPDX-License-Identifier: Apache-2.0
 *
 * `spawner AT_ONCE RUNS COMMAND...` keeps so many of the command going until it has run so often, its output thrown away, and prints the
 * microseconds of each run, one a line, and at last `total` with those of all. In C, so that it takes no CPU from what it measures.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_AT_ONCE 256

extern char **environ;

static long long now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	struct {
		pid_t pid;
		long long begin;
	} running[MAX_AT_ONCE] = { { 0 } };
	int at_once = argc > 3 ? atoi(argv[1]) : 0, left = argc > 3 ? atoi(argv[2]) : 0, alive = 0;
	long long begin = now_us();
	posix_spawn_file_actions_t actions;

	if (at_once < 1 || at_once > MAX_AT_ONCE || left < 1)
		return 2;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	while (left > 0 || alive > 0) {
		for (int i = 0; i < at_once && left > 0; i++) {
			if (running[i].pid != 0)
				continue;
			running[i].begin = now_us();
			if (posix_spawnp(&running[i].pid, argv[3], &actions, NULL, argv + 3, environ) != 0)
				return 1;
			left--;
			alive++;
		}

		int status;
		pid_t pid = wait(&status);

		if (pid < 0 || status != 0)
			return 1;
		for (int i = 0; i < at_once; i++) {
			if (running[i].pid != pid)
				continue;
			printf("%lld\n", now_us() - running[i].begin);
			running[i].pid = 0;
			alive--;
		}
	}
	printf("total %lld\n", now_us() - begin);
	return 0;
}
