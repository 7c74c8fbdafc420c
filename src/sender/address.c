/* SPDX-License-Identifier: Apache-2.0 */
#include "sender/address.h"

#include "base/macro.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* What of the public unicast space is none; everything outside of that is refused anyway. */
static const char *const special_v4[] = {
	"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
};
static const char *const special_v6[] = { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" };
#define PUBLIC_V6 "2000::/3"

static int parse_address(const char *text, unsigned char bytes[16], unsigned *ret_bits)
{
	*ret_bits = 128;
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return 0;
	memcpy(bytes, mapped, sizeof mapped);
	*ret_bits = 32;
	return inet_pton(AF_INET, text, bytes + sizeof mapped) == 1 ? 0 : -EINVAL;
}

/* "10.0.0.0/8", "[fd00::]/8", "127.0.0.1" */
static int parse_range(const char *text, struct address_range *range)
{
	char address[INET6_ADDRSTRLEN + 3];
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;
	unsigned width;

	if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (size >= sizeof address)
		return -EINVAL;
	(void)snprintf(address, sizeof address, "%.*s", (int)size, text);
	if (parse_address(address, range->bytes, &width) < 0)
		return -EINVAL;
	bits = width;
	if (slash && num_parse_u64(slash + 1, 0, width, &bits) < 0)
		return -EINVAL;
	range->bits = (unsigned)bits + 128 - width;
	return 0;
}

static bool is_within(const struct address_range *range, const unsigned char bytes[16])
{
	unsigned whole = range->bits / 8, rest = range->bits % 8;

	if (memcmp(range->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || (range->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

static bool is_in(const char *text, const unsigned char bytes[16])
{
	struct address_range range;

	return parse_range(text, &range) == 0 && is_within(&range, bytes);
}

static bool is_public(const unsigned char bytes[16])
{
	if (memcmp(bytes, mapped, sizeof mapped) == 0) {
		array_for_each(special_v4, range) {
			if (is_in(*range, bytes))
				return false;
		}
		return true;
	}
	array_for_each(special_v6, range) {
		if (is_in(*range, bytes))
			return false;
	}
	return is_in(PUBLIC_V6, bytes);
}

static int add_word(struct address_policy *policy, const char *word)
{
	if (strcmp(word, "public") == 0) {
		policy->is_public = true;
		return 0;
	}
	if (strcmp(word, "none") == 0)
		return 0;
	if (policy->ranges_count == ADDRESS_RANGES_MAX)
		return -E2BIG;
	return parse_range(word, &policy->ranges[policy->ranges_count++]);
}

int address_parse_policy(const char *text, struct address_policy *ret_policy, struct err *err)
{
	struct address_policy policy = { 0 };
	char word[64];

	do {
		size_t size = strcspn(text, ",");

		(void)snprintf(word, sizeof word, "%.*s", (int)size, text);
		if (size >= sizeof word || add_word(&policy, word) < 0)
			return err_say(
				err, -EINVAL,
				"\"%.60s\" is not what callbacks may be allowed to: public, none, or ranges as in 10.1.0.0/16 and "
				"[fd00::]/8, at most %d, with commas between.",
				word, ADDRESS_RANGES_MAX);
		text += size;
	} while (*text++ == ',');
	*ret_policy = policy;
	return 0;
}

bool address_is_allowed(const struct address_policy *policy, const struct sockaddr *address)
{
	unsigned char bytes[16];

	if (address->sa_family == AF_INET) {
		memcpy(bytes, mapped, sizeof mapped);
		memcpy(bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof bytes);
	} else {
		return false;
	}
	for (size_t i = 0; i < policy->ranges_count; i++) {
		if (is_within(&policy->ranges[i], bytes))
			return true;
	}
	return policy->is_public && is_public(bytes);
}
