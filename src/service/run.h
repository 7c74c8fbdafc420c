/* SPDX-License-Identifier: Apache-2.0
 * run.h: what a run is asked to do, what it says while it runs, and all that is known of it at its end.
 */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "spec/limits.h"
#include "spec/result.h"
#include "wire/report.h"

#include <stdbool.h>

/* A file of the run, beneath /app: "data/in.csv". */
struct run_file {
	const char *path;
	const char *bytes;
	size_t size;
};

enum run_stream { RUN_STDOUT, RUN_STDERR };

/* Told while the run runs, with the done function's argument; each may be NULL. None may cancel a run. */
struct run_events {
	void (*on_started)(void *arg); /* once, before the others; not when the program never ran */
	void (*on_output)(enum run_stream stream, const char *bytes, size_t size,
			  void *arg); /* what the outcome will hold, no more */
	void (*on_display)(const struct run_display *display, void *arg);
};

/* For whoever keeps books: who asked, and for what. Nothing here is looked at. */
struct run_tag {
	uint64_t key;        /* API key's id; 0: none */
	char request_id[41]; /* "": nobody asked */
	uint8_t digest[32];  /* SHA-256 of what was asked */
};

/* Everything is copied but events. */
struct run_request {
	const char *code; /* the program: what the entrypoint holds; NULL when that is one of the files */
	size_t code_bytes;
	const char *entrypoint; /* NULL: "script.py" */
	const struct run_file *files;
	size_t files_count;
	const char *in; /* its standard input; NULL: /dev/null */
	size_t in_bytes;
	const char *const *args; /* sys.argv[1:] */
	size_t args_count;
	const char *const *env; /* "NAME=value" */
	size_t env_count;
	const char *const *outputs; /* globs of the files that come back */
	size_t outputs_count;
	const struct limits *limits;        /* NULL: the service's own */
	const char *environment, *provider; /* NULL: whatever is ready */
	bool is_read_only;                  /* no writing to /app and /tmp */
	bool wants_value;                   /* of the last expression */
	bool wants_displays;
	bool is_check;             /* only compiled, in the cell; a SyntaxError is an error like any other */
	int priority;              /* the higher, the sooner; among equals owners take turns, and an owner's are served in order */
	uint64_t owner;            /* who asks: an API key's id; 0: nobody in particular */
	nsec_t start_by;           /* of clock_now: still waiting then, it ends with RUN_WAITED; 0: queue_ms alone counts */
	const struct run_tag *tag; /* NULL: none */
	const struct run_events *events; /* NULL: none; kept by pointer */
};

enum run_end {
	RUN_ENDED,       /* result holds; with VERDICT_INTERNAL and VERDICT_REFUSED too */
	RUN_WAITED,      /* no cell became free in time; nothing ran */
	RUN_NO_PROVIDER, /* the provider is gone, a new one may come; nothing ran */
	RUN_STOPPED,     /* the service is stopping; nothing ran */
};

/* Both streams in the order of their arrival: so many bytes of out or err, then so many of the other. */
struct run_segment {
	uint32_t stream; /* enum run_stream */
	uint32_t size;
};

/* A file that an output glob has found. */
struct run_returned {
	const char *path;  /* beneath /app, as the guest named it: any bytes but NUL */
	uint64_t size;     /* of the file */
	const char *bytes; /* NULL: left out, because the run's files are too many bytes */
};

/* Where it ran. The texts are the provider's. */
struct run_place {
	char provider[16], environment[32], python[32]; /* "native", "base", "3.11.2"; "" where unknown */
	uint32_t layers;                                /* what was verified in this very cell: bits of spec/layers.h */
};

struct run_outcome {
	enum run_end end;
	struct result result;
	const char *refusal;  /* with VERDICT_REFUSED: what the provider cannot do, in a sentence; else "" */
	struct limits limits; /* that held for it */
	struct buf out, err;  /* at most limits.output_bytes each; whoever wants to keep one moves it out */
	bool is_out_truncated, is_err_truncated;
	const struct run_segment *segments; /* of out and err together */
	size_t segments_count;
	uint64_t output_bytes; /* of both streams, those that were not kept included */
	const struct run_display *displays;
	size_t displays_count;
	bool are_displays_truncated; /* there were more, or larger ones, than are kept */
	const char *value;           /* repr of the last expression's value; NULL: it was None, or there was none */
	size_t value_bytes;
	bool is_value_truncated;
	const struct run_returned *files;
	size_t files_count;
	bool are_files_truncated; /* more files matched than are listed, or the time for looking was over */
	struct run_place place;
	nsec_t queue_time;
};

/* Whether a provider could take it: -EINVAL, -E2BIG or -EEXIST with a sentence that its caller can be shown. */
int run_request_check(const struct run_request *request, struct err *err);
