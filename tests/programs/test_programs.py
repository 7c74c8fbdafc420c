# SPDX-License-Identifier: Apache-2.0
"""A run behaves like `python3 script.py`: every program beside this file, run both ways, must give the same."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

import pytest

PROGRAMS = sorted(p for p in pathlib.Path(__file__).parent.glob("*.py") if not p.name.startswith("test_"))
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
NOBODY = 65534


def as_text(output, folder):
    """What both sides have in common: /app for the folder, and no addresses."""
    text = output.decode("utf-8", "replace").replace(str(folder), "/app")
    return re.sub(r"\b0x[0-9a-f]{6,}\b", "0xADDRESS", text)


def run_plainly(program):
    """Status, stdout and stderr of `python3 script.py`, as an ordinary user in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "script.py")
        script.write_bytes(program.read_bytes())
        for path in (folder, script):
            os.chown(path, NOBODY, NOBODY)
        r = subprocess.run(
            ["/usr/bin/python3", "script.py"],
            cwd=folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            umask=0o022,
        )
        return r.returncode, as_text(r.stdout, folder), as_text(r.stderr, folder)


def expected_error(status, stderr):
    """The error of the answer, by the table of POST /run."""
    if status < 0:
        sentence = f"Killed by signal {-status} ({signal.Signals(-status).name})."
        return stderr + ("\n" if stderr and not stderr.endswith("\n") else "") + sentence
    return stderr or f"Exited with status {status}."


def test_there_are_programs_enough_and_each_fits_a_request():
    assert len(PROGRAMS) >= 150
    assert not [p.name for p in PROGRAMS if len(p.read_bytes().decode()) > 5000]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_program_gives_what_plain_python_gives(server, program):
    status, stdout, stderr = run_plainly(program)
    result = server.run(program.read_bytes().decode())
    got = {key: as_text(value.encode(), "/app") if isinstance(value, str) else value for key, value in result.items()}
    if status == 0:
        assert got == {"success": True, "output": stdout}
    else:
        assert got == {"success": False, "error": expected_error(status, stderr), "output": stdout}
