# SPDX-License-Identifier: Apache-2.0
# Generators and coroutines that nobody has finished.
import asyncio
import contextlib
import sys


def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("generator closed")


@contextlib.contextmanager
def around():
    print("in")
    try:
        yield
    finally:
        print("out")


left = numbers()
next(left)
stack = contextlib.ExitStack()
stack.enter_context(around())


async def endless():
    try:
        while True:
            yield 1
    finally:
        print("async generator closed")


async def main():
    async for _ in endless():
        break
    await asyncio.sleep(0)


asyncio.run(main())
sys.stdout.flush()
print("end")
