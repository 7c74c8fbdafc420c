# SPDX-License-Identifier: Apache-2.0
# The last-resort handler, then a configured one with an exception.
import logging

logging.warning("no handler yet")
logging.info("not shown")
logging.basicConfig(format="%(levelname)s %(name)s %(module)s:%(lineno)d %(message)s", level=logging.INFO, force=True)
log = logging.getLogger("a.b")
log.info("shown %s", 1)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
