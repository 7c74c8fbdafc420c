# SPDX-License-Identifier: Apache-2.0
# An exception leaves asyncio.run with the frames of the library.
import asyncio


async def inner():
    await asyncio.sleep(0)
    return {}["missing"]


async def main():
    await inner()


asyncio.run(main())
