# SPDX-License-Identifier: Apache-2.0
# Text streams with other encodings and errors, binary beneath, seeking, redirection, and what input() prints.
import contextlib
import io
import sys

print(sys.stdout.encoding, sys.stdout.errors, sys.stdout.newlines, sys.stdout.line_buffering, sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout.name)
print(sys.stderr.encoding, sys.stderr.errors, sys.stderr.line_buffering, sys.stdin.encoding, sys.stdin.errors, sys.stdin.mode, sys.stdout.seekable())
print(sys.stdout, sys.stdin.buffer.raw.closefd, sys.stdout.buffer.raw.name, type(sys.stdout.buffer).__name__)
sys.stdout.reconfigure(encoding="latin-1", errors="backslashreplace", line_buffering=True)
print("é € \udcff")
sys.stdout.reconfigure(encoding="utf-8", newline="\r\n")
print("é", end="\n")
sys.stdout.reconfigure(newline="\n", errors="surrogateescape")
print("\udc80")
sys.stdout.buffer.write(b"\xff\x00bytes\n")
with contextlib.redirect_stdout(io.StringIO()) as text:
    print("caught")
    try:
        input("prompt> ")
    except EOFError as e:
        print("eof", e)
print(repr(text.getvalue()), sys.stdin.read(), sys.stdin.readline(), list(sys.stdin))
try:
    sys.stdout.seek(0)
except io.UnsupportedOperation as e:
    print(e)
wrapped = io.TextIOWrapper(io.BytesIO("a\r\nb\rc".encode("utf-16")), "utf-16", newline=None)
print(wrapped.readlines(), wrapped.newlines)
print("x", file=sys.__stdout__, flush=True)
sys.stdout.detach()
sys.stderr.write("after detaching\n")
