# SPDX-License-Identifier: Apache-2.0
# tracemalloc begins when it is told to, and counts the program's own.
import tracemalloc

print(tracemalloc.is_tracing(), tracemalloc.get_traced_memory(), tracemalloc.get_traceback_limit())
tracemalloc.start(5)
block = [bytes(1000) for _ in range(100)]
snapshot = tracemalloc.take_snapshot()
top = snapshot.filter_traces([tracemalloc.Filter(True, __file__)]).statistics("lineno")[0]
print(top.traceback[0].lineno, 100_000 <= top.size < 120_000, tracemalloc.get_object_traceback(block[0]))
now, peak = tracemalloc.get_traced_memory()
del block
print(peak >= now > tracemalloc.get_traced_memory()[0])
tracemalloc.stop()
print(tracemalloc.get_traced_memory())
