# SPDX-License-Identifier: Apache-2.0
# Redirected and replaced streams; a detached buffer; print to a file of ours.
import contextlib
import io
import sys

with contextlib.redirect_stdout(io.StringIO()) as caught:
    print("caught")
print(repr(caught.getvalue()))
sys.stdout.reconfigure(encoding="latin-1", errors="replace", line_buffering=True)
sys.stdout.write("plain\n")
sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8", write_through=True)
print("again é")
print("to stderr", file=sys.__stderr__)
sys.stderr = open("log", "w")
print("to the file", file=sys.stderr, flush=True)
print(open("log").read(), end="")
sys.stdout.close()
