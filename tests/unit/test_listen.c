/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "cli/listen.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static void an_address_is_numbers_only_and_comes_back_in_its_usual_form(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		bool is_loopback;
	} cases[] = {
		{ "127.0.0.1:5000", "127.0.0.1:5000", true },
		{ "127.0.0.1:0", "127.0.0.1:0", true },
		{ "127.0.0.1:65535", "127.0.0.1:65535", true },
		{ "127.255.255.254:1", "127.255.255.254:1", true },
		{ "[::1]:5000", "[::1]:5000", true },
		{ "[0:0:0:0:0:0:0:1]:5000", "[::1]:5000", true },
		{ "127.0.0.1:00080", "127.0.0.1:80", true },
		{ "126.255.255.255:1", "126.255.255.255:1", false },
		{ "128.0.0.0:1", "128.0.0.0:1", false },
		{ "0.0.0.0:1", "0.0.0.0:1", false },
		{ "[::]:1", "[::]:1", false },
		{ "[::2]:1", "[::2]:1", false },
		{ "[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", false },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		  false },
		{ "unix:/run/safexec/http.sock", "unix:/run/safexec/http.sock", true },
		{ "unix:/a:1", "unix:/a:1", true },
		{ "unix:/"
		  "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp",
		  "unix:/"
		  "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp",
		  true },
		{ "unix:/"
		  "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp",
		  NULL, false },
		{ "unix:", NULL, false },
		{ "unix:relative", NULL, false },
		{ "unix:/", NULL, false },
		{ "unix:/run/", NULL, false },
		{ "unix:/a b", NULL, false },
		{ "unix:/a\nb", NULL, false },
		{ "UNIX:/a", NULL, false },
		{ "", NULL, false },
		{ ":", NULL, false },
		{ ":5000", NULL, false },
		{ "5000", NULL, false },
		{ "127.0.0.1", NULL, false },
		{ "127.0.0.1:", NULL, false },
		{ "127.0.0.1:65536", NULL, false },
		{ "127.0.0.1:-1", NULL, false },
		{ "127.0.0.1:+1", NULL, false },
		{ "127.0.0.1: 1", NULL, false },
		{ "127.0.0.1:1 ", NULL, false },
		{ " 127.0.0.1:1", NULL, false },
		{ "127.1:1", NULL, false },
		{ "127.0.0.01:1", NULL, false },
		{ "0x7f.0.0.1:1", NULL, false },
		{ "2130706433:1", NULL, false },
		{ "localhost:1", NULL, false },
		{ "::1:1", NULL, false },
		{ "[::1]", NULL, false },
		{ "[::1]1", NULL, false },
		{ "[::1:1", NULL, false },
		{ "[]:1", NULL, false },
		{ "[:1", NULL, false },
		{ "]:1", NULL, false },
		{ "[127.0.0.1]:1", NULL, false },
		{ "[fe80::1%lo]:1", NULL, false },
		{ "[1111:1111:1111:1111:1111:1111:111.111.111.1111111111111111111111111111111111]:1", NULL, false },
	};

	(void)state;
	array_for_each(cases, c) {
		struct listen_address address = { .text = "untouched" };
		int r = listen_parse(c->text, &address);

		if (r != (c->want ? 0 : -EINVAL) || strcmp(address.text, c->want ? c->want : "untouched") != 0)
			fail_msg("\"%s\": got %d and %s, want %s", c->text, r, address.text, c->want ? c->want : "a refusal");
		if (c->want && listen_is_loopback(&address) != c->is_loopback)
			fail_msg("\"%s\": loopback? got %d", c->text, !c->is_loopback);
	}
}

static void port_0_becomes_the_one_the_kernel_chose(void **state)
{
	struct listen_address address;
	_cleanup_(fd_closep) int fd = -EBADF;

	(void)state;
	assert_int_equal(listen_parse("127.0.0.1:0", &address), 0);
	assert_int_equal(listen_open(&address, &fd, NULL), 0);
	assert_string_not_equal(address.text, "127.0.0.1:0");
	assert_memory_equal(address.text, "127.0.0.1:", 10);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

static void a_taken_port_is_refused_with_what_to_do_about_it(void **state)
{
	struct listen_address address;
	_cleanup_(fd_closep) int fd = -EBADF;
	_cleanup_(fd_closep) int second = -EBADF;
	struct err err = { 0 };
	char want[ERR_TEXT_BYTES];

	(void)state;
	assert_int_equal(listen_parse("127.0.0.1:0", &address), 0);
	assert_int_equal(listen_open(&address, &fd, NULL), 0);
	assert_int_equal(listen_open(&address, &second, &err), -EADDRINUSE);
	assert_int_equal(second, -EBADF);
	(void)snprintf(want, sizeof want,
		       "%s is in use by another program. Stop it, or choose another port with --listen 127.0.0.1:PORT.",
		       address.text);
	assert_string_equal(err.text, want);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_address_is_numbers_only_and_comes_back_in_its_usual_form),
	cmocka_unit_test(port_0_becomes_the_one_the_kernel_chose),
	cmocka_unit_test(a_taken_port_is_refused_with_what_to_do_about_it),
};

unit_main(tests)
