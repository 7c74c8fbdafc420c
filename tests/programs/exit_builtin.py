# SPDX-License-Identifier: Apache-2.0
# exit() of the site module, with a status.
print("bye")
exit(4)
