# SPDX-License-Identifier: Apache-2.0
# Deep nesting in data: pickle, json, repr and comparison say RecursionError instead of crashing.
import copy
import json
import pickle

deep = []
for _ in range(100_000):
    deep = [deep]
for call in (json.dumps, pickle.dumps, repr, copy.deepcopy, lambda d: d == [d]):
    try:
        call(deep)
        print("fine")
    except RecursionError as e:
        print(type(e).__name__)
