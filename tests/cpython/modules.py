# SPDX-License-Identifier: Apache-2.0
"""CPython's own tests, a module at a time, as plain `python3 script.py` and in a cell. `make test-cpython` runs all of them this way;
test_cpython.py a sample. Usage: modules.py [--jobs N] [MODULE ...]"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness

CORPORA = pathlib.Path(os.environ.get("SAFEXEC_CORPORA", harness.ROOT.parent / "shared/corpora"))
LIST = CORPORA / "cpython-modules.json"
EXPLAINED = set(re.findall(r"^\| (test_\w+) \|", (harness.ROOT / "docs/fidelity.md").read_text(), re.M))
SUITE = pathlib.Path("/usr/lib/python3.11/test/libregrtest")
NOBODY = 65534
LONGEST_S = 600

# Tests want more than a run has; what is not about room is as for any run.
CONFIG = """[server]
slots = 4
queue-ms = 600000
[limits]
wall_ms = 600000
cpu_ms = 600000
memory_bytes = 2G
cpu_millis = 2000
pids = 512
output_bytes = 16M
disk_bytes = 1G
disk_files = 65536
file_bytes = 4G
"""

# Guarded, because multiprocessing imports the main module again.
DRIVER = """import os
if __name__ == '__main__':
    os.dup2(1, 2)  # a run that succeeds does not show its stderr
    from test.libregrtest import main
    main({tests!r}, verbose=1)
"""


def write_config():
    file = tempfile.NamedTemporaryFile("w", prefix="safexec-cpython-", suffix=".conf")
    file.write(CONFIG)
    file.flush()
    return file


def run_plainly(module):
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "script.py")
        script.write_text(DRIVER.format(tests=[module]))
        for path in (folder, script):
            os.chown(path, NOBODY, NOBODY)
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            try:
                process = subprocess.run(
                    ["/usr/bin/python3", "script.py"], cwd=folder, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "TMPDIR": folder},
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=LONGEST_S, user=NOBODY, group=NOBODY,
                    extra_groups=[], umask=0o022)
                status = process.returncode
            except subprocess.TimeoutExpired:
                status = "timeout"
            output.seek(0)
            return status == 0, output.read()


def run_in_cell(server, module):
    result = server.run(DRIVER.format(tests=[module]), timeout=LONGEST_S + 30)
    return result["success"], result.get("output", "") + result.get("error", "")


def count(text):
    """How many tests a module ran and skipped, as unittest says it."""
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests?", text, re.M)))
    skipped = sum(map(int, re.findall(r"^OK \(.*?skipped=(\d+)", text, re.M)))
    return ran, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--logs", help="a folder for the output of what fails")
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    if not SUITE.exists():
        sys.exit("SKIPPED: CPython's tests are not here; they are in Debian's package libpython3.11-testsuite")
    if not options.modules and not LIST.exists():
        sys.exit(f"SKIPPED: {LIST} is not here: the list of modules; SAFEXEC_CORPORA names its folder")
    modules = options.modules or json.loads(LIST.read_text())
    failed = {"python3": [], "cell": []}
    with write_config() as config:
        server = harness.Server("--config", config.name).wait_ready()

        def run_both(module):
            answers = {}
            for where, run in (("cell", lambda m: run_in_cell(server, m)), ("python3", run_plainly)):
                begin = time.monotonic()
                answers[where] = (*run(module), time.monotonic() - begin)
            return module, answers

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for done, (module, answers) in enumerate(pool.map(run_both, modules), 1):
                words = []
                for where, (passed, text, took) in answers.items():
                    ran, skipped = count(text)
                    words.append(f"{where} {'passed' if passed else 'FAILED'} {ran} tests {skipped} skipped {took:.1f} s")
                    if not passed:
                        failed[where].append(module)
                    if options.logs and (not passed or len({count(a[1]) for a in answers.values()}) > 1):
                        pathlib.Path(options.logs, f"{module}.{where}").write_text(text)
                print(f"{done:3}/{len(modules)} {module:32} {'  '.join(words)}", flush=True)
        server.stop()
    for where, names in failed.items():
        print(f"{where}: {len(modules) - len(names)} passed, {len(names)} failed{': ' if names else ''}{' '.join(names)}")
    only_in_cells = set(failed["cell"]) - set(failed["python3"])
    if only_in_cells & EXPLAINED:
        print(f"explained in docs/fidelity.md: {' '.join(sorted(only_in_cells & EXPLAINED))}")
    return 1 if only_in_cells - EXPLAINED else 0


if __name__ == "__main__":
    sys.exit(main())
