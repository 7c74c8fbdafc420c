# SPDX-License-Identifier: Apache-2.0
# sys.executable starts the same Python.
import subprocess
import sys

r = subprocess.run([sys.executable, "-c", "import sys; print(sys.argv[1:], sys.version_info[:2]); print('e', file=sys.stderr); sys.exit(3)", "a b"],
                   capture_output=True, text=True)
print(r.returncode, r.stdout == "['a b'] %s\n" % (sys.version_info[:2],), r.stderr)
print(subprocess.check_output([sys.executable, "-m", "json.tool"], input='{"a": [1, 2]}', text=True))
print(subprocess.check_output([sys.executable, "-"], input="print(__name__)", text=True), end="")
print(sys.executable)
