# SPDX-License-Identifier: Apache-2.0
# Bytes that are no UTF-8 reach the reader as replacement characters.
import sys

sys.stdout.buffer.write(b"caf\xe9 \xff\xfe|\n")
sys.stdout.buffer.write(b"nul \x00 bell \x07 escape \x1b[31m del \x7f\n")
sys.stderr.buffer.write(b"\xc3\xa9 \xf8\n")
