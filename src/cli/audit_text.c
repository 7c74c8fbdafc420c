/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_text.h"

#include <stdbool.h>
#include <string.h>

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* C0, DEL, and the C1 controls, which are 0xc2 0x80..0x9f in UTF-8 and which terminals obey as well. */
static size_t control_length(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = first ? (unsigned char)text[1] : 0;

	if (first < 0x20 || first == 0x7f)
		return 1;
	return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

static size_t skip_line_ends(const char *text)
{
	return strspn(text, "\r\n");
}

void audit_cut_text(const char *text, char *line, size_t size)
{
	static const char dots[] = "...";
	size_t room = size - sizeof dots, used = 0;

	text += strspn(text, " \r\n");
	while (*text && used + sizeof " / " <= room) {
		size_t ends = skip_line_ends(text), control = control_length(text), length = 1;

		if (ends > 0) {
			text += ends;
			if (*text)
				used += (size_t)snprintf(line + used, size - used, " / ");
			continue;
		}
		while (is_continuation(text[length]))
			length++;
		if (control > 0)
			line[used++] = '?';
		else if (length <= 4 && used + length <= room)
			memcpy(line + used, text, length), used += length;
		text += control > 0 ? control : length;
	}
	line[used] = '\0';
	if (*text)
		memcpy(line + used, dots, sizeof dots);
}

/* The last line that says something: of a traceback, the exception. */
static const char *last_line(const char *text)
{
	const char *end = text + strlen(text);

	while (end > text && strchr("\r\n ", end[-1]))
		end--;
	while (end > text && end[-1] != '\n')
		end--;
	return end;
}

static const char *seen(unsigned processes)
{
	return processes > 0 ? "yes" : "no";
}

static void add(char line[AUDIT_HAPPENED_BYTES], const char *text)
{
	size_t used = strlen(line);

	(void)snprintf(line + used, AUDIT_HAPPENED_BYTES - used, "%s", text);
}

void audit_tell_what_happened(const struct audit_case *what, const struct audit_sight *sight, char line[AUDIT_HAPPENED_BYTES])
{
	const struct audit_answer *answer = &sight->answer;
	bool has_looked = sight->looks_count > 0 && sight->looks[0].fault == 0;
	char text[AUDIT_HAPPENED_BYTES - 88], more[128] = "";

	if (answer->fault < 0) {
		(void)snprintf(line, AUDIT_HAPPENED_BYTES, "No answer: %s.", strerrordesc_np(-answer->fault));
		return;
	}
	if (has_looked)
		audit_cut_text(sight->looks[0].output, text, sizeof text);
	else
		audit_cut_text(answer->is_success ? answer->output : last_line(answer->error), text, sizeof text);
	(void)snprintf(line, AUDIT_HAPPENED_BYTES, "%s", text[0] ? text : "it printed nothing");
	if (answer->status != 200) {
		(void)snprintf(more, sizeof more, " (status %ld)", answer->status);
		add(line, more);
	}
	if (what->afterwards)
		add(line, has_looked ? " (one of the runs that looked)" : " (the runs that looked gave no answer)");
	if (what->looks & LOOK_PROCESSES) {
		(void)snprintf(more, sizeof more, "; seen on the host meanwhile: %s, afterwards: %s", seen(sight->processes_during),
			       seen(sight->processes_after));
		add(line, more);
	}
	if (what->looks & LOOK_FILES)
		add(line, sight->file_after[0]    ? "; the file is on the host, and stays there"
			  : sight->file_during[0] ? "; the file was on the host while it ran"
						  : "; the file was not on the host");
}

void audit_write_markdown(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\|*_`<>[]#~&", *text))
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
}

void audit_write_html(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			(void)fputs("&lt;", to);
			break;
		case '>':
			(void)fputs("&gt;", to);
			break;
		case '&':
			(void)fputs("&amp;", to);
			break;
		case '"':
			(void)fputs("&quot;", to);
			break;
		default:
			(void)fputc(*text, to);
		}
	}
}
