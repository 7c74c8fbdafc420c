# SPDX-License-Identifier: Apache-2.0
# Locks, values, arrays and shared memory between processes: all of it lives in /dev/shm.
import multiprocessing as mp
from multiprocessing import shared_memory


def add(value, array):
    for _ in range(100):
        with value.get_lock():
            value.value += 1
    array[0] += 1.5


def scribble(name):
    block = shared_memory.SharedMemory(name)
    block.buf[:5] = b"child"
    block.close()


if __name__ == "__main__":
    value, array = mp.Value("i", 0), mp.Array("d", [0.5, 2.0])
    for _ in range(2):
        p = mp.Process(target=add, args=(value, array))
        p.start()
        p.join()
    print(value.value, array[:])
    block = shared_memory.SharedMemory(create=True, size=4096)
    p = mp.Process(target=scribble, args=(block.name,))
    p.start()
    p.join()
    print(bytes(block.buf[:5]))
    block.close()
    block.unlink()
