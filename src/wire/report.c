/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT32_C(0x54504552)

struct head {
	uint32_t magic, type, size, zero;
};

struct report report_new(void)
{
	return (struct report){ .pending = buf_new(sizeof(struct head) + REPORT_MAX_RECORD) };
}

void report_free(struct report *report)
{
	for (size_t i = 0; i < report->displays_count; i++)
		free((void *)(uintptr_t)report->displays[i].forms);
	free(report->displays);
	free(report->value);
	buf_free(&report->pending);
}

/* --- one record -------------------------------------------------------------------------------------------------------------- */

static bool is_type_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '+' || c == '-' ||
	       c == '.' || c == '_';
}

static bool is_type(const char *type, size_t size)
{
	if (size == 0 || size > REPORT_MAX_TYPE)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!is_type_byte(type[i]))
			return false;
	}
	return true;
}

/* Takes one form off the front. */
static bool take_form(char **at, size_t *left, struct run_form *ret_form)
{
	uint32_t sizes[2];

	if (*left < sizeof sizes)
		return false;
	memcpy(sizes, *at, sizeof sizes);

	size_t type_size = sizes[0], size = sizes[1], rest = *left - sizeof sizes;

	if (type_size > rest || size > rest - type_size || !is_type(*at + sizeof sizes, type_size))
		return false;
	/* The sizes are read: the type moves down over them, which leaves room for its end. */
	memmove(*at, *at + sizeof sizes, type_size);
	(*at)[type_size] = '\0';
	*ret_form = (struct run_form){ .type = *at, .bytes = *at + sizeof sizes + type_size, .size = size };
	*at += sizeof sizes + type_size + size;
	*left = rest - type_size - size;
	return true;
}

static int take_display(struct report *report, const char *bytes, size_t size)
{
	struct run_form *forms = malloc(REPORT_MAX_FORMS * sizeof *forms + size);
	size_t count = 0;

	if (!report->displays)
		report->displays = calloc(REPORT_MAX_DISPLAYS, sizeof *report->displays);
	if (!report->displays || !forms) {
		free(forms);
		return -ENOMEM;
	}

	char *at = (char *)(forms + REPORT_MAX_FORMS);

	memcpy(at, bytes, size);
	while (size > 0 && count < REPORT_MAX_FORMS && take_form(&at, &size, &forms[count]))
		count++;
	report->is_cut |= size > 0;
	if (count == 0) {
		free(forms);
		return 0;
	}
	report->displays[report->displays_count++] = (struct run_display){ forms, count };
	return 1;
}

static int take_value(struct report *report, const char *bytes, size_t size)
{
	uint32_t flags;

	if (size < sizeof flags || report->value) {
		report->is_cut = true;
		return 0;
	}
	memcpy(&flags, bytes, sizeof flags);
	report->value_size = size - sizeof flags;
	report->value = malloc(report->value_size + 1);
	if (!report->value)
		return -ENOMEM;
	memcpy(report->value, bytes + sizeof flags, report->value_size);
	report->value[report->value_size] = '\0';
	report->is_value_cut = flags & REPORT_VALUE_CUT;
	return 0;
}

/* --- the stream -------------------------------------------------------------------------------------------------------------- */

static bool is_kept(const struct report *report, const struct head *head)
{
	if (head->size > REPORT_MAX_RECORD || head->size > REPORT_MAX_BYTES - report->kept)
		return false;
	return head->type == REPORT_VALUE || (head->type == REPORT_DISPLAY && report->displays_count < REPORT_MAX_DISPLAYS);
}

/* What is pending begins with a whole head. Returns 1 when a display has come, 0, or -ENOMEM; *ret_is_done: more is needed. */
static int take_record(struct report *report, bool *ret_is_done)
{
	struct buf *pending = &report->pending;
	struct head head;
	int r = 0;

	memcpy(&head, pending->bytes, sizeof head);
	if (head.magic != MAGIC || head.zero != 0) {
		report->is_garbage = report->is_cut = true;
		buf_free(pending);
		return 0;
	}
	if (!is_kept(report, &head)) {
		report->is_cut = true;
		report->skip = head.size;
		pending->size = 0; /* report_feed has put in no more than the head */
		return 0;
	}
	if (pending->size < sizeof head + head.size) {
		*ret_is_done = true;
		return 0;
	}
	report->kept += head.size;
	if (head.type == REPORT_VALUE)
		r = take_value(report, pending->bytes + sizeof head, head.size);
	else
		r = take_display(report, pending->bytes + sizeof head, head.size);
	pending->size = 0;
	return r;
}

/* How many of the next bytes belong to the record that is pending, head first. */
static size_t want(const struct report *report)
{
	struct head head;

	if (report->pending.size < sizeof head)
		return sizeof head - report->pending.size;
	memcpy(&head, report->pending.bytes, sizeof head);
	return sizeof head + head.size - report->pending.size;
}

int report_feed(struct report *report, const char *bytes, size_t size)
{
	int count = 0;

	while (size > 0 && !report->is_garbage) {
		size_t part = report->skip > 0 ? report->skip : want(report);
		bool is_done = false;

		if (part > size)
			part = size;
		if (report->skip > 0) {
			report->skip -= part;
		} else {
			int r = buf_append(&report->pending, bytes, part);

			while (r >= 0 && !is_done && report->pending.size >= sizeof(struct head)) {
				r = take_record(report, &is_done);
				if (r > 0)
					count++;
			}
			if (r < 0)
				return -ENOMEM;
		}
		bytes += part;
		size -= part;
	}
	return count;
}
