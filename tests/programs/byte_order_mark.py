# SPDX-License-Identifier: Apache-2.0
# A source that begins with a byte order mark.
print("after the mark", ascii(open(__file__, encoding="utf-8").read(1)))
