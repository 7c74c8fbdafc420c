# SPDX-License-Identifier: Apache-2.0
# A manager process holds shared objects behind a unix socket.
import multiprocessing as mp


def fill(d, items):
    d["key"] = 1
    items.append("x")


if __name__ == "__main__":
    with mp.Manager() as manager:
        d, items = manager.dict(), manager.list()
        p = mp.Process(target=fill, args=(d, items))
        p.start()
        p.join()
        print(dict(d), list(items))
