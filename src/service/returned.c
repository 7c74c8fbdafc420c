/* SPDX-License-Identifier: Apache-2.0 */
#include "service/internal.h"

#include <stdlib.h>

/* Twice over the bundle: once to check and count, once to fill in. */
static int count_files(struct bundle *bundle)
{
	struct bundle_record record;
	int count = 0, r;

	while ((r = bundle_next(bundle, &record)) > 0) {
		if (record.type != BUNDLE_FILE && record.type != BUNDLE_LEFT_OUT && record.type != BUNDLE_MORE)
			return -EBADMSG;
		count += record.type != BUNDLE_MORE;
	}
	bundle_rewind(bundle);
	return r < 0 ? r : count;
}

int run_take_files(struct run *run, int *fd)
{
	struct bundle_record record;
	int r = run->flags & WIRE_JOB_OUTPUTS ? bundle_open(*fd, &run->returned) : -EBADMSG;

	*fd = fd_close(*fd); /* the mapping stays */
	if (r == 0)
		r = count_files(&run->returned);
	if (r < 0)
		return r;
	run->files = calloc((size_t)r + 1, sizeof *run->files);
	if (!run->files)
		return -ENOMEM;
	while (bundle_next(&run->returned, &record) > 0) {
		if (record.type == BUNDLE_MORE)
			run->are_files_truncated = true;
		else
			run->files[run->files_count++] = (struct run_returned){ record.name, record.size, record.bytes };
	}
	return 0;
}
