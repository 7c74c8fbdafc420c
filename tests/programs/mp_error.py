# SPDX-License-Identifier: Apache-2.0
# An exception in a child is printed with the name of the process.
import multiprocessing as mp


def fail():
    raise KeyError("child")


if __name__ == "__main__":
    p = mp.Process(target=fail, name="the-child")
    p.start()
    p.join()
    print(p.exitcode)
