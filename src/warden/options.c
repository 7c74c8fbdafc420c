/* SPDX-License-Identifier: Apache-2.0 */
#include "warden/options.h"

#include "wire/ids.h"

_Static_assert(CMDLINE_MAX_SLOTS <= IDS_MAX_SLOTS, "each slot has ids of its own");

/* What a run may find in sys.modules beyond a fresh interpreter's own; SPECIFICATION.md lists them. */
#define BASE_PRELOAD "json re random datetime collections math itertools functools typing dataclasses"

static const struct cmdline_row rows[] = {
#define AT(field) offsetof(struct options, field)
	{ "turn", "N", "which warden of that server this is: a reload has two at once (default: 1)", cmdline_parse_unsigned,
	  AT(turn), 1, UINT32_MAX },
	{ "root", "DIR", "environment's root filesystem (default: the host's own /usr)", cmdline_parse_path, AT(root) },
	{ "python", "PATH", "interpreter inside the environment (default: /usr/bin/python3)", cmdline_parse_path, AT(python) },
	{ "preload", "MODULES", "imported ahead of every run, separated by blanks", cmdline_parse_text, AT(preload) },
	{ "zygote-max-forks", "N", "runs after which the warm interpreter is replaced (default: 10000)", cmdline_parse_u64,
	  AT(zygote_max_forks), 1, UINT32_MAX },
	{ "zygote-max-seconds", "N", "age at which it is replaced (default: 3600)", cmdline_parse_u64, AT(zygote_max_seconds), 1,
	  UINT32_MAX },
#ifdef SAFEXEC_TEST_STAGES
	{ "skip-stage", "NAME", NULL, cmdline_parse_text, AT(skip_stage) },
#endif
#undef AT
};

const struct cmdline options_cmdline = {
	.program = "safexec-warden",
	.usage = "Usage: safexec-warden --supervisor-fd N [OPTION]...\n"
		 "       safexec-warden --doctor\n"
		 "The native provider of safexec: makes sandboxed cells and hands them to the front. `safexec serve` starts it.\n",
	.started_by = "safexec serve",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
};

struct options options_default(void)
{
	return (struct options){
		.common = COMMON_OPTIONS_DEFAULT,
		.turn = 1,
		.python = "/usr/bin/python3",
		.root = "",
		.preload = BASE_PRELOAD,
		.zygote_max_forks = 10000,
		.zygote_max_seconds = 3600,
		.skip_stage = "",
	};
}
