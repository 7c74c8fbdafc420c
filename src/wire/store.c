/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(struct store_audit) <= FRAME_MAX_BYTES, "an audit entry fits a frame");

enum parcel { NO_PARCEL, A_PARCEL, ANY_PARCEL };

static const struct {
	uint32_t type;
	size_t size;
	enum parcel parcel;
} calls[] = {
	{ STORE_HELLO, sizeof(struct store_hello), ANY_PARCEL }, { STORE_SUBMIT, sizeof(struct store_submit), A_PARCEL },
	{ STORE_GET, sizeof(struct store_get), NO_PARCEL },      { STORE_LIST, sizeof(struct store_list), NO_PARCEL },
	{ STORE_CANCEL, sizeof(struct store_get), NO_PARCEL },   { STORE_CLAIM, sizeof(struct store_claim), NO_PARCEL },
	{ STORE_RESULT, sizeof(struct store_result), A_PARCEL }, { STORE_RELEASE, sizeof(struct store_release), NO_PARCEL },
	{ STORE_AUDIT, sizeof(struct store_audit), NO_PARCEL },  { STORE_KEYS_SEEN, sizeof(struct store_keys_seen), NO_PARCEL },
};

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool check_fields(const void *bytes, uint32_t type)
{
	union {
		struct store_hello hello;
		struct store_submit submit;
		struct store_get get;
		struct store_list list;
		struct store_claim claim;
		struct store_result result;
		struct store_release release;
		struct store_audit audit;
	} call = { 0 };

	switch (type) {
	case STORE_HELLO:
		memcpy(&call.hello, bytes, sizeof call.hello);
		return call.hello.zero == 0 && call.hello.count <= STORE_BATCH_MAX;
	case STORE_SUBMIT:
		memcpy(&call.submit, bytes, sizeof call.submit);
		return call.submit.zero == 0 && call.submit.count >= 1 && call.submit.count <= STORE_BATCH_MAX;
	case STORE_GET:
	case STORE_CANCEL:
		memcpy(&call.get, bytes, sizeof call.get);
		return call.get.zero == 0 && call.get.is_any <= 1 && is_text(call.get.id, sizeof call.get.id) &&
		       store_is_id(call.get.id);
	case STORE_LIST:
		memcpy(&call.list, bytes, sizeof call.list);
		return call.list.zero == 0 && call.list.is_any <= 1 && call.list.states < 1u << STORE_STATES &&
		       call.list.count >= 1 && call.list.count <= STORE_LIST_MAX && call.list.before <= INT64_MAX;
	case STORE_CLAIM:
		memcpy(&call.claim, bytes, sizeof call.claim);
		return call.claim.zero == 0 && call.claim.count >= 1 && call.claim.count <= STORE_CLAIM_MAX;
	case STORE_RESULT:
		memcpy(&call.result, bytes, sizeof call.result);
		return call.result.number <= INT64_MAX && is_text(call.result.verdict, sizeof call.result.verdict) &&
		       store_is_name(call.result.verdict);
	case STORE_RELEASE:
		memcpy(&call.release, bytes, sizeof call.release);
		return call.release.number <= INT64_MAX;
	case STORE_AUDIT:
		memcpy(&call.audit, bytes, sizeof call.audit);
		return call.audit.zero == 0 && call.audit.size >= 1 && call.audit.size <= STORE_AUDIT_MAX;
	default:
		return true;
	}
}

bool store_check_call(const void *bytes, ssize_t size, size_t fds_count)
{
	struct store_head head;

	if (size < (ssize_t)sizeof head)
		return false;
	memcpy(&head, bytes, sizeof head);
	if (head.magic != STORE_MAGIC)
		return false;
	array_for_each(calls, call) {
		if (call->type != head.type)
			continue;
		if ((size_t)size != call->size || fds_count > 1)
			return false;
		if (call->parcel != ANY_PARCEL && fds_count != (call->parcel == A_PARCEL))
			return false;
		return check_fields(bytes, head.type);
	}
	return false;
}

bool store_check_answer(const void *bytes, ssize_t size)
{
	struct store_answer answer;

	if (size != (ssize_t)sizeof answer)
		return false;
	memcpy(&answer, bytes, sizeof answer);
	return answer.head.magic == STORE_MAGIC && answer.head.type == STORE_ANSWER && answer.status <= 0 &&
	       is_text(answer.text, sizeof answer.text);
}

bool store_check_link(const void *bytes, ssize_t size, size_t fds_count, enum store_peer *ret_peer)
{
	struct store_link link;

	if (size != (ssize_t)sizeof link || fds_count != 1)
		return false;
	memcpy(&link, bytes, sizeof link);
	if (link.head.magic != STORE_MAGIC || link.head.type != STORE_LINK || link.head.tag > STORE_PEER_SENDER ||
	    link.is_followed > 1 || link.zero != 0)
		return false;
	*ret_peer = (enum store_peer)link.head.tag;
	return true;
}

int store_read_parcel(int fd, uint64_t max, char **ret_bytes, size_t *ret_size)
{
	uint64_t size;
	int r = fd_check_sealed(fd, &size);

	if (r < 0)
		return r;
	if (size > max)
		return -EFBIG;

	char *bytes = malloc(size + 1);

	if (!bytes)
		return -ENOMEM;
	if (lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	for (uint64_t at = 0; at < size && r == 0;) {
		ssize_t n = read(fd, bytes + at, size - at);

		if (n > 0)
			at += (uint64_t)n;
		else if (n == 0 || errno != EINTR)
			r = n < 0 ? -errno : -EIO;
	}
	if (r < 0) {
		free(bytes);
		return r;
	}
	bytes[size] = '\0';
	*ret_bytes = bytes;
	*ret_size = size;
	return 0;
}

bool store_take(const char *parcel, size_t parcel_size, size_t *at, void *record, size_t size)
{
	if (*at > parcel_size || size > parcel_size - *at)
		return false;
	memcpy(record, parcel + *at, size);
	*at += size;
	return true;
}

/* Points into the parcel instead of copying. */
static bool take_bytes(size_t parcel_size, size_t *at, size_t size, const char *parcel, const char **ret_bytes)
{
	if (size > parcel_size - *at)
		return false;
	*ret_bytes = parcel + *at;
	*at += size;
	return true;
}

int store_take_item(const char *parcel, size_t parcel_size, size_t *at, struct store_item *item, const char **ret_body,
		    const char **ret_url)
{
	if (!store_take(parcel, parcel_size, at, item, sizeof *item) || item->body_size == 0 || item->zero != 0 ||
	    item->body_size > STORE_BODY_MAX_BYTES || item->url_size > STORE_URL_MAX || item->deadline_ms > INT64_MAX ||
	    item->priority > STORE_PRIORITY_MAX || item->priority < -STORE_PRIORITY_MAX ||
	    !is_text(item->once, sizeof item->once) || (item->once[0] != '\0' && !store_is_once(item->once)))
		return -EPROTO;
	if (!take_bytes(parcel_size, at, item->body_size, parcel, ret_body) ||
	    !take_bytes(parcel_size, at, item->url_size, parcel, ret_url))
		return -EPROTO;
	for (size_t i = 0; i < item->url_size; i++) {
		if ((*ret_url)[i] <= ' ' || (*ret_url)[i] > '~')
			return -EPROTO;
	}
	return 0;
}

static bool is_hex(const char *text, size_t count)
{
	return strspn(text, "0123456789abcdef") == count && text[count] == '\0';
}

bool store_is_id(const char *text)
{
	return strncmp(text, "job_", 4) == 0 && is_hex(text + 4, 32);
}

bool store_is_once(const char *text)
{
	size_t size = 0;

	while (text[size] > ' ' && text[size] <= '~')
		size++;
	return size >= 1 && size <= STORE_ONCE_MAX && text[size] == '\0';
}

bool store_is_name(const char *text)
{
	size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@");

	return size >= 1 && size < sizeof((struct store_key *)NULL)->name && text[size] == '\0';
}

const char *store_state_name(uint32_t state)
{
	static const char *const names[] = { "queued", "started", "done", "canceled" };

	_Static_assert(ARRAY_SIZE(names) == STORE_STATES, "a name a state");
	return state < STORE_STATES ? names[state] : NULL;
}

const char *store_delivery_name(uint32_t delivery)
{
	static const char *const names[] = { "none", "pending", "delivered", "given_up" };

	_Static_assert(ARRAY_SIZE(names) == STORE_DELIVERIES, "a name a delivery");
	return delivery < STORE_DELIVERIES ? names[delivery] : NULL;
}
