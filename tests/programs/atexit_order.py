# SPDX-License-Identifier: Apache-2.0
# Last registered, first called; after the main module, before the globals go.
import atexit


class Noisy:
    def __del__(self):
        print("del", self.name)


kept = Noisy()
kept.name = "kept"
atexit.register(print, "first registered")
atexit.register(lambda: print("second registered", kept.name))


@atexit.register
def third():
    print("third registered")


print("main ends")
