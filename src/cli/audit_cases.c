/* SPDX-License-Identifier: Apache-2.0
 * audit_cases.c: the tables of `safexec audit`: what is tried, and on what.
 */
#include "cli/audit.h"
#include "cli/audit_judge.h"

/* To the answer of a run of ten seconds, with the wait for a sandbox: several others are being made at the time. */
#define MAX_ANSWER_MS 20000

const struct audit_case audit_cases[] = {
#define CASE(...) { __VA_ARGS__ },
#include "cli/audit_cases.def"
#undef CASE
};

const unsigned audit_cases_count = ARRAY_SIZE(audit_cases);

_Static_assert(ARRAY_SIZE(audit_cases) <= AUDIT_MAX_CASES, "a column has room for every case");

const struct audit_kind_row audit_kinds[KIND_COUNT] = {
	[KIND_NATIVE] = { .id = "native",
			  .title = "native",
			  .about = "This project's own sandbox: namespaces, a root of its own, no privileges, seccomp, Landlock, "
				   "cgroups; "
				   "each run in a cell that is used once.",
			  .provider = "native",
			  .workers = 6 },
	[KIND_ORIGINAL] = { .id = "docker-original",
			    .title = "docker original",
			    .about = "A container as the original project ran it: --network none --memory 128m --cpus 0.5 "
				     "--pids-limit 64 "
				     "-v DIR:/app, as root. Ended and removed by this project's provider; here to compare with: it "
				     "promises nothing, and what it lets through is "
				     "marked weak.",
			    .provider = "docker",
			    .profile = "original",
			    .workers = 3 },
	[KIND_HARDENED] = { .id = "docker-hardened",
			    .title = "docker hardened",
			    .about = "The same container with what the original left open: no capabilities, no_new_privs, a user "
				     "other than "
				     "root, read-only root, capped tmpfs, no swap, nothing on the host's disk.",
			    .provider = "docker",
			    .profile = "hardened",
			    .workers = 3 },
	[KIND_RUNTIME] = { .id = "docker-runtime",
			   .title = "docker runtime",
			   .about = "The hardened container under the OCI runtime that --runtime names. gVisor's runsc puts a "
				    "kernel of its "
				    "own between the program and the host's: its answers are marked weak where the host's would "
				    "be, and what the host cannot see of a run in there is unclear.",
			   .provider = "docker",
			   .profile = "hardened",
			   .has_runtime = true,
			   .workers = 2 },
};
