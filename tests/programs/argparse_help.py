# SPDX-License-Identifier: Apache-2.0
# --help: on stdout, status 0.
import argparse

argparse.ArgumentParser(description="Adds.").parse_args(["--help"])
