# SPDX-License-Identifier: Apache-2.0
# What the site module adds, help() without a terminal, and a module that prints on import.
import this

print(exit, quit, copyright.__class__.__name__)
help(len)
