# SPDX-License-Identifier: Apache-2.0
# Short names for what people do here; Meson does the building. `make` alone builds.
.PHONY: all test lint asan format install clean

all:
	script/build

test:
	script/test

lint:
	script/lint

asan:
	script/test asan

format:
	clang-format-14 -i $$(find src tests -name '*.[ch]')

install: all
	meson install -C build

clean:
	rm -rf build build-*
