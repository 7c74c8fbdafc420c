# SPDX-License-Identifier: Apache-2.0
# Ctrl-C while asyncio runs: the task is cancelled, the program dies of the signal.
import asyncio
import os
import signal


async def main():
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(5)
    except asyncio.CancelledError:
        print("cancelled")
        raise


asyncio.run(main())
