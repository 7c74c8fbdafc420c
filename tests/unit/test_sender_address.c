/* SPDX-License-Identifier: Apache-2.0 */
#include "sender/address.h"
#include "unit.h"

#include "base/macro.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static bool is_allowed(const struct address_policy *policy, const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_allowed(policy, (const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_is_allowed(policy, (const struct sockaddr *)&v6);
}

static struct address_policy parse(const char *text)
{
	struct address_policy policy;
	struct err err = { 0 };

	if (address_parse_policy(text, &policy, &err) < 0)
		fail_msg("%s", err.text);
	return policy;
}

static const char *const special[] = {
	"0.0.0.0",
	"10.0.0.1",
	"10.255.255.255",
	"100.64.0.1",
	"100.127.255.255",
	"127.0.0.1",
	"127.255.255.255",
	"169.254.169.254",
	"172.16.0.1",
	"172.31.255.255",
	"192.0.0.1",
	"192.0.2.1",
	"192.88.99.1",
	"192.168.0.1",
	"198.18.0.1",
	"198.19.255.255",
	"198.51.100.1",
	"203.0.113.1",
	"224.0.0.1",
	"239.255.255.255",
	"240.0.0.1",
	"255.255.255.255",
	"::",
	"::1",
	"::ffff:127.0.0.1",
	"::ffff:10.0.0.1",
	"::127.0.0.1",
	"64:ff9b::1.1.1.1",
	"fe80::1",
	"fc00::1",
	"fd12::1",
	"ff02::1",
	"2001::1",
	"2001:db8::1",
	"2002:7f00:1::",
	"3fff::1",
	"fec0::1",
};
static const char *const public_ones[] = {
	"1.1.1.1",        "9.255.255.255",   "11.0.0.0",   "100.63.255.255",  "100.128.0.0", "126.255.255.255",
	"128.0.0.0",      "172.15.255.255",  "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255",
	"::ffff:1.1.1.1", "2606:4700::1111", "2003::1",    "2a00::1",
};

static void special_addresses_are_not_public(void **state)
{
	struct address_policy policy = parse("public"), none = parse("none");

	(void)state;
	array_for_each(special, text) {
		if (is_allowed(&policy, *text))
			fail_msg("%s is allowed", *text);
	}
	array_for_each(public_ones, text) {
		if (!is_allowed(&policy, *text))
			fail_msg("%s is refused", *text);
		assert_false(is_allowed(&none, *text));
	}
}

static void a_range_holds_to_its_last_bit(void **state)
{
	struct address_policy policy = parse("10.1.128.0/17,[fd00:1::]/32,127.0.0.1,[::1]");

	(void)state;
	assert_true(is_allowed(&policy, "10.1.128.0"));
	assert_true(is_allowed(&policy, "10.1.255.255"));
	assert_false(is_allowed(&policy, "10.1.127.255"));
	assert_false(is_allowed(&policy, "10.2.128.0"));
	assert_true(is_allowed(&policy, "::ffff:10.1.128.1"));
	assert_true(is_allowed(&policy, "fd00:1::5"));
	assert_false(is_allowed(&policy, "fd00:2::5"));
	assert_true(is_allowed(&policy, "127.0.0.1"));
	assert_false(is_allowed(&policy, "127.0.0.2"));
	assert_true(is_allowed(&policy, "::1"));
	assert_false(is_allowed(&policy, "1.1.1.1"));
	assert_true(is_allowed(&(struct address_policy){ .is_public = true }, "1.1.1.1"));
}

static void another_family_is_refused(void **state)
{
	const struct sockaddr other = { .sa_family = AF_UNIX };
	struct address_policy all = parse("public,0.0.0.0/0,[::]/0");

	(void)state;
	assert_false(address_is_allowed(&all, &other));
	assert_true(is_allowed(&all, "127.0.0.1"));
}

static void what_is_no_list_is_refused_in_words(void **state)
{
	static const char *const bad[] = { "",           ",",    "public,",      "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8",
					   "::/129",     "[::1", "10.0.0.0/8/8", "private",     "example.org", "10.0.0.0/",
					   "1.2.3.4/08x" };
	struct address_policy policy;
	struct err err;

	(void)state;
	array_for_each(bad, text) {
		if (address_parse_policy(*text, &policy, &err) != -EINVAL)
			fail_msg("\"%s\" is taken", *text);
		assert_non_null(strstr(err.text, "public, none, or ranges"));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(special_addresses_are_not_public),
	cmocka_unit_test(a_range_holds_to_its_last_bit),
	cmocka_unit_test(another_family_is_refused),
	cmocka_unit_test(what_is_no_list_is_refused_in_words),
};

unit_main(tests)
