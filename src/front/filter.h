/* SPDX-License-Identifier: Apache-2.0
 * filter.h: the system calls of the front. All others are refused with EPERM, calls from another architecture kill.
 */
#pragma once

/* Loads the filter. Needs no_new_privs. -errno of libseccomp. */
int filter_load(void);

/* 0 when a call that is not on the list comes back refused by the filter. */
int filter_verify(void);
