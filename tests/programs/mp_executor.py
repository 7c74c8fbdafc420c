# SPDX-License-Identifier: Apache-2.0
# concurrent.futures over processes.
from concurrent.futures import ProcessPoolExecutor
from math import factorial

if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        print(list(pool.map(factorial, [5, 10, 15])))
