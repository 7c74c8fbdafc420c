/* SPDX-License-Identifier: Apache-2.0
 *
 * Debian 12's kernel headers know ABI 2; what came later is named here, from linux/landlock.h of 6.12.
 */
#include "cell/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define SCOPES_ABI_6 UINT64_C(3)         /* abstract Unix sockets, signals */

struct ruleset { /* struct landlock_ruleset_attr as of ABI 6 */
	uint64_t handled_access_fs, handled_access_net, scoped;
};

static const uint64_t read_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
static const uint64_t device_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
static const uint64_t file_access =
	LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;

/* Every right that the ABI can take away. */
static uint64_t all_access(int abi)
{
	uint64_t access = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1 */

	if (abi >= 2)
		access |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		access |= FS_TRUNCATE;
	if (abi >= 5)
		access |= FS_IOCTL_DEV;
	return access;
}

int landlock_probe(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0; /* ENOSYS: not built; EOPNOTSUPP: built and switched off */
}

static int allow(int ruleset, const char *path, uint64_t access)
{
	_cleanup_(fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode)) /* rights over folders are refused for anything else */
		access &= file_access;

	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int allow_all(int ruleset, const struct confine_plan *plan)
{
	static const char *const scratch[] = { "/app", "/tmp", "/dev/shm" };
	static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom" };
	uint64_t handled = all_access(plan->landlock_abi);
	int r = allow(ruleset, "/", LANDLOCK_ACCESS_FS_READ_DIR);

	for (size_t i = 0; r == 0 && i < plan->paths_count; i++)
		r = allow(ruleset, plan->paths[i], read_access);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(scratch); i++)
		r = allow(ruleset, scratch[i], handled);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(devices); i++)
		r = allow(ruleset, devices[i], device_access & handled);
	return r;
}

/* A ruleset that allows nothing yet. */
static int new_ruleset(int abi)
{
	struct ruleset attr = { .handled_access_fs = all_access(abi), .scoped = abi >= 6 ? SCOPES_ABI_6 : 0 };
	size_t size = abi >= 6 ? sizeof attr : sizeof attr.handled_access_fs; /* an older kernel refuses what it does not know */
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);

	return ruleset < 0 ? -errno : ruleset;
}

static int enter(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

int landlock_restrict(const struct confine_plan *plan)
{
	_cleanup_(fd_closep) int ruleset = new_ruleset(plan->landlock_abi);
	int r = ruleset < 0 ? ruleset : allow_all(ruleset, plan);

	return r < 0 ? r : enter(ruleset);
}

int landlock_restrict_reader(int abi, const char *folder)
{
	_cleanup_(fd_closep) int ruleset = new_ruleset(abi);
	int r = ruleset < 0 ? ruleset : allow(ruleset, folder, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);

	return r < 0 ? r : enter(ruleset);
}
