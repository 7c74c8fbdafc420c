# SPDX-License-Identifier: Apache-2.0
# Warnings go to stderr with file, line and source.
import warnings

warnings.warn("be careful")
warnings.warn("old", DeprecationWarning)
assert (1, "always true")
x = "\d"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("kept", ResourceWarning)
print([str(w.message) for w in caught])
