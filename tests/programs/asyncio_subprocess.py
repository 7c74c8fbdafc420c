# SPDX-License-Identifier: Apache-2.0
# Child processes in an event loop.
import asyncio
import sys


async def main():
    p = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(input()[::-1])", stdin=asyncio.subprocess.PIPE,
                                             stdout=asyncio.subprocess.PIPE)
    print(await p.communicate(b"stressed\n"), p.returncode)
    p = await asyncio.create_subprocess_shell("exit 4")
    print(await p.wait())


asyncio.run(main())
