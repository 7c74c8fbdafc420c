/* SPDX-License-Identifier: Apache-2.0
 * environments.c: GET /v1/environments: what runs may ask for.
 */
#include "api/internal.h"
#include "api/reply.h"
#include "wire/provider.h"

#include <string.h>

static void write_modules(struct json_out *json, const char *preload)
{
	char text[sizeof(struct wire_environment)];

	(void)snprintf(text, sizeof text, "%s", preload);
	json_out_key(json, "preload");
	json_out_open(json, '[');
	for (char *rest = text, *name; (name = strsep(&rest, " "));) {
		if (name[0])
			json_out_text(json, name);
	}
	json_out_close(json, ']');
}

/* What the provider has told, or nulls while it has not. */
static void write_facts(struct json_out *json, const struct wire_environment *facts)
{
	static const char *const keys[] = { "python", "preload", "warm_up_ms", "memory_bytes", "slots", "idle" };

	if (!facts) {
		array_for_each(keys, key) {
			json_out_key(json, *key);
			json_out_null(json);
		}
		return;
	}
	json_out_key(json, "python");
	json_out_text(json, facts->python[0] != '\0' ? facts->python : NULL);
	write_modules(json, facts->preload);
	json_out_key(json, "warm_up_ms");
	json_out_u64(json, facts->warm_up_us / 1000);
	json_out_key(json, "memory_bytes");
	json_out_u64(json, facts->memory_bytes);
	json_out_key(json, "slots");
	json_out_u64(json, facts->slots);
	json_out_key(json, "idle");
	json_out_u64(json, facts->idle);
}

static void write_environment(struct json_out *json, const struct service *service, const struct environment_limits *environment)
{
	json_out_open(json, '{');
	json_out_key(json, "name");
	json_out_text(json, environment->name);
	write_facts(json, service_environment(service, environment->name));
	json_out_key(json, "ready");
	json_out_u64(json, service_cells_ready(service, environment->name));
	json_out_close(json, '}');
}

void serve_environments(struct call *call)
{
	const struct api_options *options = &call->api->options;
	struct reply *reply = reply_new();

	if (reply) {
		json_out_open(&reply->json, '{');
		json_out_key(&reply->json, "environments");
		json_out_open(&reply->json, '[');
		for (size_t i = 0; i < options->environments_count; i++)
			write_environment(&reply->json, call->api->service, &options->environments[i]);
		json_out_close(&reply->json, ']');
		json_out_close(&reply->json, '}');
	}
	call_answer(call, 200, reply);
}
