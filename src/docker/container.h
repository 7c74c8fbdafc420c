/* SPDX-License-Identifier: Apache-2.0
 * container.h: the two kinds of container that this program can ask for, made from its configuration and nothing else. Nothing
 * that a run brings along gets into the request.
 */
#pragma once
#include "docker/options.h"
#include "spec/limits.h"

#define CONTAINER_LABEL    "safexec" /* its value is the server's name */
#define CONTAINER_ID_BYTES 65        /* 64 hexadecimal digits and NUL */

/* What a container is made for; one that is ready can serve a job of the same kind only. */
struct kind {
	bool is_read_only;
	struct limits limits;
};

/* Whether process 1 is ours and waits for its order on standard input, see inside.h, so that the container may be started before
 * there is a job; else it is Python. */
bool container_is_fed(const struct options *options);

/* Whether the program lies in a folder of the host that is bound to /app; a fed one takes it along with its order. */
bool container_is_bound(const struct options *options, const struct kind *kind);

/* Whether a container made for one kind can serve the other: the limits that the Engine enforces are the same, or can be
 * lowered from inside. */
bool container_suits(const struct kind *made_for, const struct kind *wanted);

/* Paths on the host that are bound, read by the Engine. folder: for a kind that is bound; init: for one that is fed; else NULL. */
struct binds {
	const char *folder, *init;
};

/* The body of POST /containers/create. To be freed; NULL: no memory. */
char *container_new_body(const struct options *options, const struct kind *kind, const struct binds *binds);

/* Stores the id that POST /containers/create answered with. -EBADMSG: it is none. */
int container_read_id(const char *body, size_t size, char ret_id[CONTAINER_ID_BYTES]);

/* What GET /containers/ID/json says of the end. -EBADMSG. */
struct container_state {
	bool is_running, is_oom_killed;
	int pid;       /* of process 1, as the Engine's host counts; 0: it does not run */
	int exit_code; /* 0 to 255 */
};

int container_read_state(const char *body, size_t size, struct container_state *ret_state);

/* The exit code that POST /containers/ID/wait answered with. -EBADMSG. */
int container_read_exit(const char *body, size_t size, int *ret_exit_code);

/* What wait(2) would have said of a process 1, by the exit code that an Engine tells: that of a signal is 128 and its number. Only some can
 * kill a process 1 (pid_namespaces(7)): SIGKILL from outside, and those that the kernel forces on it for an instruction of its own. With
 * another number it has exited, with that status. */
int container_wait_status(int exit_code);
