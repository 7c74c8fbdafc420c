# SPDX-License-Identifier: Apache-2.0
"""What runs that take all they can get cost an honest run beside them: p95 of print(2+2), quiet and with one hog of each kind in a slot
of its own. `make neighbours` takes a minute; the arguments are seconds, and a server's options."""

import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

HOGS = {
    "fork bomb": "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
    "memory bomb": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "disk filler": "import os\nwhile True:\n try:\n  with open('/tmp/x', 'wb', 0) as f:\n   while True: f.write(bytes(1 << 20))\n except OSError: os.unlink('/tmp/x')",
    "output flood": "import os\nwhile True: os.write(1, b'x' * 65536)",
    "inode filler": "import os\nn = 0\nwhile True:\n try:\n  os.close(os.open(f'/tmp/{n}', 66)); n += 1\n except OSError:\n  for i in range(n): os.unlink(f'/tmp/{i}')\n  n = 0",
    "descriptor hog": "import os\nwhile True:\n try:\n  while True: os.dup(0)\n except OSError: os.closerange(3, 2000)",
    "thread bomb": "import threading\ndef f():\n while True: pass\nwhile True:\n try: threading.Thread(target=f).start()\n except RuntimeError: pass",
    "CPU hog with children": "import os\nfor _ in range(8): os.fork()\nwhile True: pass",
    "print flood": "while True: print('y' * 100)",
    "refused calls": "import ctypes, threading\nlibc = ctypes.CDLL(None)\ndef f():\n while True: libc.ptrace(0)\nfor _ in range(60): threading.Thread(target=f).start()",
}
HONEST = "print(2+2)"


def hog(server, code, stop):
    while not stop.is_set():
        try:
            server.post({"code": code}, timeout=40)
        except OSError:
            if not stop.is_set():
                raise


def measure(server, seconds):
    """p95 in milliseconds, and of how many."""
    times, end = [], time.monotonic() + seconds
    with harness.requests.Session() as session:
        while time.monotonic() < end:
            begin = time.monotonic()
            assert server.run(HONEST, session=session) == {"success": True, "output": "4\n"}
            times.append((time.monotonic() - begin) * 1000)
            time.sleep(0.02)
    return statistics.quantiles(times, n=20)[-1], statistics.median(times), len(times)


def compare(server, seconds):
    """Quiet and loud p95, and what is to be said about them."""
    quiet, quiet_median, _ = measure(server, min(seconds, 10))
    stop = threading.Event()
    threads = [threading.Thread(target=hog, args=(server, code, stop), daemon=True) for code in HOGS.values()]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        loud, loud_median, count = measure(server, seconds)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    text = f"beside {len(HOGS)} hogs for {seconds} s: p95 {loud:.1f} ms of {count} runs, median {loud_median:.1f}; "
    return quiet, loud, text + f"quiet: p95 {quiet:.1f} ms, median {quiet_median:.1f}; {loud / quiet:.1f} times"


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    server = harness.Server("--slots", str(len(HOGS) + 6), "--idle", "4", *sys.argv[2:]).wait_ready()
    try:
        print(compare(server, seconds)[2])
    finally:
        server.stop()


if __name__ == "__main__":
    main()
