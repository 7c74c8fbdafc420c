/* SPDX-License-Identifier: Apache-2.0
 * audit.h: the words of `safexec audit`: a *case* is one attempt with its rule, a *column* is one kind of server that all cases
 * are tried on, a *sight* is what was seen of one attempt, and a *grade* is what the rule makes of it.
 */
#pragma once
#include "base/clock.h"

#include <stdbool.h>

enum grade {
#define GRADE(symbol, name, meaning) GRADE_##symbol,
#include "cli/audit_grades.def"
#undef GRADE
	GRADE_COUNT,
};

enum audit_kind { KIND_NATIVE, KIND_ORIGINAL, KIND_HARDENED, KIND_RUNTIME, KIND_COUNT };

/* Columns as a set, for what a case may hold against whom. */
#define IN(kind) (1u << (kind))
#define IN_CONFINING \
	(IN(KIND_NATIVE) | IN(KIND_HARDENED) | IN(KIND_RUNTIME)) /* original promises nothing: it is what we compare with */
#define IN_NATIVE       IN(KIND_NATIVE)
#define IN_HOSTS_KERNEL (IN(KIND_NATIVE) | IN(KIND_HARDENED)) /* a runtime may have another kernel, whose answers are its own */
#define AUDIT_NOTHING   "nothing"
#define AUDIT_PARTLY    "nothing, or only a part"

struct audit_kind_row {
	const char *id, *title, *about;
	const char *provider, *profile; /* as the options of `safexec serve` name them; profile: NULL for none */
	bool has_runtime;               /* only when --runtime names one */
	unsigned workers;               /* attempts at once: a container costs half a CPU second, a cell a thousandth of it */
};

extern const struct audit_kind_row audit_kinds[KIND_COUNT];

/* What came back from one POST /run. Owns its texts. */
struct audit_answer {
	int fault;   /* negative errno when there was no answer of ours at all */
	long status; /* of HTTP */
	bool is_success;
	char *output, *error; /* never NULL once answered; "" when there is none */
	nsec_t took;
};

#define AUDIT_LOOKS       8 /* runs afterwards that look for traces, all at once, so that they are in as many cells */
#define AUDIT_WORD_BYTES  40
#define AUDIT_PLACE_BYTES 256

/* What was seen of one attempt: its answer, and what the host showed meanwhile and afterwards. */
struct audit_sight {
	struct audit_answer answer;
	struct audit_answer looks[AUDIT_LOOKS];
	unsigned looks_count;
	const char *token;  /* a word that only this attempt knows */
	const char *secret; /* a word that lies outside every sandbox: in the bait and in the server's environment */
	const char *host_passwd;
	int left; /* of the server once it has ended: processes, mounts, cgroups, containers; -1: that is not known */
	unsigned processes_during, processes_after;                         /* of the host, with the token on their command line */
	char file_during[AUDIT_PLACE_BYTES], file_after[AUDIT_PLACE_BYTES]; /* a file of the host with the token in its name; "" */
	bool is_secret_in_environment, is_search_proved;                    /* the searches found what they must find */
};

enum { LOOK_PROCESSES = 1u << 0, LOOK_FILES = 1u << 1 };

struct audit_case {
	const char *id, *group, *title;
	const char *code;       /* @TOKEN@, @BAIT@ and @PORT@ are filled in */
	const char *beside;     /* code of a run that lives meanwhile; NULL */
	const char *afterwards; /* code of the runs that look for traces; NULL */
	unsigned repeat;        /* the code is this text so many times; 0: once */
	bool is_read_only;
	bool is_last;       /* nothing runs: it is about what is left when our server has ended */
	bool is_slow;       /* takes the whole wall time: begun first */
	bool is_for_x86_64; /* names system calls by number */
	int family;         /* an address family that this kernel must have, or the case says nothing; 0 */
	unsigned looks;     /* LOOK_... */
	unsigned promised;  /* IN(kind)...: where it is an escape when the attempt succeeds, elsewhere a weakness */
	enum grade (*rule)(const struct audit_case *what, const struct audit_sight *sight);
	const char *held, *partly, *open; /* for rules that read words: alternatives parted by '|' */
	uint64_t most;                    /* for rules that read a number */
	const char *layers[KIND_COUNT];   /* what stops it where it is stopped; NULL under a runtime: what stops it in hardened */
};

#define AUDIT_MAX_CASES      64
#define AUDIT_HAPPENED_BYTES 256

extern const struct audit_case audit_cases[];
extern const unsigned audit_cases_count;

struct audit_result {
	enum grade grade;
	char happened[AUDIT_HAPPENED_BYTES]; /* one line of printable text */
	const char *layer;                   /* what stopped it, or AUDIT_NOTHING or AUDIT_PARTLY; NULL when nothing is known */
	long status;
	uint64_t took_ms;
};

struct audit_column {
	enum audit_kind kind;
	char python[32], engine[64]; /* versions; engine "" for native */
	uint64_t took_ms;
	struct audit_result results[AUDIT_MAX_CASES];
};

struct audit_machine {
	char date[32], kernel[160], system[96], processor[96], cgroups[32];
	unsigned cpus;
	uint64_t memory_bytes;
};

struct audit_report {
	struct audit_machine machine;
	struct audit_column columns[KIND_COUNT];
	unsigned columns_count;
	char command[256]; /* as it was called */
};

/* Fills in what this machine is. Unknown facts become "unknown". */
void audit_look_at_machine(struct audit_machine *machine);
