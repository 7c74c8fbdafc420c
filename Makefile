# SPDX-License-Identifier: Apache-2.0
# Short names for what people do here; Meson does the building. `make` alone builds.
.PHONY: all package test test-cpython test-vm lint asan fuzz reach cover bench soak kills format install clean faults nth neighbours attacks-docker

all:
	script/build

# The Debian packages, into build-package/.
package:
	script/package

test:
	script/test

# Every boot of the virtual machine, a subject each (tests/vm/run names them), kernels without Landlock, memory and pids controller among
# them. As root; about an hour. Logs and results go to build-vm/.
test-vm:
	SAFEXEC_VM_LOGS=build-vm tests/vm/run

# CPython's own tests, module by module, as plain python3 and in a cell; about half an hour. As root.
test-cpython: all
	/usr/bin/python3 tests/cpython/modules.py

lint:
	script/lint

asan:
	script/test asan

# Each target of tests/fuzz for FUZZ_SECONDS (60); what it finds beyond the corpus stays in build-fuzz/.
fuzz:
	script/fuzz

# Each of our programs killed 50 times under load; and, which takes half an hour, each of its system calls failing once. As root.
faults: all
	FAULT_KILLS=50 /usr/bin/python3 -m pytest -p no:cacheprovider -q -rP tests/faults/test_faults.py

nth: all
	NTH_SAMPLE=0 /usr/bin/python3 -m pytest -p no:cacheprovider -q -rP tests/faults/test_nth_failure.py

# Every attack of tests/attacks in hardened containers; two minutes. As root, with Debian's docker.io.
attacks-docker: all
	SAFEXEC_ATTACKS=all /usr/bin/python3 -m pytest -p no:cacheprovider -q tests/docker/test_table_of_attacks.py

# What ten runs that take all they can get cost an honest one beside them, for a minute. As root.
neighbours: all
	/usr/bin/python3 tests/bench/neighbours.py

# Which calls a run can make, beside a container with Docker's default profile. As root.
reach: all
	/usr/bin/python3 tests/attacks/reach.py

# Lines of src/ that the unit and API tests reach.
cover:
	script/cover

# What a run costs beside other ways, and very many runs; tables, and build/bench/*.html with charts. As root, on a quiet machine.
bench: all
	tests/bench/bench.py $(BENCH)

soak: all
	tests/bench/soak.py --runs $${RUNS:-100000}

# Everything killed at KILLS random moments while jobs come in: none lost, none with two results. As root; some minutes.
kills: all
	SAFEXEC_TEST_KILLS=$${KILLS:-100} /usr/bin/python3 -m pytest -p no:cacheprovider -q -rP -k kill_9 tests/api/test_jobs.py

format:
	clang-format-14 -i $$(find src tests -name '*.[ch]')

install: all
	meson install -C build

clean:
	rm -rf build build-*
