/* SPDX-License-Identifier: Apache-2.0
 * macro.h: the handful of macros that every file may use.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Visits each element of an array whose size the compiler knows; `item` is a pointer to it. */
#define array_for_each(array, item) for (__typeof__(&(array)[0]) item = (array); item < (array) + ARRAY_SIZE(array); item++)

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define _cleanup_(f)        __attribute__((cleanup(f)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
