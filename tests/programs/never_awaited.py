# SPDX-License-Identifier: Apache-2.0
# A coroutine that nobody awaits; an async generator left half-way.
import asyncio


async def lost():
    pass


async def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("closed")


async def main():
    async for n in numbers():
        print(n)
        break


lost()
asyncio.run(main())
