# SPDX-License-Identifier: Apache-2.0
# sched, queue, timers, selectors, events: order without clocks.
import heapq
import queue
import sched
import selectors
import socket
import threading

now = [0]
s = sched.scheduler(lambda: now[0], lambda n: now.__setitem__(0, now[0] + n))
for when, name in ((30, "late"), (10, "early"), (20, "middle")):
    s.enter(when, 1, print, (name,))
s.run()
print(now)
q = queue.PriorityQueue()
for n in (3, 1, 2):
    q.put(n)
print([q.get() for _ in range(3)])
done = threading.Event()
threading.Timer(0.01, done.set).start()
print(done.wait(10))
a, b = socket.socketpair()
selector = selectors.DefaultSelector()
selector.register(a, selectors.EVENT_READ, "a is readable")
b.send(b"x")
print([key.data for key, _ in selector.select(10)], type(selector).__name__)
graph = {"b": ["a"], "c": ["b"]}
import graphlib

print(list(graphlib.TopologicalSorter(graph).static_order()), heapq.merge([1], [0]).__next__())
