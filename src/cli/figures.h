/* SPDX-License-Identifier: Apache-2.0
 * figures.h: saves what a program shows as files: figure-1.png, figure-2.svg. A file that is there already is never touched.
 */
#pragma once
#include "base/err.h"

#include <jansson.h>

#define FIGURES_NAME_BYTES 32

/* Saves the first form of a display that is a picture into a folder, under the first free number after *count. Stores the number and
 * the name. -ENOMSG: it holds no picture; others with a sentence. */
int figures_save(const char *folder, const json_t *display, unsigned *count, char name[FIGURES_NAME_BYTES], struct err *err);
