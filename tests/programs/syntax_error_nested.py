# SPDX-License-Identifier: Apache-2.0
# The parser's own limit.
x = 1
eval("(" * 300 + ")" * 300)
