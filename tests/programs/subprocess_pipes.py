# SPDX-License-Identifier: Apache-2.0
# A chain of two processes, and order of output against our own buffer.
import subprocess

a = subprocess.Popen(["seq", "10"], stdout=subprocess.PIPE)
b = subprocess.Popen(["tail", "-n", "2"], stdin=a.stdout, stdout=subprocess.PIPE)
a.stdout.close()
print(b.communicate()[0], a.wait(), b.returncode)
print("buffered, comes last")
subprocess.run(["echo", "unbuffered, comes first"])
