# SPDX-License-Identifier: Apache-2.0
# Tasks, gather, cancel, queues, timeouts, async generators and context managers.
import asyncio
from contextlib import asynccontextmanager


@asynccontextmanager
async def room(name):
    print("enter", name)
    yield name
    print("leave", name)


async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def forever():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("cancelled")
        raise


async def main():
    async with room("hall"):
        print([i async for i in ticks(3)])
    task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    task.cancel()
    print(await asyncio.gather(task, asyncio.sleep(0, "x"), return_exceptions=True))
    try:
        await asyncio.wait_for(forever(), 0.01)
    except asyncio.TimeoutError:
        print("timeout")
    print(await asyncio.to_thread(sum, range(10)))
    return "main's value"


print(asyncio.run(main()))
