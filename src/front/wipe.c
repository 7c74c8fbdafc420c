/* SPDX-License-Identifier: Apache-2.0
 *
 * What the front frees is wiped, whoever frees it: keys, programs, and what they print pass through our buffers, the HTTP and the JSON library,
 * and none of them says which of its pieces held what. So free and realloc are ours in this program (the linker gives them to the
 * libraries too), and glibc's do the work. mallopt(3)'s M_PERTURB would do the same, but not for the small pieces (tcache).
 * Left to the sanitizers where these have their own.
 */
#include "front/wipe.h"

#include "base/macro.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_BYTES (128 * KIB)

void wipe_begin(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* glibc's own default, but for ever */
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void *__libc_realloc(void *piece, size_t size);
void __libc_free(void *piece); /* glibc's own, exported under these names for those that wrap them */

/* A mapping of its own goes back to the kernel, which gives nobody old bytes. Not every large piece is one: what fits into freed space of the
 * heap is put there. glibc says so in the word before the piece (IS_MMAPPED in its malloc.c). */
static bool is_mapping(const void *piece)
{
	return ((const size_t *)piece)[-1] & 2;
}

static void wipe_and_free(void *piece)
{
	if (!piece)
		return;
	if (!is_mapping(piece))
		explicit_bzero(piece, malloc_usable_size(piece));
	__libc_free(piece);
}

void free(void *piece)
{
	wipe_and_free(piece);
}

/* glibc's would leave the old bytes behind where it moves them. errno is malloc's. */
void *realloc(void *piece, size_t size)
{
	size_t room = piece ? malloc_usable_size(piece) : 0;

	if (piece && size == 0) {
		wipe_and_free(piece);
		return NULL;
	}
	if (piece && size <= room && size >= room / 2)
		return piece;
	if (piece && is_mapping(piece) && size >= LARGE_BYTES)
		return __libc_realloc(piece, size); /* by mremap(2) */

	void *moved = malloc(size);

	if (!moved || !piece)
		return moved;
	memcpy(moved, piece, size < room ? size : room);
	wipe_and_free(piece);
	return moved;
}

#endif
