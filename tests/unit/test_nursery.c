/* SPDX-License-Identifier: Apache-2.0 */
#include "nest.h"
#include "unit.h"

#include <signal.h>

/* Run by the environment's own python3 in the zygote's place; prints a full stop when all is as it should be. */
static const char look_around[] =
	"import errno, os, socket, stat, sys\n"
	"def refuses(wanted, function, *arguments):\n"
	"    try: function(*arguments)\n"
	"    except OSError as error: return error.errno == wanted\n"
	"    return False\n"
	"assert sys.argv == ['script.py'] or sys.orig_argv[1:] == ['script.py'], sys.orig_argv\n"
	"assert os.getresuid() == (0, 0, 0) and os.getresgid() == (0, 0, 0) and os.getgroups() == []\n"
	"assert os.getppid() == 1, os.getppid()\n"
	"assert os.getcwd() == '/app'\n"
	"assert sorted(os.environ) == ['HOME', 'LANG', 'LD_BIND_NOW', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', "
	"'PYTHONPATH'], os.environ\n"
	"assert os.environ['PATH'] == '/usr/bin:/bin'\n"
	"known = {'app', 'bin', 'dev', 'etc', 'lib', 'lib32', 'lib64', 'libx32', 'proc', 'run', 'sbin', 'tmp', 'usr'}\n"
	"assert set(os.listdir('/')) <= known, os.listdir('/')\n"
	"assert refuses(errno.EROFS, os.mkdir, '/new') and refuses(errno.EROFS, os.mkdir, '/usr/new')\n"
	"assert refuses(errno.EROFS, os.mkdir, '/etc/new')\n"
	"assert os.listdir('/usr/local') == [], os.listdir('/usr/local')\n"
	"assert sorted(os.listdir('/dev')) == sorted('null zero full random urandom fd stdin stdout stderr shm'.split())\n"
	"flags = os.statvfs('/usr').f_flag\n"
	"assert flags & os.ST_RDONLY and flags & os.ST_NOSUID and flags & os.ST_NODEV\n"
	"users = open('/etc/passwd').read()\n"
	"assert 'runner:x:1000:' in users and 'runner:x:1001:' in users and 'runner:x:1002:' not in users\n"
	"assert os.path.getsize('/etc/resolv.conf') == 0\n"
	"assert open('/run/safexec/preload').read() == 'json re'\n"
	"assert open('/run/canary').read()\n"
	"assert not os.path.exists('/proc/sys')\n"
	"inherited = set(map(int, os.listdir('/proc/self/fd')))\n"
	"assert {0, 1, 2, 3, 4} <= inherited and len(inherited) == 6, inherited\n"
	"assert stat.S_ISSOCK(os.fstat(3).st_mode) and refuses(errno.EPERM, os.write, 4, b'x')\n"
	"assert [name for _, name in socket.if_nameindex()] == ['lo']\n"
	"import signal\n"
	"assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN\n" /* Python's own; what is ignored otherwise is inherited */
	"assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])\n"
	"assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL\n"
	"print('.', flush=True)\n" STAY;

static void an_environment_shows_what_it_should_and_nothing_else(void **state)
{
	char text[16 * KIB];
	struct nest nest;

	(void)state;
	(void)signal(SIGHUP, SIG_IGN); /* as under nohup; must not get into the environment */
	nest_open(&nest, "/usr/bin/python3", look_around);
	(void)signal(SIGHUP, SIG_DFL);
	nest_read_output(&nest, text, sizeof text);
	assert_string_equal(text, ".\n");
	nest_close(&nest);
}

static void a_missing_interpreter_is_told_in_one_line(void **state)
{
	char text[16 * KIB];
	struct nest nest;

	(void)state;
	nest_open(&nest, "/usr/bin/no-such-python", STAY);
	nest_read_output(&nest, text, sizeof text);
	assert_non_null(strstr(text, "/usr/bin/no-such-python cannot be run inside the environment: No such file"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	nest_wait(nest.nursery.pidfd);
	nest_close(&nest);
}

static void it_dies_with_its_zygote_and_with_its_wardens_end_of_the_link(void **state)
{
	struct nest nest;

	(void)state;
	nest_open(&nest, "/usr/bin/python3", "import os\nos._exit(0)\n");
	nest_wait(nest.nursery.pidfd);
	nest_close(&nest);

	nest_open(&nest, "/usr/bin/python3", STAY);
	nest.nursery.link = fd_close(nest.nursery.link);
	nest_wait(nest.nursery.pidfd);
	nest_close(&nest);
}

static void killing_it_twice_does_no_harm(void **state)
{
	struct nest nest;

	(void)state;
	nest_open(&nest, "/usr/bin/python3", STAY);
	nest_close(&nest);
	assert_int_equal(nest.nursery.pid, 0);
	nest_close(&nest);
}

static void frames_that_are_no_orders_for_it_make_no_cell(void **state)
{
	struct order stray = { .type = ORDER_GUEST }, empty = { .type = ORDER_CELL };
	struct nest nest;
	struct pollfd waited;

	(void)state;
	nest_open(&nest, "/usr/bin/python3", "print('.', flush=True)\n" STAY);

	char text[16 * KIB];

	nest_read_output(&nest, text, sizeof text); /* it serves by now, or soon */
	assert_int_equal(order_send(nest.nursery.link, &stray, NULL, 0), 0);
	assert_int_equal(order_send(nest.nursery.link, &empty, NULL, 0), 0); /* without its descriptors */
	waited = (struct pollfd){ .fd = nest.nursery.link, .events = POLLIN };
	assert_int_equal(poll(&waited, 1, 200), 0);
	waited.fd = nest.nursery.pidfd;
	assert_int_equal(poll(&waited, 1, 0), 0); /* and it lives */
	nest_close(&nest);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_environment_shows_what_it_should_and_nothing_else),
	cmocka_unit_test(a_missing_interpreter_is_told_in_one_line),
	cmocka_unit_test(it_dies_with_its_zygote_and_with_its_wardens_end_of_the_link),
	cmocka_unit_test(killing_it_twice_does_no_harm),
	cmocka_unit_test(frames_that_are_no_orders_for_it_make_no_cell),
};

unit_main(tests)
