/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"

#include <stdlib.h>
#include <string.h>

static void on_idle_cell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	cell_drop(arg);
}

void cell_free(struct cell *cell)
{
	if (cell->event)
		event_free(cell->event);
	fd_closep(&cell->control);
	fd_closep(&cell->out);
	fd_closep(&cell->err);
	free(cell);
}

static void unlink_cell(struct cell *cell)
{
	struct service *service = cell->provider->service;

	TAILQ_REMOVE(&service->ready, cell, link);
	service->cells_count--;
	cell->provider->cells--;
}

void cell_drop(struct cell *cell)
{
	unlink_cell(cell);
	cell_free(cell);
}

static bool is_wanted(const struct run *run, const char *provider, const char *environment)
{
	return (!run->wanted_provider[0] || strcmp(run->wanted_provider, provider) == 0) &&
	       (!run->wanted_environment[0] || strcmp(run->wanted_environment, environment) == 0);
}

struct cell *cell_find(struct service *service, const struct run *run)
{
	struct cell *cell;

	TAILQ_FOREACH(cell, &service->ready, link)
	{
		if (is_wanted(run, cell->place.provider, cell->place.environment))
			return cell;
	}
	return NULL;
}

void cell_take(struct cell *cell)
{
	unlink_cell(cell);
	event_free(cell->event);
	cell->event = NULL;
}

bool provider_is_known(const struct service *service, const struct run *run)
{
	for (unsigned i = 0; i < service->known_count; i++) {
		if (is_wanted(run, service->known[i].provider, service->known[i].environment))
			return true;
	}
	return false;
}

static void learn_place(struct service *service, const struct run_place *place, unsigned slots)
{
	struct known *known = service->known;

	for (unsigned i = 0; i < service->known_count; i++) {
		if (strcmp(known[i].provider, place->provider) == 0 && strcmp(known[i].environment, place->environment) == 0) {
			known[i].slots = slots;
			return;
		}
	}
	if (service->known_count == MAX_KNOWN)
		return;
	known += service->known_count++;
	memcpy(known->provider, place->provider, sizeof known->provider);
	memcpy(known->environment, place->environment, sizeof known->environment);
	known->slots = slots;
}

/* Takes over the descriptors, also when it fails. */
static int add_cell(struct provider *provider, const struct wire_cell *frame, const int fds[3])
{
	struct service *service = provider->service;
	struct cell *cell = calloc(1, sizeof *cell);

	if (!cell) {
		for (int i = 0; i < 3; i++)
			(void)fd_close(fds[i]);
		return -ENOMEM;
	}
	*cell = (struct cell){ .provider = provider, .control = fds[0], .out = fds[1], .err = fds[2] };

	memcpy(cell->place.provider, frame->provider, sizeof cell->place.provider);
	memcpy(cell->place.environment, frame->environment, sizeof cell->place.environment);
	memcpy(cell->place.python, frame->python, sizeof cell->place.python);
	cell->place.layers = frame->layers;

	int r = 0;

	for (int i = 0; i < 3 && r == 0; i++)
		r = fd_set_nonblock(fds[i], true);
	if (r == 0)
		cell->event = event_new(service->base, cell->control, EV_READ, on_idle_cell, cell);
	if (r == 0 && (!cell->event || event_add(cell->event, NULL) < 0))
		r = -ENOMEM;
	if (r < 0) {
		cell_free(cell);
		return r;
	}
	TAILQ_INSERT_HEAD(&service->ready, cell, link);
	service->cells_count++;
	service->cells_total++;
	provider->cells++;
	learn_place(service, &cell->place, frame->slots);
	return 0;
}

/* More than there is room for are not worth a word: the front was started with the names of all. */
static void learn_environment(struct service *service, const struct wire_environment *told)
{
	for (size_t i = 0; i < service->environments_count; i++) {
		if (strcmp(service->environments[i].name, told->name) == 0) {
			service->environments[i] = *told;
			return;
		}
	}
	if (service->environments_count < ENVIRONMENTS_MAX)
		service->environments[service->environments_count++] = *told;
}

const struct wire_environment *service_environment(const struct service *service, const char *name)
{
	for (size_t i = 0; i < service->environments_count; i++) {
		if (strcmp(service->environments[i].name, name) == 0)
			return &service->environments[i];
	}
	return NULL;
}

unsigned service_cells_ready(const struct service *service, const char *environment)
{
	const struct cell *cell;
	unsigned count = 0;

	TAILQ_FOREACH(cell, &service->ready, link)
	count += strcmp(cell->place.environment, environment) == 0;
	return count;
}

/* 1: a word came; 0: nothing more for now; -errno: the link is of no use any more. */
static int take_one(struct provider *provider)
{
	union {
		struct wire_cell cell;
		struct wire_environment environment;
	} frame;
	int fds[3];
	size_t fds_count = 0;
	ssize_t size = frame_recv(provider->link_fd, &frame, sizeof frame, fds, ARRAY_SIZE(fds), &fds_count);

	if (size == -EAGAIN)
		return 0;
	if (size <= 0)
		return size < 0 ? (int)size : -EPIPE;
	if (wire_is(&frame, size, WIRE_ENVIRONMENT, wire_environment) &&
	    wire_check_environment(&frame.environment, fds_count) == 0) {
		learn_environment(provider->service, &frame.environment);
		return 1;
	}
	if (!wire_is(&frame, size, WIRE_CELL, wire_cell) || wire_check_cell(&frame.cell, fds_count) < 0 ||
	    provider->cells >= frame.cell.slots) {
		for (size_t i = 0; i < fds_count; i++)
			(void)fd_close(fds[i]);
		return -EBADMSG;
	}

	int r = add_cell(provider, &frame.cell, fds);

	return r < 0 ? r : 1;
}

static const char *loss_text(int r)
{
	switch (r) {
	case -EBADMSG:
	case -EMSGSIZE:
	case -EPROTO:
		return "The provider sent what is not a cell";
	case -ENOMEM:
		return "There is no memory for a cell";
	default:
		return "The provider has closed its link";
	}
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
	struct provider *provider = arg;
	struct service *service = provider->service;
	int r;

	(void)fd;
	(void)what;
	do {
		r = take_one(provider);
	} while (r > 0);

	if (!service->was_ready && service->cells_count > 0) {
		service->was_ready = true;
		service->events->on_ready(service->events->arg);
	}
	if (r == 0) {
		service_dispatch(service);
		return;
	}
	provider_free(provider);
	if (LIST_EMPTY(&service->providers))
		service_end_waiting(service, RUN_NO_PROVIDER);
	service->events->on_lost(loss_text(r), service->events->arg);
}

void provider_free(struct provider *provider)
{
	struct cell *cell, *next;

	for (cell = TAILQ_FIRST(&provider->service->ready); cell; cell = next) {
		next = TAILQ_NEXT(cell, link);
		if (cell->provider == provider)
			cell_drop(cell);
	}
	LIST_REMOVE(provider, link);
	event_free(provider->event);
	(void)fd_close(provider->link_fd);
	free(provider);
}

int service_add_provider(struct service *service, int link_fd)
{
	struct provider *provider = calloc(1, sizeof *provider);
	int r = provider ? fd_set_nonblock(link_fd, true) : -ENOMEM;

	if (r == 0) {
		provider->event = event_new(service->base, link_fd, EV_READ | EV_PERSIST, on_link, provider);
		if (!provider->event || event_add(provider->event, NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		if (provider && provider->event)
			event_free(provider->event);
		free(provider);
		(void)fd_close(link_fd);
		return r;
	}
	provider->service = service;
	provider->link_fd = link_fd;
	LIST_INSERT_HEAD(&service->providers, provider, link);
	return 0;
}
