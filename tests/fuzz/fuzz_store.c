/* SPDX-License-Identifier: Apache-2.0
 * Calls of the front to the store, and the items of a submission: whatever bytes come, what is taken keeps its bounds.
 */
#include "wire/store.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_items(const char *parcel, size_t size)
{
	struct store_item item;
	const char *body, *url;

	for (size_t at = 0; store_take_item(parcel, size, &at, &item, &body, &url) == 0;) {
		check(at <= size && body >= parcel && body + item.body_size == url && url + item.url_size == parcel + at);
		check(item.once[0] == '\0' || strlen(item.once) <= STORE_ONCE_MAX);
	}
}

static void check_call(const uint8_t *bytes, size_t size)
{
	struct store_get get;
	struct store_list list;

	for (size_t fds = 0; fds < 3; fds++) {
		if (!store_check_call(bytes, (ssize_t)size, fds))
			continue;
		check(fds < 2 && size <= FRAME_MAX_BYTES);
		memcpy(&get, bytes, size < sizeof get ? size : sizeof get);
		if (get.head.type == STORE_GET)
			check(strlen(get.id) < STORE_ID_BYTES);
		memcpy(&list, bytes, size < sizeof list ? size : sizeof list);
		if (list.head.type == STORE_LIST)
			check(list.count >= 1 && list.count <= STORE_LIST_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	enum store_peer peer;

	check_items((const char *)bytes, size);
	check_call(bytes, size);
	(void)store_check_answer(bytes, (ssize_t)size);
	(void)store_check_link(bytes, (ssize_t)size, 1, &peer);
	return 0;
}
