# SPDX-License-Identifier: Apache-2.0
# input() meets the end of file at once.
name = input("Your name? ")
print("never", name)
