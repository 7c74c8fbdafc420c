# SPDX-License-Identifier: Apache-2.0
# A usage error: the name of the script, status 2.
import argparse

parser = argparse.ArgumentParser(description="Adds.")
parser.add_argument("numbers", type=int, nargs="+")
parser.add_argument("--fast", action="store_true")
print(parser.parse_args(["1", "2", "--fast"]))
parser.parse_args()
