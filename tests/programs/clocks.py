# SPDX-License-Identifier: Apache-2.0
# The clocks of a process begin with the run; those of the machine do not go back.
import logging
import os
import resource
import time

print(time.process_time() < 0.5, time.thread_time() < 0.5, sum(os.times()[:2]) < 0.5, os.times().children_user)
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime < 0.5, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)
record = logging.LogRecord("n", logging.INFO, "p", 1, "m", (), None)
print(0 <= record.relativeCreated < 5000, record.processName, record.threadName)
a = [time.monotonic_ns(), time.perf_counter_ns(), time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)]
time.sleep(0.01)
b = [time.monotonic_ns(), time.perf_counter_ns(), time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)]
print([10_000_000 <= y - x < 2_000_000_000 for x, y in zip(a, b)], abs(time.time() - os.stat(__file__).st_mtime) < 60)
print(time.get_clock_info("monotonic").implementation, time.get_clock_info("time").adjustable, time.get_clock_info("process_time").resolution)
begin = time.process_time()
sum(range(300_000))
print(0 < time.process_time() - begin < 2)
