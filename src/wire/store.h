/* SPDX-License-Identifier: Apache-2.0
 * store.h: what the front and the store say to each other. Both ends are ours, and each treats the other as hostile.
 *
 * A link (SEQPACKET) carries calls from the front, one frame each, and exactly one STORE_ANSWER to each, with the call's tag;
 * at most STORE_CALLS_MAX calls are without their answer at once. The first call on a link is STORE_HELLO. What is long
 * travels as a *parcel*: a sealed memfd whose layout the frame's type says. The store pushes STORE_KEYS unasked, at first right
 * after the answer to STORE_HELLO; the front says STORE_KEYS_SEEN when it goes by them. While a server reloads, the store has a link
 * to the front that goes and to the one that comes; STORE_DROP tells the one of a job that the other has canceled.
 *
 *     call            parcel                                      answer's parcel
 *     STORE_HELLO     a uint64_t a job that this front has begun  -
 *     STORE_SUBMIT    items: struct store_item, body, url         a struct store_ticket an item
 *     STORE_GET       -                                           struct store_job, result
 *     STORE_LIST      -                                           a struct store_job a job, no bytes behind them
 *     STORE_CANCEL    -                                           struct store_job as it is now
 *     STORE_CLAIM     -                                           jobs, begun from now on: struct store_job, body
 *     STORE_RESULT    the result                                  -
 *     STORE_RELEASE   -                                           -
 *     STORE_AUDIT     -                                           -
 *
 * Times are milliseconds since 1970. A job's body and result are bytes that the store never looks into.
 */
#pragma once
#include "base/err.h"
#include "spec/limits.h"
#include "wire/frame.h"

#include <stdbool.h>

#define STORE_MAGIC            0x53585354u
#define STORE_CALLS_MAX        32
#define STORE_BATCH_MAX        1000 /* jobs in one submission */
#define STORE_LIST_MAX         100  /* jobs in one list */
#define STORE_CLAIM_MAX        64
#define STORE_KEYS_MAX         1000
#define STORE_BODY_MAX_BYTES   (16 * MIB)
#define STORE_BATCH_MAX_BYTES  (32 * MIB) /* a submission's parcel */
#define STORE_RESULT_MAX_BYTES (96 * MIB)
#define STORE_ID_BYTES         40 /* "job_", 32 hexadecimal digits, NUL */
#define STORE_ONCE_BYTES       72 /* an idempotency key of 1 to 64 visible characters */
#define STORE_ONCE_MAX         64
#define STORE_URL_MAX          1024
#define STORE_TOLD_MAX_BYTES   65536 /* of a result in a callback; a longer one is to be fetched */
#define STORE_CALLBACK_MAX     (STORE_TOLD_MAX_BYTES + 4096)
#define STORE_AUDIT_MAX        896
#define STORE_PRIORITY_MAX     10 /* and -10 */
#define STORE_NO_KEY           0  /* the key id of whoever needs none, on loopback */

enum store_type {
	STORE_HELLO = 1,
	STORE_SUBMIT,
	STORE_GET,
	STORE_LIST,
	STORE_CANCEL,
	STORE_CLAIM,
	STORE_RESULT,
	STORE_RELEASE, /* a job that was claimed and has not run: it waits again */
	STORE_AUDIT,
	STORE_KEYS_SEEN,
	STORE_ANSWER,
	STORE_KEYS,
	/* between the store and its sender of callbacks, with the same head */
	STORE_CALLBACK,
	STORE_CALLBACK_DONE,
	/* between the supervisor and store, sender, front */
	STORE_LINK, /* to each of two: an end of their (new) link; the tag says who is at the other one, enum store_peer */
	STORE_UP,   /* from the store: it serves, and how many keys there are */
	STORE_DROP, /* to a front, unasked: a job that it has begun was canceled by way of another one */
};

enum store_peer { STORE_PEER_FRONT, STORE_PEER_STORE, STORE_PEER_SENDER };

enum store_state { STORE_QUEUED, STORE_STARTED, STORE_DONE, STORE_CANCELED, STORE_STATES };

enum store_delivery { STORE_NO_CALLBACK, STORE_PENDING, STORE_DELIVERED, STORE_GIVEN_UP, STORE_DELIVERIES };

enum { STORE_SCOPE_RUN = 1u << 0, STORE_SCOPE_JOBS = 1u << 1, STORE_SCOPE_ADMIN = 1u << 2, STORE_SCOPES = 7u };

struct store_head {
	uint32_t magic, type;
	uint64_t tag;
};

struct store_hello { /* count ids in the parcel; no parcel when it is 0 */
	struct store_head head;
	uint32_t count, zero;
};

struct store_submit {
	struct store_head head;
	uint64_t key;
	uint32_t count, zero;
};

struct store_item {
	uint64_t deadline_ms; /* 0: none */
	int32_t priority;
	uint32_t body_size, url_size, zero; /* url_size 0: no callback */
	char once[STORE_ONCE_BYTES];        /* idempotency key; "": none */
};

/* Of a submission either every item has its job, new or as before, or none of them is stored. */
enum { STORE_NEW, STORE_SAME, STORE_OTHER_BODY, STORE_NOT_TAKEN };

struct store_ticket {
	char id[STORE_ID_BYTES];
	uint32_t outcome; /* STORE_NEW ... */
	uint32_t state;   /* enum store_state of the job */
};

struct store_get { /* STORE_GET and STORE_CANCEL */
	struct store_head head;
	uint64_t key;
	uint32_t is_any, zero; /* is_any: another key's job too */
	char id[STORE_ID_BYTES];
};

struct store_list {
	struct store_head head;
	uint64_t key;
	uint64_t before;         /* only jobs with a lower number; 0: from the newest on */
	uint32_t is_any, states; /* states: bit 1 << enum store_state; 0: all */
	uint32_t count, zero;
};

struct store_claim {
	struct store_head head;
	uint32_t count, zero;
};

struct store_result {
	struct store_head head;
	uint64_t number;
	char verdict[16];
};

struct store_release {
	struct store_head head;
	uint64_t number;
};

struct store_audit { /* text: members of a JSON object, without braces and control characters */
	struct store_head head;
	uint32_t size, zero;
	char text[STORE_AUDIT_MAX];
};

struct store_keys_seen {
	struct store_head head; /* tag: that of the STORE_KEYS */
};

struct store_job {
	char id[STORE_ID_BYTES], verdict[16], once[STORE_ONCE_BYTES];
	uint64_t number;                                             /* grows with each job; what lists are ordered by */
	uint64_t key, created_ms, started_ms, ended_ms, deadline_ms; /* 0: not yet, or none */
	uint32_t state, delivery, delivery_attempts;
	int32_t priority;
	uint32_t body_size, result_size; /* result_size 0 with STORE_DONE: it had begun when the server broke off */
};

struct store_answer {
	struct store_head head;
	/* 0 or -errno. -ENOENT: no such job; -EALREADY: it has ended; -EEXIST: other body (see tickets); -ENOSPC: too many queued;
	 * -ENODATA: there is no usable state, text says why; -EPROTO: the call was wrong; -EDQUOT: the disk is full; -EIO: the database
	 * failed */
	int32_t status;
	uint32_t count; /* records in the parcel */
	uint64_t queued, started;
	char text[ERR_TEXT_BYTES];
};

struct store_keys {
	struct store_head head;
	uint32_t count, zero;
};

struct store_key {
	uint64_t id;
	uint8_t hash[32]; /* SHA-256 of the whole key */
	char tag[16];     /* 12 hexadecimal digits that stand in the key, for finding it */
	char name[64];
	uint32_t scopes, per_minute, burst, concurrency; /* per_minute 0: no limit of the rate; concurrency likewise */
	int32_t priority_max;
	uint32_t zero;
	char environments[256], providers[64]; /* names with blanks between; "": any */
	struct limits most;                    /* of each limit of a run */
};

struct store_callback {         /* with a parcel: url, NUL, body, NUL */
	struct store_head head; /* tag: the job's number */
	uint32_t url_size, body_size;
	char id[STORE_ID_BYTES];
	uint64_t at_ms;
	uint8_t secret[32];
};

struct store_callback_done {
	struct store_head head;
	int32_t status; /* 0, or -errno: -EPERM, the address is not allowed, for ever */
	uint32_t http_status;
	char text[ERR_TEXT_BYTES];
};

struct store_link {
	struct store_head head;
	uint32_t is_followed, zero; /* is_followed: another front's comes next, which was there before */
};

struct store_up {
	struct store_head head;
	int32_t status; /* 0, or -errno: the state cannot be used, as the store's log says */
	uint32_t keys;
};

struct store_drop { /* head.tag: the job's number */
	struct store_head head;
};

#define STORE_HEAD(t, n) ((struct store_head){ .magic = STORE_MAGIC, .type = (t), .tag = (n) })

/* True when a received packet is a whole frame of that type, with a parcel or without as the type has it. */
bool store_check_call(const void *bytes, ssize_t size, size_t fds_count);
bool store_check_answer(const void *bytes, ssize_t size);

/* True for a STORE_LINK with its one descriptor; the peer is stored. */
bool store_check_link(const void *bytes, ssize_t size, size_t fds_count, enum store_peer *ret_peer);

/* Reads a parcel: all its bytes, to be freed. -EPERM: not sealed; -EFBIG: longer than max; -ENOMEM. */
int store_read_parcel(int fd, uint64_t max, char **ret_bytes, size_t *ret_size);

/* Takes the next record of size bytes out of a parcel at *at, and moves on. False at its end or when it is cut short. */
bool store_take(const char *parcel, size_t parcel_size, size_t *at, void *record, size_t size);

/* Checks an item and points body and url into the parcel. -EPROTO: cut short, or a field out of its range. */
int store_take_item(const char *parcel, size_t parcel_size, size_t *at, struct store_item *ret_item, const char **ret_body,
		    const char **ret_url);

/* Whether a text is an id as the store makes them, an idempotency key, a name of a key. */
bool store_is_id(const char *text);
bool store_is_once(const char *text);
bool store_is_name(const char *text);

/* "queued" ... ; NULL for a number that is none. */
const char *store_state_name(uint32_t state);
const char *store_delivery_name(uint32_t delivery);
