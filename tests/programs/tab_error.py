# SPDX-License-Identifier: Apache-2.0
# Tabs and blanks mixed.
if True:
        a = 1
	b = 2
