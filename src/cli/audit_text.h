/* SPDX-License-Identifier: Apache-2.0
 * audit_text.h: what a run printed, made fit for a line of a report: cut, and without anything that a terminal or a page obeys.
 */
#pragma once
#include "cli/audit.h"

#include <stdio.h>

/* Copies text as one line: line ends become " / ", other control characters "?"; cut at a whole character, with "..." then. */
void audit_cut_text(const char *text, char *line, size_t size);

/* One line on what was seen of an attempt. */
void audit_tell_what_happened(const struct audit_case *what, const struct audit_sight *sight, char line[AUDIT_HAPPENED_BYTES]);

/* Writes text for a cell of a Markdown table, and for HTML. */
void audit_write_markdown(FILE *to, const char *text);
void audit_write_html(FILE *to, const char *text);
