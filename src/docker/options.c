/* SPDX-License-Identifier: Apache-2.0 */
#include "docker/options.h"

#include "base/num.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_PER_CPU  4
#define MIN_SLOTS      4
#define MAX_AUTO_SLOTS 64
#define ENGINE_SCHEME  "unix://"
#define MAX_SOCKET     100 /* a socket's path, unix(7) */
#define MAX_TEXT       255
#define NAME_CHARS     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

const char options_help[] =
	"Usage: safexec-docker --supervisor-fd N [OPTION]...\n"
	"       safexec-docker --doctor [OPTION]...\n"
	"The Docker provider of safexec: makes containers and hands them to the front as cells. `safexec serve --provider docker`\n"
	"starts it.\n"
	"\n"
	"  --doctor                 say whether the Engine answers and the image is there\n"
	"  --docker-host unix://P   the Engine's socket (default: unix:///var/run/docker.sock)\n"
	"  --image NAME             of the containers (default: python:3.11-slim)\n"
	"  --profile NAME           hardened or original (default: hardened)\n"
	"  --runtime NAME           the Engine's OCI runtime (default: the Engine's own choice)\n"
	"  --slots N                containers that run at once (default: 4 a CPU)\n"
	"  --idle N                 containers kept ready (default: all slots)\n"
	"  --name NAME              of this server, for its label (default: default)\n"
	"  --help, --version\n";

enum option_id {
	OPT_DOCTOR = 1,
	OPT_SUPERVISOR_FD,
	OPT_DOCKER_HOST,
	OPT_IMAGE,
	OPT_PROFILE,
	OPT_RUNTIME,
	OPT_SLOTS,
	OPT_IDLE,
	OPT_NAME,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "doctor", no_argument, NULL, OPT_DOCTOR },
	{ "supervisor-fd", required_argument, NULL, OPT_SUPERVISOR_FD },
	{ "docker-host", required_argument, NULL, OPT_DOCKER_HOST },
	{ "image", required_argument, NULL, OPT_IMAGE },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "runtime", required_argument, NULL, OPT_RUNTIME },
	{ "slots", required_argument, NULL, OPT_SLOTS },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

const char *profile_name(enum profile profile)
{
	return profile == PROFILE_ORIGINAL ? "original" : "hardened";
}

static int parse_number(const char *name, uint64_t min, uint64_t max, unsigned *ret_value, struct err *err)
{
	uint64_t value;

	if (num_parse_u64(optarg, min, max, &value) < 0)
		return err_say(err, -EINVAL, "--%s must be a number from %llu to %llu, not '%.40s'", name, (unsigned long long)min,
			       (unsigned long long)max, optarg);
	*ret_value = (unsigned)value;
	return 0;
}

/* What goes into paths of the Engine's API and into labels. more: characters beyond those of a name. */
static int parse_text(const char *name, const char *more, const char **ret_text, struct err *err)
{
	size_t size = strlen(optarg);
	bool is_fine = size > 0 && size <= MAX_TEXT && optarg[0] != '.' && optarg[0] != '-' && !strstr(optarg, "..");

	for (size_t i = 0; is_fine && i < size; i++)
		is_fine = strchr(NAME_CHARS, optarg[i]) || strchr(more, optarg[i]);
	if (!is_fine)
		return err_say(err, -EINVAL, "--%s must be 1 to %d letters, digits and \"-_.%s\", not '%.40s'", name, MAX_TEXT,
			       more, optarg);
	*ret_text = optarg;
	return 0;
}

static int parse_engine(const char **ret_socket, struct err *err)
{
	size_t scheme = strlen(ENGINE_SCHEME);

	if (strncmp(optarg, ENGINE_SCHEME, scheme) != 0 || optarg[scheme] != '/' || strlen(optarg + scheme) > MAX_SOCKET)
		return err_say(err, -EINVAL,
			       "--docker-host must be unix:// and the absolute path of the Engine's socket, not '%.100s'", optarg);
	*ret_socket = optarg + scheme;
	return 0;
}

static int parse_profile(enum profile *ret_profile, struct err *err)
{
	static const enum profile profiles[] = { PROFILE_HARDENED, PROFILE_ORIGINAL };

	array_for_each(profiles, profile) {
		if (strcmp(optarg, profile_name(*profile)) == 0) {
			*ret_profile = *profile;
			return 0;
		}
	}
	return err_say(err, -EINVAL, "--profile must be hardened or original, not '%.40s'", optarg);
}

static int parse_one(int id, struct options *options, struct err *err)
{
	unsigned number = 0;
	int r;

	switch (id) {
	case OPT_DOCTOR:
		options->is_doctor = true;
		return 0;
	case OPT_SUPERVISOR_FD:
		r = parse_number("supervisor-fd", 3, 1 << 20, &number, err);
		options->supervisor_fd = (int)number;
		return r;
	case OPT_DOCKER_HOST:
		return parse_engine(&options->engine_socket, err);
	case OPT_IMAGE:
		return parse_text("image", "/:@", &options->image, err);
	case OPT_PROFILE:
		return parse_profile(&options->profile, err);
	case OPT_RUNTIME:
		return parse_text("runtime", "", &options->runtime, err);
	case OPT_SLOTS:
		return parse_number("slots", 1, OPTIONS_MAX_SLOTS, &options->slots, err);
	case OPT_IDLE:
		return parse_number("idle", 1, OPTIONS_MAX_SLOTS, &options->idle, err);
	case OPT_NAME:
		return parse_text("name", "", &options->name, err);
	case OPT_HELP:
		options->is_help = true;
		return 0;
	case OPT_VERSION:
		options->is_version = true;
		return 0;
	default:
		return err_say(err, -EINVAL, "unknown option or missing value; see safexec-docker --help");
	}
}

static void fit_to_machine(struct options *options)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->slots == 0) {
		options->slots = (unsigned)(cpus < 1 ? 1 : cpus) * SLOTS_PER_CPU;
		if (options->slots < MIN_SLOTS)
			options->slots = MIN_SLOTS;
		if (options->slots > MAX_AUTO_SLOTS)
			options->slots = MAX_AUTO_SLOTS;
	}
	if (options->idle == 0 || options->idle > options->slots)
		options->idle = options->slots;
}

int options_parse(int argc, char **argv, struct options *ret_options, struct err *err)
{
	*ret_options = (struct options){
		.supervisor_fd = -EBADF,
		.name = "default",
		.image = "python:3.11-slim",
		.engine_socket = "/var/run/docker.sock",
		.profile = PROFILE_HARDENED,
	};
	opterr = 0;
	for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		int r = parse_one(id, ret_options, err);

		if (r < 0)
			return r;
	}
	if (optind < argc)
		return err_say(err, -EINVAL, "'%.40s' is not an option; see safexec-docker --help", argv[optind]);
	fit_to_machine(ret_options);
	if (!ret_options->is_doctor && !ret_options->is_help && !ret_options->is_version && ret_options->supervisor_fd < 0)
		return err_say(err, -EINVAL, "--supervisor-fd is missing; `safexec serve --provider docker` starts this program");
	return 0;
}
