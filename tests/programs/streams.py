# SPDX-License-Identifier: Apache-2.0
# Encodings, buffering and names of the three streams.
import io
import sys

for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__):
    print(s.name, s.mode, s.encoding, s.errors, s.isatty(), s.line_buffering, s.fileno(), type(s.buffer).__name__)
print(io.DEFAULT_BUFFER_SIZE, sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
