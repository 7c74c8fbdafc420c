# SPDX-License-Identifier: Apache-2.0
# A pool of the default kind; an error of a worker arrives with its remote traceback.
import multiprocessing as mp


def divide(n):
    return 12 // n


if __name__ == "__main__":
    with mp.Pool(3) as pool:
        print(pool.map(divide, [1, 2, 3]), list(pool.imap(divide, [4, 6])), pool.starmap(max, [(1, 2), (4, 3)]))
        try:
            pool.map(divide, [0])
        except ZeroDivisionError as e:
            print(type(e.__cause__).__name__, "line" in str(e.__cause__))
