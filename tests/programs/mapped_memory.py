# SPDX-License-Identifier: Apache-2.0
# mmap of files and of nothing, shared with children, resized, protected; memoryview; array; struct; shared_memory.
import array
import mmap
import os
import struct
from multiprocessing import shared_memory

with open("data", "wb+") as f:
    f.truncate(8192)
    m = mmap.mmap(f.fileno(), 0)
    m[:5] = b"hello"
    m.flush()
    print(f.read(5), m.find(b"llo"), len(m), m.size(), os.path.getsize("data"), mmap.PAGESIZE)
    m.resize(4096)
    print(len(m), os.path.getsize("data"), m.readline()[:5])
    private = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)
    private[:1] = b"J"
    print(private[:5], m[:5])
    read_only = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
    try:
        read_only[0] = 1
    except TypeError as e:
        print(e)
shared = mmap.mmap(-1, 4096)
if os.fork() == 0:
    shared[:3] = b"kid"
    os._exit(0)
os.wait()
print(shared[:3], shared.madvise(mmap.MADV_DONTNEED))
block = shared_memory.SharedMemory(create=True, size=100)
block.buf[:4] = struct.pack("<I", 7)
other = shared_memory.SharedMemory(block.name)
print(struct.unpack_from("<I", other.buf)[0], len(os.listdir("/dev/shm")) >= 1)
other.close()
block.close()
block.unlink()
view = memoryview(array.array("d", [1, 2, 3]))
print(view.cast("B").nbytes, view.format, view[1], view[::2].tolist(), bytes(memoryview(b"abc")[1:]))
try:
    mmap.mmap(-1, 0)
except (ValueError, OSError) as e:
    print(e)
