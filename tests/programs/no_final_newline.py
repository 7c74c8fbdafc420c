# SPDX-License-Identifier: Apache-2.0
# A last line without its newline.
print("last line")