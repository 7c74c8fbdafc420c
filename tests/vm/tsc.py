# SPDX-License-Identifier: Apache-2.0
"""Prints the frequency of this machine's time stamp counter in kHz. Without KVM the emulated machine has the same counter; told the
frequency (tsc_early_khz=), its kernel need not measure it, which goes wrong on a busy host: then its clock runs away."""

import ctypes
import mmap
import statistics
import time

RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")  # rdtsc; shl rdx, 32; or rax, rdx; ret

page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(RDTSC)
read_counter = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))


def sample():
    counter, begin = read_counter(), time.monotonic_ns()
    time.sleep(0.05)
    return (read_counter() - counter) * 1_000_000 / (time.monotonic_ns() - begin)


print(round(statistics.median(sample() for _ in range(9))))
