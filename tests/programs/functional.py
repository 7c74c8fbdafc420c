# SPDX-License-Identifier: Apache-2.0
# itertools, functools, collections, heapq, bisect, operator, generators with send and throw, closures.
import bisect
import collections
import functools
import heapq
import itertools
import operator


def average():
    total, count, value = 0, 0, None
    while True:
        try:
            value = yield total / count if count else None
            total, count = total + value, count + 1
        except ValueError:
            total, count = 0, 0


g = average()
print(next(g), g.send(10), g.send(20), g.throw(ValueError), g.send(1), g.close())


def delegate():
    result = yield from (i for i in range(2))
    return result


print(list(delegate()), list(itertools.islice(itertools.chain.from_iterable(zip("abc", itertools.count())), 6)))
print(list(itertools.combinations("abc", 2)), [(k, list(v)) for k, v in itertools.groupby("aabbb")], list(itertools.accumulate([1, 2, 3], operator.mul)))


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(fib(90), fib.cache_info(), functools.reduce(operator.xor, range(100)), functools.partial(pow, 2)(10))
print(collections.Counter("mississippi").most_common(2), collections.deque(range(5), 3), collections.OrderedDict(a=1), collections.ChainMap({"a": 1}, {"b": 2})["b"])
d = collections.defaultdict(list)
d["x"].append(1)
heap = [5, 1, 4]
heapq.heapify(heap)
print(d, heapq.heappop(heap), heapq.nlargest(2, heap), bisect.bisect([1, 3, 5], 3), sorted([(2, "b"), (1, "z")], key=operator.itemgetter(1)))
