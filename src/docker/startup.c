/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/docker.h"

#include "base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_MS       30000
#define INIT_PROGRAM "safexec-docker-init"

struct question {
	bool is_answered;
	int status;
	json_t *body; /* NULL when it is no JSON */
	char text[ENGINE_TEXT_BYTES];
};

static void on_answer(const struct engine_answer *answer, void *arg)
{
	struct question *question = arg;

	question->is_answered = true;
	question->status = answer->status;
	question->body = json_loadb(answer->body, answer->size, 0, NULL);
	(void)engine_explain(answer, question->text);
}

static void end_question(struct question *question)
{
	json_decref(question->body);
}

/* One call, waited for. */
static void ask(struct docker *docker, const char *method, const char *path, struct question *question)
{
	int r = engine_call(docker->engine, method, path, NULL, ASK_MS, on_answer, question, NULL);

	while (r == 0 && !question->is_answered)
		r = event_base_loop(docker->loop, EVLOOP_ONCE) < 0 ? -EIO : 0;
	if (!question->is_answered)
		question->status = -ENOMEM;
}

int startup_find_engine(struct docker *docker, struct err *err)
{
	_cleanup_(end_question) struct question question = { 0 };
	const char *socket = engine_socket(docker->engine);

	if (access(socket, F_OK) == 0 && access(socket, R_OK | W_OK) < 0)
		return err_say(err, -EACCES,
			       "cannot run here: only root and the socket's group may use %s; run as root or join the group",
			       socket);
	ask(docker, "GET", "/version", &question);
	if (question.status != 200)
		return err_say(
			err, -ENOENT,
			"cannot run here: no Docker Engine answers at %s; start it (systemctl start docker) or name its socket by "
			"--docker-host",
			socket);
	if (engine_negotiate(json_string_value(json_object_get(question.body, "MinAPIVersion")),
			     json_string_value(json_object_get(question.body, "ApiVersion")), docker->version) < 0)
		return err_say(err, -EPROTO, "cannot run here: what answers at %s is no Docker Engine that can be understood",
			       socket);
	return 0;
}

int startup_find_image(struct docker *docker, struct err *err)
{
	_cleanup_(end_question) struct question question = { 0 };
	const char *image = docker->options->image;
	char path[400];

	(void)snprintf(path, sizeof path, "/%s/images/%s/json", docker->version, image);
	ask(docker, "GET", path, &question);
	if (question.status == 404)
		return err_say(err, -ENOENT, "cannot run here: the Engine has no image %.60s; fetch it by `docker pull %.60s`",
			       image, image);
	if (question.status != 200)
		return err_say(err, -EIO, "cannot run here: the Engine cannot look for the image: %.120s", question.text);
	return 0;
}

static int sweep_one(struct docker *docker, const char *id, struct err *err)
{
	_cleanup_(end_question) struct question question = { 0 };
	char path[256];

	(void)snprintf(path, sizeof path, "/%s/containers/%.64s?force=1&v=1", docker->version, id);
	ask(docker, "DELETE", path, &question);
	if (question.status == 204 || question.status == 404 || question.status == 409) /* 409: it is being removed already */
		return 0;
	return err_say(err, -EIO, "cannot run here: the Engine cannot remove container %.12s of a server that died: %.120s", id,
		       question.text);
}

int startup_sweep(struct docker *docker, struct err *err)
{
	_cleanup_(end_question) struct question question = { 0 };
	char path[400];
	size_t index;
	json_t *item;

	/* {"label":["safexec=NAME"]} in the way of URLs; a name needs no such writing. */
	(void)snprintf(path, sizeof path,
		       "/%s/containers/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22" CONTAINER_LABEL "%%3D%s%%22%%5D%%7D",
		       docker->version, docker->options->common.name);
	ask(docker, "GET", path, &question);
	if (question.status != 200 || !json_is_array(question.body))
		return err_say(err, -EIO, "cannot run here: the Engine does not list its containers: %.120s", question.text);
	json_array_foreach(question.body, index, item)
	{
		const char *id = json_string_value(json_object_get(item, "Id"));
		int r = id ? sweep_one(docker, id, err) : 0;

		if (r < 0)
			return r;
	}
	if (json_array_size(question.body) > 0)
		log_line("removed %zu containers that an earlier server left", json_array_size(question.body));
	return 0;
}

/* A copy, so that no container is bound to the installed program itself. */
int startup_install_init(struct docker *docker, struct err *err)
{
	char path[PATH_MAX], file[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n < 0)
		return err_set(err, -errno, "/proc/self/exe cannot be read");
	path[n] = '\0';
	(void)snprintf(file, sizeof file, "%s/" INIT_PROGRAM, dirname(path));

	_cleanup_(fd_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : scratch_install(&docker->scratch, INIT_PROGRAM, fd, docker->init_path);

	return r < 0 ? err_set(err, r, "%s, a part of safexec, cannot be copied", file) : 0;
}

/* A claim is an abstract socket's name (unix(7)): the kernel lets it go with the process, however that dies. */
int startup_claim_name(const char *name, int *ret_claim, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "safexec/docker/%s", name);
	_cleanup_(fd_closep) int claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (length < 0 || (size_t)length >= sizeof address.sun_path - 1)
		return err_say(err, -ENAMETOOLONG, "--name is too long");
	if (claim < 0 ||
	    bind(claim, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0)
		return err_say(err, -EADDRINUSE, "cannot run here: another server named '%s' is running; choose another --name",
			       name);
	*ret_claim = fd_take(&claim);
	return 0;
}

/* --- doctor -------------------------------------------------------------------------------------------------------------------- */

static void print_line(int r, const char *name, const char *text)
{
	static const char prefix[] = "cannot run here: "; /* a note about what nobody may have asked for needs no alarm */

	if (strncmp(text, prefix, sizeof prefix - 1) == 0)
		text += sizeof prefix - 1;
	(void)printf("%-4s  %-13s %s\n", r == 0 ? "ok" : "note", name, text);
	(void)fflush(stdout);
}

int doctor_report(const struct options *options)
{
	struct docker docker = { .options = options, .loop = event_base_new() };
	struct err err = { 0 };
	int r = docker.loop ? engine_new(docker.loop, options->engine_socket, &docker.engine) : -ENOMEM;

	if (r == 0)
		r = startup_find_engine(&docker, &err);
	if (r == 0)
		(void)err_say(&err, 0, "an Engine answers at %s, for --provider docker", options->engine_socket);
	print_line(r, "docker engine", err.text);
	if (r == 0) {
		r = startup_find_image(&docker, &err);
		if (r == 0)
			(void)err_say(&err, 0, "%s is there", options->image);
		print_line(r, "docker image", err.text);
	}
	engine_free(docker.engine);
	if (docker.loop)
		event_base_free(docker.loop);
	return r == 0 ? EXIT_OK : EXIT_CANNOT_RUN;
}
