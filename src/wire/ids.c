/* SPDX-License-Identifier: Apache-2.0
 *
 * A claim is an abstract socket's name (unix(7)): the kernel lets it go with the process, however that dies.
 */
#include "wire/ids.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IDS_FIRST  0x77000000u
#define MAX_BLOCKS 256

int ids_claim(struct ids *ret_ids, struct err *err)
{
	for (uint32_t block = 0; block < MAX_BLOCKS; block++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "safexec/ids/%u", block);
		int claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (claim < 0)
			return err_set(err, -errno, "no socket can be made");
		if (bind(claim, (struct sockaddr *)&name,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0) {
			*ret_ids = (struct ids){ .base = IDS_FIRST + block * IDS_BLOCK, .claim = claim };
			return 0;
		}
		(void)close(claim);
	}
	return err_say(err, -EUSERS, "all %d blocks of user ids are taken by other servers on this machine", MAX_BLOCKS);
}
