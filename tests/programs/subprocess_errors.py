# SPDX-License-Identifier: Apache-2.0
# A missing program, a failing one, one killed by a signal, one that takes too long.
import signal
import subprocess

try:
    subprocess.run(["no-such-program"])
except FileNotFoundError as e:
    print(e)
p = subprocess.Popen(["sleep", "60"])
p.send_signal(signal.SIGTERM)
print(p.wait())
try:
    subprocess.run(["sleep", "60"], timeout=0.05)
except subprocess.TimeoutExpired as e:
    print(type(e).__name__, e.cmd)
subprocess.run("echo on stderr >&2; exit 9", shell=True, check=True)
