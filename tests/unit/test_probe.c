/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/probe.h"
#include "unit.h"

#include "base/macro.h"

#include <string.h>
#include <unistd.h>

static void every_probe_says_something_and_leaves_nothing_behind(void **state)
{
	(void)state;
	assert_true(probes_count > 0);
	for (size_t i = 0; i < probes_count; i++) {
		char text[ERR_TEXT_BYTES + 1];
		int before = unit_count_fds();

		memset(text, 'x', sizeof text);

		int r = probes[i].check(text);

		if (r > 0 || text[0] == '\0' || strlen(text) >= ERR_TEXT_BYTES || strchr(text, '\n'))
			fail_msg("%s: %d, '%.*s'", probes[i].name, r, ERR_TEXT_BYTES, text);
		assert_int_equal(unit_count_fds(), before);
		print_message("%s: %s%s\n", probes[i].name, r < 0 ? "MISS: " : "", text);
	}
}

static void asking_twice_gives_the_same_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < probes_count; i++) {
		char first[ERR_TEXT_BYTES], second[ERR_TEXT_BYTES];

		assert_int_equal(probes[i].check(first), probes[i].check(second));
		assert_string_equal(first, second);
	}
}

static const struct probe *find(const char *name)
{
	const struct probe *probe = probes;

	while (probe < probes + probes_count - 1 && strcmp(probe->name, name) != 0)
		probe++;
	assert_string_equal(probe->name, name);
	return probe;
}

/* Everything that a cell is made of has its probe, and only Landlock may be missing: a layer more, never the only one. */
static void only_landlock_is_optional(void **state)
{
	static const char *const names[] = {
		"kernel", "privileges", "system calls", "namespaces", "seccomp", "Landlock", "cgroups"
	};

	(void)state;
	array_for_each(names, name)
		(void)find(*name);
	for (size_t i = 0; i < probes_count; i++)
		assert_int_equal(probes[i].is_optional, strcmp(probes[i].name, "Landlock") == 0);
}

static void without_root_it_says_how_to_get_it(void **state)
{
	int status;

	(void)state;

	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		char text[ERR_TEXT_BYTES];

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		_exit(find("privileges")->check(text) == -EPERM && strstr(text, "sudo") ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_probe_says_something_and_leaves_nothing_behind),
	cmocka_unit_test(asking_twice_gives_the_same_answer),
	cmocka_unit_test(only_landlock_is_optional),
	cmocka_unit_test(without_root_it_says_how_to_get_it),
};

unit_main(tests)
