/* SPDX-License-Identifier: Apache-2.0
 * The Engine's seccomp profile says the same as the table that both filters of the native provider are made from.
 */
#include "base/macro.h"
#include "docker/profile.h"
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum { ALLOWED = 0, UNKNOWN = ENOSYS };

static bool has_name(const json_t *row, const char *call)
{
	return strcmp(json_string_value(json_array_get(json_object_get(row, "names"), 0)), call) == 0;
}

static bool suits(const json_t *row, const uint64_t args[6])
{
	size_t i;
	json_t *condition;

	json_array_foreach(json_object_get(row, "args"), i, condition)
	{
		uint64_t mask = (uint64_t)json_integer_value(json_object_get(condition, "value"));
		uint64_t value = (uint64_t)json_integer_value(json_object_get(condition, "valueTwo"));
		size_t index = (size_t)json_integer_value(json_object_get(condition, "index"));

		assert_string_equal(json_string_value(json_object_get(condition, "op")), "SCMP_CMP_MASKED_EQ");
		if ((args[index] & mask) != value)
			return false;
	}
	return true;
}

/* The profile's answer: 0 or an errno. Of rows that disagree libseccomp would choose as it likes, so none may. */
static int ask(const json_t *profile, const char *call, const uint64_t args[6])
{
	int answer = -1;
	size_t i;
	json_t *row;

	json_array_foreach(json_object_get(profile, "syscalls"), i, row)
	{
		if (!has_name(row, call) || !suits(row, args))
			continue;
		int says = (int)json_integer_value(json_object_get(row, "errnoRet"));

		if (answer >= 0 && says != answer)
			fail_msg("%s: two rows disagree", call);
		answer = says;
	}
	return answer >= 0 ? answer : (int)json_integer_value(json_object_get(profile, "defaultErrnoRet"));
}

static const struct {
	const char *call;
	uint64_t args[6];
	int want;
} cases[] = {
	{ "read", { 0 }, ALLOWED },
	{ "prctl", { 0 }, ALLOWED },
	{ "execve", { 0 }, ALLOWED },
	{ "ptrace", { 0 }, EPERM },
	{ "io_uring_setup", { 0 }, EPERM },
	{ "clone3", { 0 }, ENOSYS },
	{ "clone", { 0 }, ALLOWED },
	{ "clone", { 0x01200011 }, ALLOWED },
	{ "clone", { 0x10000000 }, EPERM },
	{ "clone", { 0x7e020000 }, EPERM },
	{ "unheard_of", { 0 }, UNKNOWN },
	{ "socket", { 1, 1, 0 }, ALLOWED },
	{ "socket", { 2, 1, 6 }, ALLOWED },
	{ "socket", { 2, 3, 1 }, UNKNOWN },
	{ "socket", { 16, 3, 0 }, ALLOWED },
	{ "socket", { 40, 1, 0 }, EAFNOSUPPORT },
	{ "socket", { 38, 5, 0 }, EAFNOSUPPORT },
	{ "socket", { 63, 1, 0 }, EAFNOSUPPORT },
	{ "socket", { 64, 1, 0 }, UNKNOWN },
	{ "socketpair", { 1, 1, 0 }, ALLOWED },
	{ "mknod", { 0, 0100644, 0 }, ALLOWED },
	{ "mknod", { 0, 0020644, 0 }, EPERM },
	{ "ioctl", { 0, 0x5412, 0 }, EPERM },
	{ "ioctl", { 0, UINT64_C(0x100005412), 0 }, EPERM },
	{ "ioctl", { 0, 0x541c, 0 }, EPERM },
	{ "ioctl", { 0, 0x5413, 0 }, ALLOWED },
	{ "fcntl", { 0, 1026, 0 }, EPERM },
	{ "fcntl", { 0, 1025, 0 }, ALLOWED },
	{ "prlimit64", { 0 }, ALLOWED },
	{ "prlimit64", { 1 }, EPERM }, /* process 1 is of the program's user */
	{ "prlimit64", { UINT64_C(0x100000001) }, EPERM },
	{ "prlimit64", { 2 }, ALLOWED },
};

static void the_profile_says_what_the_table_says(void **state)
{
	json_t *profile = profile_new_seccomp();

	(void)state;
	assert_string_equal(json_string_value(json_object_get(profile, "defaultAction")), "SCMP_ACT_ERRNO");
	array_for_each(cases, c) {
		int got = ask(profile, c->call, c->args);

		if (got != c->want)
			fail_msg("%s(%" PRIx64 ", %" PRIx64 ", ...): %d, not %d", c->call, c->args[0], c->args[1], got, c->want);
	}
	json_decref(profile);
}

/* ioctl is allowed by the complement of what is refused: near each value, and one bit away from it, nothing is missing. */
static void all_but_the_refused_values_are_allowed(void **state)
{
	static const struct {
		const char *call;
		uint32_t refused[2];
		size_t count;
	} calls[] = { { "ioctl", { 0x5412, 0x541c }, 2 }, { "fcntl", { 1026 }, 1 } };
	json_t *profile = profile_new_seccomp();

	(void)state;
	array_for_each(calls, c) {
		for (size_t i = 0; i < c->count; i++) {
			for (int bit = -1; bit < 32; bit++) {
				uint32_t value = c->refused[i] ^ (bit < 0 ? 0 : UINT32_C(1) << bit);
				bool is_refused = value == c->refused[0] || (c->count == 2 && value == c->refused[1]);
				const uint64_t args[6] = { 0, value };

				assert_int_equal(ask(profile, c->call, args), is_refused ? EPERM : ALLOWED);
			}
		}
		for (uint32_t value = 0; value < 0x10000; value += 7) {
			bool is_refused = value == c->refused[0] || (c->count == 2 && value == c->refused[1]);
			const uint64_t args[6] = { 0, value };

			assert_int_equal(ask(profile, c->call, args), is_refused ? EPERM : ALLOWED);
		}
	}
	json_decref(profile);
}

static void no_path_is_covered_that_a_program_needs(void **state)
{
	static const char *const needed[] = { "/proc/self",        "/proc/thread-self", "/proc/mounts",
					      "/proc/filesystems", "/proc/net",         "/proc" };
	json_t *masked = profile_new_masked_paths(), *path;
	size_t i;

	(void)state;
	json_array_foreach(masked, i, path)
	{
		array_for_each(needed, name)
			assert_string_not_equal(json_string_value(path), *name);
	}
	json_decref(masked);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_profile_says_what_the_table_says),
	cmocka_unit_test(all_but_the_refused_values_are_allowed),
	cmocka_unit_test(no_path_is_covered_that_a_program_needs),
};

unit_main(tests)
