# SPDX-License-Identifier: Apache-2.0
# The caret stands under the opening quote.
name = "Ada
print(name)
