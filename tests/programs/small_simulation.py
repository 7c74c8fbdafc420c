# SPDX-License-Identifier: Apache-2.0
# A longer honest program: primes, a matrix product, a word count, a small simulation.
import collections
import random


def primes(n):
    sieve = bytearray([1]) * (n + 1)
    sieve[:2] = b"\0\0"
    for i in range(2, int(n**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = bytes(len(range(i * i, n + 1, i)))
    return [i for i, p in enumerate(sieve) if p]


def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def walk(steps, seed):
    rng = random.Random(seed)
    x = y = 0
    for _ in range(steps):
        dx, dy = rng.choice([(0, 1), (1, 0), (0, -1), (-1, 0)])
        x, y = x + dx, y + dy
    return x, y


found = primes(100_000)
print(len(found), found[-1])
fib = [[1, 1], [1, 0]]
power = fib
for _ in range(50):
    power = product(power, fib)
print(power)
print(walk(10_000, 7), collections.Counter("to be or not to be".split()).most_common(1))
print(*("%3d" * 5 % tuple(i * j for j in range(1, 6)) for i in range(1, 6)), sep="\n")
