# SPDX-License-Identifier: Apache-2.0
from . import files, identity, kernel, network, processes, resources

ATTACKS = [a for table in (files, identity, kernel, processes, network, resources) for a in table.ATTACKS]
