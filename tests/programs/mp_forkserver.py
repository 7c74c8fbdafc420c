# SPDX-License-Identifier: Apache-2.0
# multiprocessing through a fork server.
import multiprocessing as mp


def shout(text):
    return text.upper()


if __name__ == "__main__":
    with mp.get_context("forkserver").Pool(1) as pool:
        print(pool.apply(shout, ("quiet",)))
