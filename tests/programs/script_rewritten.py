# SPDX-License-Identifier: Apache-2.0
# The running program does not change with its file; a traceback shows the new text.
with open(__file__, "w") as f:
    f.write("# new\n" * 20)
raise ValueError("a comment is shown")
