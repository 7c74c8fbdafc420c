# SPDX-License-Identifier: Apache-2.0
# A program may lower its own limits.
import resource
import subprocess

resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
try:
    files = [open("/dev/null") for _ in range(40)]
except OSError as e:
    print(e)
resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
print(subprocess.run(["sh", "-c", "while :; do :; done"]).returncode)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > 0.2)
