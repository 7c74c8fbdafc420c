/* SPDX-License-Identifier: Apache-2.0
 *
 * original is, flag by flag, what people have always typed:
 *
 *     docker run --rm --network none --memory 128m --cpus 0.5 --pids-limit 64 -v DIR:/app -w /app IMAGE python script.py
 *
 * with --read-only and DIR:/app:ro on request. --rm alone is done by hand: AutoRemove would take OOMKilled away with the
 * container before anybody could ask for it.
 *
 * hardened keeps the limits and closes what that leaves open. Its process 1 is safexec-docker-init, bound from the host and read-only;
 * it takes the program on standard input. PUT archive cannot do that: the Engine unpacks below the container's root as the
 * host sees it, where a read-only root refuses and the tmpfs on /app does not exist before the start; a bound file could not be
 * replaced or removed by the program, as its own script can be; an anonymous volume has no cap. With read_only there is no
 * /app to copy to; then the program is bound from the host, read-only, and nothing is written there.
 */
#include "docker/container.h"

#include "docker/inside.h"
#include "docker/profile.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY         65534
#define NANO_PER_MILLI 1000000 /* of a CPU */
#define SIGNAL_EXIT    128     /* and the signal's number */
#define OURS           1       /* process beside the program's: safexec-docker-init */

bool container_is_fed(const struct options *options)
{
	return options->profile == PROFILE_HARDENED;
}

bool container_is_bound(const struct options *options, const struct kind *kind)
{
	return options->profile == PROFILE_ORIGINAL || kind->is_read_only;
}

bool container_suits(const struct kind *made_for, const struct kind *wanted)
{
	const struct limits *a = &made_for->limits, *b = &wanted->limits;

	return made_for->is_read_only == wanted->is_read_only && a->memory_bytes == b->memory_bytes &&
	       a->cpu_millis == b->cpu_millis && a->pids == b->pids && a->disk_bytes == b->disk_bytes &&
	       a->disk_files == b->disk_files && a->open_files >= b->open_files && a->file_bytes >= b->file_bytes;
}

static json_t *new_binds(const struct kind *kind, const struct binds *binds)
{
	json_t *list = json_array();
	int r = list ? 0 : -1;

	if (r == 0 && binds->folder)
		r = json_array_append_new(list, json_sprintf("%s:/app%s", binds->folder, kind->is_read_only ? ":ro" : ""));
	if (r == 0 && binds->init)
		r = json_array_append_new(list, json_sprintf("%s:" INSIDE_PATH ":ro", binds->init));
	if (r < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* The common part: --network none --memory --cpus --pids-limit -v -w. */
static json_t *new_host_config(const struct options *options, const struct kind *kind, const struct binds *binds)
{
	const struct limits *limits = &kind->limits;
	json_t *host =
		json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "NetworkMode", "none", "Memory", (json_int_t)limits->memory_bytes,
			  "NanoCpus", (json_int_t)limits->cpu_millis * NANO_PER_MILLI, "PidsLimit", (json_int_t)limits->pids,
			  "ReadonlyRootfs", kind->is_read_only, "Binds", new_binds(kind, binds));

	if (host && options->runtime && json_object_set_new(host, "Runtime", json_string(options->runtime)) < 0) {
		json_decref(host);
		return NULL;
	}
	return host;
}

/* "seccomp=" and the profile as text. */
static json_t *new_seccomp_option(void)
{
	json_t *profile = profile_new_seccomp();
	char *text = profile ? json_dumps(profile, JSON_COMPACT) : NULL;
	json_t *option = text ? json_sprintf("seccomp=%s", text) : NULL;

	free(text);
	json_decref(profile);
	return option;
}

static json_t *new_tmpfs(const struct limits *limits, const char *mode)
{
	/* exec, because the Engine's default is noexec and the native provider's scratch is not. */
	return json_sprintf("rw,exec,nosuid,nodev,size=%" PRIu64 ",nr_inodes=%" PRIu64 ",mode=%s,uid=%d,gid=%d", limits->disk_bytes,
			    limits->disk_files, mode, NOBODY, NOBODY);
}

static json_t *new_ulimit(const char *name, uint64_t value)
{
	return json_pack("{s:s, s:I, s:I}", "Name", name, "Soft", (json_int_t)value, "Hard", (json_int_t)value);
}

/* Adds to the common part what the original leaves open. */
static int harden(json_t *host, const struct kind *kind)
{
	const struct limits *limits = &kind->limits;
	json_t *more = json_pack("{s:I, s:I, s:[s], s:[s, o], s:b, s:{s:s}, s:s, s:I, s:o, s:o, s:[o, o, o, o]}", "MemorySwap",
				 (json_int_t)limits->memory_bytes, "PidsLimit", (json_int_t)limits->pids + OURS, "CapDrop", "ALL",
				 "SecurityOpt", "no-new-privileges", new_seccomp_option(), "ReadonlyRootfs", 1, "LogConfig", "Type",
				 "none", "IpcMode", "private", "ShmSize", (json_int_t)limits->disk_bytes, "MaskedPaths",
				 profile_new_masked_paths(), "ReadonlyPaths", profile_new_readonly_paths(), "Ulimits",
				 new_ulimit("core", 1), new_ulimit("memlock", INSIDE_MEMLOCK),
				 new_ulimit("nofile", limits->open_files), new_ulimit("fsize", limits->file_bytes));
	int r = more ? json_object_update(host, more) : -1;

	json_decref(more);
	if (r == 0 && kind->is_read_only) /* gVisor puts a tmpfs of its own on an empty /tmp, unless something is there */
		r = json_object_set_new(host, "Tmpfs", json_pack("{s:s}", "/tmp", "ro,nosuid,nodev,size=64k,mode=1777"));
	else if (r == 0)
		r = json_object_set_new(
			host, "Tmpfs",
			json_pack("{s:o, s:o}", "/app", new_tmpfs(limits, "0755"), "/tmp", new_tmpfs(limits, "1777")));
	return r;
}

char *container_new_body(const struct options *options, const struct kind *kind, const struct binds *binds)
{
	bool is_hardened = options->profile == PROFILE_HARDENED;
	json_t *host = new_host_config(options, kind, binds);
	json_t *command = container_is_fed(options) ? json_pack("[s]", INSIDE_PATH) : json_pack("[s, s]", "python", "script.py");
	json_t *body = json_pack("{s:s, s:o, s:s, s:b, s:b, s:{s:s}}", "Image", options->image, "Cmd", command, "WorkingDir",
				 "/app", "AttachStdout", 1, "AttachStderr", 1, "Labels", CONTAINER_LABEL, options->common.name);
	int r = host && body ? 0 : -1;

	if (r == 0 && is_hardened)
		r = harden(host, kind);
	if (r == 0 && is_hardened)
		r = json_object_set_new(body, "User", json_sprintf("%d:%d", NOBODY, NOBODY)) |
		    json_object_set_new(body, "StopSignal", json_string("SIGKILL")) | /* an Engine that ends waits for nobody */
		    json_object_set_new(body, "NetworkDisabled", json_true()) |
		    json_object_set_new(body, "Env", json_pack("[s, s]", "HOME=/tmp", "LANG=C.UTF-8"));
	if (r == 0 && container_is_fed(options))
		r = json_object_set_new(body, "AttachStdin", json_true()) | json_object_set_new(body, "OpenStdin", json_true()) |
		    json_object_set_new(body, "StdinOnce", json_true());
	if (r == 0)
		r = json_object_set(body, "HostConfig", host);

	char *text = r == 0 ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(host);
	json_decref(body);
	return text;
}

/* --- answers ------------------------------------------------------------------------------------------------------------------ */

int container_read_id(const char *body, size_t size, char ret_id[CONTAINER_ID_BYTES])
{
	json_t *answer = json_loadb(body, size, 0, NULL);
	const char *id = json_string_value(json_object_get(answer, "Id"));
	bool is_id = id && strlen(id) == CONTAINER_ID_BYTES - 1;

	for (size_t i = 0; is_id && i < CONTAINER_ID_BYTES - 1; i++)
		is_id = isxdigit((unsigned char)id[i]);
	if (is_id)
		memcpy(ret_id, id, CONTAINER_ID_BYTES);
	json_decref(answer);
	return is_id ? 0 : -EBADMSG;
}

static int read_code(const json_t *number, int *ret_code)
{
	json_int_t code = json_integer_value(number);

	if (!json_is_integer(number) || code < 0 || code > 255)
		return -EBADMSG;
	*ret_code = (int)code;
	return 0;
}

int container_read_state(const char *body, size_t size, struct container_state *ret_state)
{
	json_t *answer = json_loadb(body, size, 0, NULL);
	json_t *state = json_object_get(answer, "State");
	struct container_state found = {
		.is_running = json_is_true(json_object_get(state, "Running")),
		.is_oom_killed = json_is_true(json_object_get(state, "OOMKilled")),
	};
	int r = read_code(json_object_get(state, "ExitCode"), &found.exit_code);
	json_int_t pid = json_integer_value(json_object_get(state, "Pid"));

	found.pid = pid > 0 && pid <= INT32_MAX ? (int)pid : 0;

	json_decref(answer);
	if (r == 0)
		*ret_state = found;
	return r;
}

int container_read_exit(const char *body, size_t size, int *ret_exit_code)
{
	json_t *answer = json_loadb(body, size, 0, NULL);
	int r = read_code(json_object_get(answer, "StatusCode"), ret_exit_code);

	json_decref(answer);
	return r;
}

/* A signal in the low bits, else an exit status above them. */
int container_wait_status(int exit_code)
{
	static const int deadly[] = { SIGKILL, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };

	array_for_each(deadly, number) {
		if (exit_code == SIGNAL_EXIT + *number)
			return *number;
	}
	return exit_code << 8;
}
