# SPDX-License-Identifier: Apache-2.0
# abort().
import os

print("flushed", flush=True)
os.abort()
