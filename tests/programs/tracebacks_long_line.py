# SPDX-License-Identifier: Apache-2.0
# Long lines and long messages are shown whole.
raise ValueError("long " * 300 + "end")
