# SPDX-License-Identifier: Apache-2.0
# tempfile in /tmp.
import os
import tempfile

print(tempfile.gettempdir())
with tempfile.TemporaryDirectory() as d:
    path = os.path.join(d, "x")
    open(path, "w").write("1")
    print(os.listdir(d), d.startswith("/tmp/"))
print(os.path.exists(d))
with tempfile.NamedTemporaryFile("w+", suffix=".txt") as f, tempfile.TemporaryFile() as g, tempfile.SpooledTemporaryFile(10) as s:
    f.write("text")
    f.seek(0)
    g.write(b"b" * 100)
    s.write(b"c" * 100)
    print(f.read(), os.path.exists(f.name), g.tell(), s.tell())
