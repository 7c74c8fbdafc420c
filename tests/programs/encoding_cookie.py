# SPDX-License-Identifier: Apache-2.0
# -*- coding: latin-1 -*-
# A source that says that it is something else than UTF-8 is taken at its word.
print(len("é"))
