# SPDX-License-Identifier: Apache-2.0
# zipfile, tarfile, gzip, bz2, lzma, zlib; an archive made and read back; import from a zip.
import bz2
import gzip
import io
import lzma
import sys
import tarfile
import zipfile
import zlib

text = b"the same words " * 200
for m in (gzip, bz2, lzma, zlib):
    print(m.__name__, m.decompress(m.compress(text)) == text, len(m.compress(text)) < 200)
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("zipped.py", "NAME = __name__\n")
    z.write("script.py")
print(zipfile.ZipFile("a.zip").namelist(), zipfile.ZipFile("a.zip").testzip())
sys.path.insert(0, "a.zip")
import zipped

print(zipped.NAME, zipped.__file__)
buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w:gz") as t:
    t.add("script.py", "dir/s.py")
buffer.seek(0)
with tarfile.open(fileobj=buffer) as t:
    print(t.getnames(), t.extractfile("dir/s.py").readline())
print(zlib.crc32(text), zlib.adler32(text))
