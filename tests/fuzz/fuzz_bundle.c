/* SPDX-License-Identifier: Apache-2.0
 * Bundles: whatever bytes lie in one, a record that is read lies within them and is what its type allows. The first byte says
 * how many of the rest are a glob, which then meets every path.
 */
#include "wire/bundle.h"
#include "wire/glob.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_record(const struct bundle *bundle, const struct bundle_record *record, const char *glob)
{
	const char *end = bundle->bytes + bundle->size;

	check(record->type > 0 && record->type < BUNDLE_TYPES && record->name[record->name_size] == '\0');
	check(record->name >= bundle->bytes && record->name + record->name_size < end);
	if (record->bytes)
		check(record->bytes >= bundle->bytes && record->size < (size_t)(end - record->bytes) &&
		      record->bytes[record->size] == '\0');
	if (record->type == BUNDLE_FILE || record->type == BUNDLE_LEFT_OUT || record->type == BUNDLE_ENTRY) {
		check(bundle_check_path(record->name, record->name_size, NULL) == 0 && record->name[0] != '/');
		check(!strstr(record->name, "/../") && strncmp(record->name, "../", 3) != 0);
		if (glob_is_literal(glob))
			check(glob_matches(glob, record->name) == (strcmp(glob, record->name) == 0));
		else
			(void)glob_matches(glob, record->name);
		(void)glob_may_match_below(glob, record->name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bundle bundle;
	struct bundle_record record;
	char glob[256] = "";
	unsigned records = 0;

	if (size == 0 || size <= (size_t)bytes[0] + 1)
		return 0;
	memcpy(glob, bytes + 1, bytes[0]);
	if (bundle_check_glob(glob, strlen(glob), NULL) < 0)
		memcpy(glob, "*", sizeof "*");
	size -= (size_t)bytes[0] + 1;
	bytes += bytes[0] + 1;
	if (bundle_from_bytes((const char *)bytes, size, &bundle) < 0)
		return 0;
	while (bundle_next(&bundle, &record) > 0) {
		check_record(&bundle, &record, glob);
		records++;
	}
	bundle_rewind(&bundle);
	check(records <= size / 18);
	return 0;
}
