# SPDX-License-Identifier: Apache-2.0
# A pool of threads, locks, conditions, thread-local data.
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

local = threading.local()
lock = threading.Lock()
total = 0


def add(n):
    global total
    local.last = n
    with lock:
        total += local.last
    return n * n


with ThreadPoolExecutor(8) as pool:
    print(sum(f.result() for f in as_completed([pool.submit(add, n) for n in range(100)])))
    print(list(pool.map(str, range(5))))
print(total, hasattr(local, "last"))
barrier = threading.Barrier(3)
seen = []
threads = [threading.Thread(target=lambda: seen.append(barrier.wait())) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(seen))
