/* SPDX-License-Identifier: Apache-2.0
 * audit_host.h: what an audit lays out on the host, and what it looks for there: a bait that no run may read, processes by a word
 * on their command line, files by a word in their name.
 */
#pragma once
#include "base/err.h"
#include "cli/audit.h"

struct audit_host {
	char secret[AUDIT_WORD_BYTES]; /* what the bait holds */
	char folder[80], bait[96];     /* "" when there is none */
	char state[96];                /* of the servers under audit: nothing of this machine's own is touched */
	char pid[16];                  /* ours */
	char passwd[16384];            /* the host's own; "" when it cannot be read or is too long */
	bool is_search_proved;         /* a search for the bait's folder finds it */
};

/* Lays out the bait, readable for everybody, and a folder, and removes those of audits that were killed. Errors with a sentence. */
int audit_host_prepare(struct audit_host *host, struct err *err);

/* Removes it. For _cleanup_; safe when there is nothing. */
void audit_host_clear(struct audit_host *host);

/* Writes a word that nobody else knows. */
void audit_new_word(char word[AUDIT_WORD_BYTES]);

/* How many processes of this machine have the word on their command line. */
unsigned audit_count_processes(const char *word);

/* How many processes, mounts and cgroups of this machine bear a server's name. */
unsigned audit_count_traces(const char *name);

/* Looks for a file with the word in its name where servers and sandboxes keep theirs; its path, or "" when there is none. */
void audit_find_file(const char *word, char place[AUDIT_PLACE_BYTES]);

/* Whether this kernel has an address family at all. */
bool audit_has_family(int family);
