/* SPDX-License-Identifier: Apache-2.0 */
#include "api/caller.h"

#include "api/internal.h"
#include "jobs/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOPBACK_SHARE 4

unsigned caller_share(const struct store_key *key)
{
	return key && key->concurrency > 0 && key->concurrency < LOOPBACK_SHARE ? key->concurrency : LOOPBACK_SHARE;
}

static void admit_anybody(struct call *call)
{
	call->caller = (struct caller){
		.most = call->api->options.most,
		.share = caller_share(NULL),
		.is_admin = true,
		.priority_max = STORE_PRIORITY_MAX,
	};
}

static uint64_t read_limit(const struct limits *limits, const struct limit_row *row)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)limits + row->offset, sizeof value);
	return value;
}

/* The server's ceiling holds for every key. */
static void lower(struct limits *limits, const struct limits *most)
{
	for (size_t i = 0; i < limit_rows_count; i++) {
		const struct limit_row *row = &limit_rows[i];

		if (read_limit(most, row) < read_limit(limits, row))
			memcpy((char *)limits + row->offset, (const char *)most + row->offset, sizeof(uint64_t));
	}
}

static void admit_key(struct call *call, const struct store_key *key)
{
	struct caller *caller = &call->caller;

	*caller = (struct caller){
		.key = key->id,
		.most = call->api->options.most,
		.share = caller_share(key),
		.is_admin = key->scopes & STORE_SCOPE_ADMIN,
		.priority_max = key->priority_max,
	};
	lower(&caller->most, &key->most);
	(void)snprintf(caller->name, sizeof caller->name, "%s", key->name);
	(void)snprintf(caller->environments, sizeof caller->environments, "%s", key->environments);
	(void)snprintf(caller->providers, sizeof caller->providers, "%s", key->providers);
}

static void refuse_stranger(struct call *call)
{
	if (!link_is_up(call->api->link) && keys_count(call->api->keys) == 0) {
		call_add_field(call, "Retry-After", "1");
		call_say(call, PROBLEM_JOBS_UNAVAILABLE, "The keys are not there yet. Nothing ran; try again.");
		return;
	}
	call_add_field(call, "WWW-Authenticate", "Bearer realm=\"safexec\"");
	call_say(call, PROBLEM_UNAUTHORIZED, "Send Authorization: Bearer KEY with a key that `safexec keys add` has shown.");
}

static bool has_scope(const struct store_key *key, enum scope scope)
{
	static const uint32_t bits[] = {
		[SCOPE_RUN] = STORE_SCOPE_RUN,
		[SCOPE_JOBS] = STORE_SCOPE_JOBS,
		[SCOPE_ADMIN] = STORE_SCOPE_ADMIN,
	};

	return scope == SCOPE_NONE || (key->scopes & bits[scope]) != 0;
}

/* The fields of the current draft (draft-ietf-httpapi-ratelimit-headers), and the three that came before it. */
static void tell_rate(struct call *call, const struct keys_rate *rate)
{
	if (rate->limit == 0)
		return;
	call_add_field(call, "RateLimit-Policy", "\"key\";q=%u;w=%u", rate->limit, rate->window_s);
	call_add_field(call, "RateLimit", "\"key\";r=%u;t=%u", rate->remaining, rate->reset_s);
	call_add_field(call, "RateLimit-Limit", "%u", rate->limit);
	call_add_field(call, "RateLimit-Remaining", "%u", rate->remaining);
	call_add_field(call, "RateLimit-Reset", "%u", rate->reset_s);
}

static bool take(struct call *call, uint32_t count, bool is_told)
{
	struct keys_rate rate;
	bool is_granted = keys_take(call->api->keys, call->caller.key, count, clock_now(), &rate);

	if (is_told || !is_granted)
		tell_rate(call, &rate);
	if (is_granted)
		return true;
	call_add_field(call, "Retry-After", "%u", rate.retry_s);
	call_say(call, PROBLEM_RATE_LIMITED, "The key allows %u requests in %u s, and has %u left. Nothing ran.", rate.limit,
		 rate.window_s, rate.remaining);
	return false;
}

bool caller_take(struct call *call, uint32_t count)
{
	return call->caller.key == STORE_NO_KEY || count == 0 || take(call, count, false);
}

bool caller_admit(struct call *call)
{
	const char *header = http_header(call->http, "Authorization");
	enum scope scope = call->route->scope;
	const struct store_key *key;

	admit_anybody(call);
	if (scope == SCOPE_NONE || (!header && !call->api->options.needs_key))
		return true;
	key = keys_find(call->api->keys, header);
	if (!key) {
		refuse_stranger(call);
		return false;
	}
	if (!has_scope(key, scope)) {
		call_say(call, PROBLEM_FORBIDDEN, "The key has not the scope that this needs.");
		return false;
	}
	admit_key(call, key);
	return call->route->body == BODY_NONE || take(call, 1, true); /* asking what became of a job costs nothing */
}

bool caller_enter(struct call *call)
{
	if (call->caller.key == STORE_NO_KEY || call->caller.has_entered)
		return true;
	if (keys_enter(call->api->keys, call->caller.key)) {
		call->caller.has_entered = true;
		return true;
	}
	call_add_field(call, "Retry-After", "1");
	call_say(call, PROBLEM_TOO_MANY_AT_ONCE, "As many runs of this key are under way as it may have. Nothing ran; try again.");
	return false;
}

void caller_leave(struct call *call)
{
	if (call->caller.has_entered)
		keys_leave(call->api->keys, call->caller.key);
	call->caller.has_entered = false;
}

static bool is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; *at != '\0';) {
		size_t size = strcspn(at, " ");

		if (size == length && strncmp(at, name, size) == 0)
			return true;
		at += size;
		at += *at == ' ';
	}
	return false;
}

/* A name that is asked for has to be on the list; without one, the usual one if that is, else the first. */
static int check_name(char *list, const char *usual, const char *field, const char **name, struct problem *problem)
{
	int r;

	if (list[0] == '\0' || (*name ? is_listed(list, *name) : usual && is_listed(list, usual)))
		return 0;
	if (!*name) {
		list[strcspn(list, " ")] = '\0';
		*name = list;
		return 0;
	}
	r = problem_say(problem, PROBLEM_FORBIDDEN, "The key does not allow this %s; it allows %s.", field, list);
	problem_set_field(problem, "%s", field);
	return r;
}

int caller_check_input(struct caller *caller, struct run_input *input, struct problem *problem)
{
	struct run_request *request = &input->request;
	int r = check_name(caller->environments, ENVIRONMENTS_DEFAULT, "environment", &request->environment, problem);

	if (r == 0)
		r = check_name(caller->providers, NULL, "provider", &request->provider, problem);
	if (r < 0 || request->priority <= caller->priority_max)
		return r;
	r = problem_say(problem, PROBLEM_FORBIDDEN, "The key allows a priority of at most %d.", caller->priority_max);
	problem_set_field(problem, "priority");
	return r;
}

bool caller_sees_all(const struct caller *caller)
{
	return caller->is_admin;
}
