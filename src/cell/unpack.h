/* SPDX-License-Identifier: Apache-2.0
 * unpack.h: a run's files out of their bundle, written by the guest itself: it is confined already, the files are its own, and what
 * they take counts for the run. Nothing else runs in the cell yet.
 */
#pragma once
#include "wire/bundle.h"

/* Writes them beneath dir, which is empty but for script.py. The bundle is read to its end. -ENOSPC: they do not fit; -EBADMSG: it is
 * no bundle; -EEXIST, -ENOTDIR, ...: two are in each other's way; err says which of these in a sentence without a name. */
int unpack_files(int dir, struct bundle *bundle, struct err *err);
