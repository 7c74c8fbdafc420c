# SPDX-License-Identifier: Apache-2.0
# multiprocessing by fork: process, queue, pipe, exit codes.
import multiprocessing as mp
import sys


def work(queue, pipe, n):
    queue.put((n, n * n))
    pipe.send("hello from %d" % n)
    pipe.close()
    sys.exit(n)


if __name__ == "__main__":
    ctx = mp.get_context("fork")
    queue = ctx.Queue()
    for n in range(3):
        here, there = ctx.Pipe(False)
        p = ctx.Process(target=work, args=(queue, there, n), name="p%d" % n)
        p.start()
        print(here.recv(), queue.get())
        p.join()
        print(p.name, p.exitcode)
