# SPDX-License-Identifier: Apache-2.0
from . import channels, files, identity, kernel, network, processes, resources, verdicts

ATTACKS = [a for table in (files, identity, kernel, processes, network, resources, channels, verdicts) for a in table.ATTACKS]
