/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/options.h"

#include "base/num.h"
#include "wire/ids.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_PER_CPU  4
#define MIN_SLOTS      4
#define MAX_AUTO_SLOTS 64

/* What a run may find in sys.modules beyond a fresh interpreter's own; SPECIFICATION.md lists them. */
#define BASE_PRELOAD "json re random datetime collections math itertools functools typing dataclasses"

const char options_help[] =
	"Usage: safexec-warden --supervisor-fd N [OPTION]...\n"
	"       safexec-warden --doctor\n"
	"The native provider of safexec: makes sandboxed cells and hands them to the front. `safexec serve` starts it.\n"
	"\n"
	"  --doctor                 check every kernel feature, one line each, and run a program in a cell\n"
	"  --slots N                cells at once (default: 4 a CPU)\n"
	"  --idle N                 cells kept ready (default: all slots)\n"
	"  --name NAME              of this server, for its cgroups (default: default)\n"
	"  --root DIR               environment's root filesystem (default: the host's own /usr)\n"
	"  --python PATH            interpreter inside the environment (default: /usr/bin/python3)\n"
	"  --preload MODULES        imported ahead of every run, separated by blanks\n"
	"  --zygote-max-forks N     runs after which the warm interpreter is replaced (default: 10000)\n"
	"  --zygote-max-seconds N   age at which it is replaced (default: 3600)\n"
	"  --help, --version\n";

enum option_id {
	OPT_DOCTOR = 1,
	OPT_SUPERVISOR_FD,
	OPT_SLOTS,
	OPT_IDLE,
	OPT_NAME,
	OPT_ROOT,
	OPT_PYTHON,
	OPT_PRELOAD,
	OPT_MAX_FORKS,
	OPT_MAX_SECONDS,
	OPT_SKIP_STAGE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "doctor", no_argument, NULL, OPT_DOCTOR },
	{ "supervisor-fd", required_argument, NULL, OPT_SUPERVISOR_FD },
	{ "slots", required_argument, NULL, OPT_SLOTS },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "python", required_argument, NULL, OPT_PYTHON },
	{ "preload", required_argument, NULL, OPT_PRELOAD },
	{ "zygote-max-forks", required_argument, NULL, OPT_MAX_FORKS },
	{ "zygote-max-seconds", required_argument, NULL, OPT_MAX_SECONDS },
#ifdef SAFEXEC_TEST_STAGES
	{ "skip-stage", required_argument, NULL, OPT_SKIP_STAGE },
#endif
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *name, uint64_t min, uint64_t max, uint64_t *ret_value, struct err *err)
{
	int r = num_parse_u64(optarg, min, max, ret_value);

	return r < 0 ? err_say(err, -EINVAL, "--%s must be a number from %llu to %llu, not '%.40s'", name, (unsigned long long)min,
			       (unsigned long long)max, optarg)
		     : 0;
}

static int parse_name(struct options *options, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t size = strlen(optarg);

	if (size == 0 || size > 40 || strspn(optarg, allowed) != size)
		return err_say(err, -EINVAL, "--name must be 1 to 40 letters, digits, '-' or '_'");
	options->name = optarg;
	return 0;
}

static int parse_path(const char *name, const char **ret_path, struct err *err)
{
	if (optarg[0] != '/' || strlen(optarg) > 1024)
		return err_say(err, -EINVAL, "--%s must be an absolute path", name);
	*ret_path = optarg;
	return 0;
}

static int parse_one(int id, struct options *options, struct err *err)
{
	uint64_t number = 0;
	int r = 0;

	switch (id) {
	case OPT_DOCTOR:
		options->is_doctor = true;
		return 0;
	case OPT_SUPERVISOR_FD:
		r = parse_number("supervisor-fd", 3, 1 << 20, &number, err);
		options->supervisor_fd = (int)number;
		return r;
	case OPT_SLOTS:
		r = parse_number("slots", 1, IDS_MAX_SLOTS, &number, err);
		options->slots = (unsigned)number;
		return r;
	case OPT_IDLE:
		r = parse_number("idle", 1, IDS_MAX_SLOTS, &number, err);
		options->idle = (unsigned)number;
		return r;
	case OPT_NAME:
		return parse_name(options, err);
	case OPT_ROOT:
		return parse_path("root", &options->root, err);
	case OPT_PYTHON:
		return parse_path("python", &options->python, err);
	case OPT_PRELOAD:
		options->preload = optarg;
		return 0;
	case OPT_MAX_FORKS:
		return parse_number("zygote-max-forks", 1, UINT32_MAX, &options->zygote_max_forks, err);
	case OPT_MAX_SECONDS:
		return parse_number("zygote-max-seconds", 1, UINT32_MAX, &options->zygote_max_seconds, err);
	case OPT_SKIP_STAGE:
		options->skip_stage = optarg;
		return 0;
	case OPT_HELP:
		options->is_help = true;
		return 0;
	case OPT_VERSION:
		options->is_version = true;
		return 0;
	default:
		return err_say(err, -EINVAL, "unknown option or missing value; see safexec-warden --help");
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
		.python = "/usr/bin/python3",
		.root = "",
		.preload = BASE_PRELOAD,
		.zygote_max_forks = 10000,
		.zygote_max_seconds = 3600,
		.skip_stage = "",
	};
	opterr = 0;
	for (int id; (id = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		int r = parse_one(id, ret_options, err);

		if (r < 0)
			return r;
	}
	if (optind < argc)
		return err_say(err, -EINVAL, "'%.40s' is not an option; see safexec-warden --help", argv[optind]);
	fit_to_machine(ret_options);
	if (!ret_options->is_doctor && !ret_options->is_help && !ret_options->is_version && ret_options->supervisor_fd < 0)
		return err_say(err, -EINVAL, "--supervisor-fd is missing; `safexec serve` starts the warden");
	return 0;
}
