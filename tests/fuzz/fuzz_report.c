/* SPDX-License-Identifier: Apache-2.0
 * Reports: whatever a guest writes, what is kept lies within its bounds, and is the same however the stream is cut (the first byte
 * says into which pieces).
 */
#include "wire/report.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_display(const struct run_display *display, size_t size)
{
	size_t sum = 0;

	check(display->forms_count > 0 && display->forms_count <= REPORT_MAX_FORMS);
	for (size_t i = 0; i < display->forms_count; i++) {
		const struct run_form *form = &display->forms[i];
		size_t type_size = strlen(form->type);

		check(type_size > 0 && type_size <= REPORT_MAX_TYPE && !strpbrk(form->type, " <>\"'\n"));
		for (size_t at = 0; at < form->size; at++)
			sum += form->bytes[at] != 0; /* ASan looks on */
		sum += type_size;
	}
	check(sum <= size);
}

static struct report read_all(const uint8_t *bytes, size_t size, size_t piece)
{
	struct report report = report_new();
	int displays = 0;

	for (size_t at = 0; at < size; at += piece) {
		int r = report_feed(&report, (const char *)bytes + at, size - at < piece ? size - at : piece);

		check(r >= 0);
		displays += r;
	}
	check((size_t)displays == report.displays_count && displays <= REPORT_MAX_DISPLAYS);
	for (size_t i = 0; i < report.displays_count; i++)
		check_display(&report.displays[i], size);
	return report;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return 0;

	struct report cut = read_all(bytes + 1, size - 1, (size_t)bytes[0] + 1), whole = read_all(bytes + 1, size - 1, size);

	check(cut.displays_count == whole.displays_count && cut.value_size == whole.value_size && cut.is_cut == whole.is_cut &&
	      cut.is_garbage == whole.is_garbage);
	check(!cut.value == !whole.value && (!cut.value || memcmp(cut.value, whole.value, cut.value_size) == 0));
	report_free(&cut);
	report_free(&whole);
	return 0;
}
