/* SPDX-License-Identifier: Apache-2.0
 * deliver.h: one callback: a POST of a JSON body to a URL that somebody named, signed, to an allowed address only, without
 * following redirects, within a time, and reading no more of the answer than is thrown away.
 */
#pragma once
#include "sender/address.h"
#include "wire/store.h"

#define DELIVER_MS         10000
#define DELIVER_CONNECT_MS 5000
#define DELIVER_READ_MAX   65536 /* bytes of the answer */

/* Signature: `Safexec-Signature: t=SECONDS,v1=HEX`, HEX being HMAC-SHA256 of "SECONDS.BODY" with the 32 bytes of the secret. */
#define DELIVER_SIGNATURE_BYTES 96
void deliver_sign(const uint8_t secret[32], uint64_t seconds, const char *body, size_t size, char text[DELIVER_SIGNATURE_BYTES]);

/* Sends it. done->status: 0 when the answer was a 2xx; -EPERM: the URL or its address is not allowed, and never will be; another
 * -errno: it may be tried again. done->text says what happened. */
void deliver(const struct address_policy *policy, const struct store_callback *callback, const char *url, const char *body,
	     struct store_callback_done *done);
