/* SPDX-License-Identifier: Apache-2.0
 * inside_proof.h: what safexec-docker-init finds out about its container before there is anything of a run in it.
 */
#pragma once
#include "docker/inside.h"

/* What stands between a program started here and the machine, as far as it can be seen from within: bits of spec/layers.h. */
uint32_t inside_layers(void);

/* The version that `python -V` prints, or "". */
void inside_find_python(char version[INSIDE_VERSION_SIZE]);
