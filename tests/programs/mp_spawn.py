# SPDX-License-Identifier: Apache-2.0
# multiprocessing by spawn: the child imports this file as __mp_main__.
import multiprocessing as mp


def square(n):
    return n * n, __name__


if __name__ == "__main__":
    with mp.get_context("spawn").Pool(2) as pool:
        print(pool.map(square, range(6)))
    print("end of", __name__)
