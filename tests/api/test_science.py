# SPDX-License-Identifier: Apache-2.0
"""Environments beside base: science, with numpy, pandas and matplotlib; one that cannot be made; limits and threads of an environment."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import harness
import pytest

MISSING = [name for name in ("numpy", "pandas", "matplotlib") if not importlib.util.find_spec(name)]
CONFIG = """
[server]
slots = 2
[environment science]
idle = 1
[environment wide]
preload = json numpy
cpu_millis = 2000
pids = 9
slots = 1
"""


def config_file(text):
    file = tempfile.NamedTemporaryFile("w", prefix="safexec-", suffix=".conf")
    file.write(text)
    file.flush()
    return file


@pytest.fixture(scope="module")
def science(start_server):
    if MISSING:
        pytest.skip(f"NOT TESTED: {', '.join(MISSING)} of the science environment are not installed")
    with config_file(CONFIG) as file:
        server = start_server("--config", file.name)
    yield server
    server.stop()


def run(server, code, environment="science", **more):
    answer = server.run(code, environment=environment, **more)
    assert answer["success"], answer
    return answer["output"]


def test_an_unknown_environment_is_a_400_that_names_the_known(science):
    response = science.post({"code": "print(1)", "environment": "fortran"})
    assert (response.status_code, response.json()) == (
        400,
        {"success": False, "error": 'There is no environment "fortran"; there are base, science, wide.'},
    )


def test_each_environment_has_its_own_modules_and_base_is_for_those_who_ask_for_none(science):
    show = "import sys\nprint('pandas' in sys.modules, 'numpy' in sys.modules)"
    assert run(science, show) == "True True\n"
    assert run(science, show, "wide") == "False True\n"
    assert run(science, show, "base") == science.run(show)["output"] == "False False\n"


def test_the_environments_are_listed_with_what_they_are(science):
    listed = harness.requests.get(science.url + "/v1/environments", timeout=10).json()["environments"]
    assert [e["name"] for e in listed] == ["base", "science", "wide"]
    version = subprocess.check_output(["/usr/bin/python3", "-c", "import platform; print(platform.python_version())"], text=True).strip()
    base, rich, wide = listed
    assert {e["python"] for e in listed} == {version} and [e["slots"] for e in listed] == [2, 2, 1] and rich["idle"] == 1
    assert "pandas" in rich["preload"] and wide["preload"] == ["json", "numpy"] and "pandas" not in base["preload"]
    assert rich["warm_up_ms"] > base["warm_up_ms"] > 0 and rich["memory_bytes"] > 50_000_000 > base["memory_bytes"] > 5_000_000
    harness.wait_until(lambda: harness.requests.get(science.url + "/v1/environments", timeout=10).json()["environments"][0]["ready"] == 2, 5, "ready")


def test_the_command_lists_them_too(science):
    command = [harness.BUILD / "safexec", "env", "--server", f"127.0.0.1:{science.port}"]
    lines = subprocess.check_output(command, text=True).splitlines()
    assert [line.split()[0] for line in lines] == ["ENVIRONMENT", "base", "science", "wide"]
    assert lines[2].split()[2:6:2] != ["-", "-"] and lines[2].split()[3::2][:2] == ["ms", "MiB"] and lines[2].endswith("pandas matplotlib.pyplot")
    assert len(json.loads(subprocess.check_output([*command, "--json"]))["environments"]) == 3
    missing = subprocess.run([harness.BUILD / "safexec", "env", "--server", "127.0.0.1:1"], capture_output=True, text=True)
    assert missing.returncode == 1 and missing.stderr.startswith("safexec env: ") and missing.stdout == ""


def test_the_modules_are_imported_already(science):
    code = "import time\nbegin = time.process_time()\nimport matplotlib.pyplot, numpy, pandas\nprint(time.process_time() - begin < 0.02)"
    assert run(science, code) == "True\n"


FRAME = """
import numpy, pandas
frame = pandas.DataFrame(numpy.ones(({megabytes} * 1_000_000 // 8, 1)), columns=['a'])
print(frame.a.sum() == len(frame), int(frame.memory_usage(index=False).sum()))
"""


def test_what_the_zygote_holds_does_not_count_but_what_the_run_touches_does(science):
    assert run(science, FRAME.format(megabytes=90)) == "True 90000000\n"
    answer = science.run(FRAME.format(megabytes=140), environment="science")
    assert answer["error"].endswith("Memory limit of 128 MB exceeded."), answer


def test_in_base_where_the_run_imports_them_itself_the_same_frame_is_too_much(science):
    answer = science.run(FRAME.format(megabytes=90))
    assert answer["error"].endswith("Memory limit of 128 MB exceeded."), answer


PLOT = """
import io, sys, time
begin = time.process_time()
import matplotlib.pyplot as plt
plt.plot([1, 4, 9], label='squares')
plt.legend()
plt.title('$x^2$ größe')
picture = io.BytesIO()
plt.savefig(picture)
took = time.process_time() - begin
print(picture.getvalue()[:8] == b'\\x89PNG\\r\\n\\x1a\\n', plt.get_backend().lower(), took < 0.5)
sys.exit(7)
"""


@pytest.mark.parametrize("read_only", [False, True])
def test_the_first_plot_neither_warns_nor_builds_a_cache(science, read_only):
    answer = science.run(PLOT, environment="science", read_only=read_only)
    assert answer == {"success": False, "error": "Exited with status 7.", "output": "True agg True\n"}  # nothing on stderr
    left = "import os\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig(open(os.devnull, 'wb'))\nprint(os.listdir('/tmp'), os.listdir('/app'))"
    assert run(science, left) == "[] ['script.py']\n"


def test_a_plot_in_a_child_process_works_too(science):
    code = "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import matplotlib.pyplot as p; p.plot([1]); p.savefig(\"x.png\"); print(p.get_backend())']))"
    assert run(science, code).startswith("agg\n")


def test_blas_is_found_through_alternatives_and_works(science):
    code = "import numpy as n\na = n.random.rand(200, 200)\nprint(n.allclose(n.linalg.inv(a) @ a, n.eye(200)))\nprint(*{l.split()[-1].rpartition('/')[2] for l in open('/proc/self/maps') if 'blas' in l})"
    works, libraries = run(science, code).splitlines()
    assert works == "True" and any(name.startswith(("libblas", "libopenblas")) for name in libraries.split()), libraries


THREADS = """
import os, numpy
numpy.ones((500, 500)) @ numpy.ones((500, 500))
print(os.environ['OMP_NUM_THREADS'], os.environ['OPENBLAS_NUM_THREADS'], len(os.listdir('/proc/self/task')))
"""


def test_blas_takes_as_many_threads_as_the_cpu_limit_lets_run(science):
    assert run(science, THREADS) == "1 1 1\n"
    cpus = min(2, int(subprocess.check_output(["nproc"], text=True)))
    ours, openblas, threads = run(science, THREADS, "wide").split()
    has_openblas = "openblas" in run(science, "import numpy\nprint(open('/proc/self/maps').read())", "wide")
    assert (ours, openblas) == (str(cpus), str(cpus)) and int(threads) == (cpus if has_openblas else 1)


def test_limits_are_those_of_the_environment(science):
    code = "import threading, time\nt = []\ntry:\n    while True:\n        t.append(threading.Thread(target=time.sleep, args=(0.5,))); t[-1].start()\nexcept RuntimeError:\n    print(len(t))"
    assert int(run(science, code, "wide")) <= 9 < int(run(science, code, "base"))


GENERATORS = {
    "random": "import random; print(random.getrandbits(128))",
    "secrets": "import secrets; print(secrets.token_hex(16))",
    "uuid4": "import uuid; print(uuid.uuid4())",
    "uuid1": "import uuid; print(uuid.uuid1().clock_seq, uuid.uuid1())",
    "tempfile": "import tempfile; print(tempfile.mkdtemp())",
    "os.urandom": "import os; print(os.urandom(16).hex())",
    "ssl": "import ssl; print(ssl.RAND_bytes(16).hex())",
    "numpy's legacy generator": "import numpy; print(numpy.random.randint(2**62, size=2))",
    "numpy's new generator": "import numpy; print(numpy.random.default_rng().integers(2**62, size=2))",
    "a RandomState": "import numpy; print(numpy.random.RandomState().randint(2**62, size=2))",
    "pandas": "import pandas; print(list(pandas.Series(range(10**5)).sample(8)))",
    "a spawned child": "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'import random; print(random.random(), hash(\"x\"))']))",
}


@pytest.mark.parametrize("code", GENERATORS.values(), ids=GENERATORS)
def test_two_runs_never_share_a_sequence(science, code):
    assert len({run(science, code) for _ in range(8)}) == 8


def test_a_seeded_generator_is_as_anywhere(science):
    code = "import numpy, random\nnumpy.random.seed(5); random.seed(5)\nprint(numpy.random.rand(), numpy.random.default_rng(5).random(), random.random())"
    assert run(science, code) == run(science, code) == subprocess.check_output(["/usr/bin/python3", "-c", code], text=True)


def test_a_child_of_a_run_shares_the_legacy_generator_as_anywhere(science):
    code = "import numpy, os\nif os.fork() == 0:\n    print(numpy.random.rand()); os._exit(os.sys.stdout.flush() or 0)\nos.wait()\nprint(numpy.random.rand())"
    first, second = run(science, code).split()
    assert first == second


ENDS = """atexit_after_error atexit_order clocks del_at_exit exit_in_atexit files_at_exit finalizers_in_order generators_at_exit logging_levels
    mp_fork mp_spawn os_fork_buffer signals_of_all_kinds thread_at_exit thread_hooks threads_daemon traceback_carets""".split()


@pytest.mark.parametrize("name", ENDS)
def test_a_program_that_needs_none_of_the_modules_gives_what_plain_python_gives(science, name):
    sys.path.insert(0, str(harness.ROOT / "tests/programs"))
    import test_programs

    path = harness.ROOT / f"tests/programs/{name}.py"
    status, stdout, stderr = test_programs.run_plainly(path)
    answer = {key: test_programs.as_text(str(text).encode(), "/app") for key, text in science.run(path.read_text(), environment="science").items()}
    want = {"success": "True"} if status == 0 else {"success": "False", "error": test_programs.expected_error(status, stderr)}
    assert answer == {**want, "output": stdout}


def test_what_is_printed_at_the_very_end_is_not_lost(science):
    code = "import numpy\nclass Late:\n    def __del__(self):\n        print('late', end='')\nlate = Late()"
    assert run(science, code) == "late"


def test_a_run_that_brings_a_module_of_a_preloaded_name_gets_its_own(science):
    files = [{"path": "random.py", "content": "def random(): return 4\n"}, {"path": "helper/json.py", "content": "no module of ours"}]
    code = "import random, dataclasses, pandas, sys\nprint(random.random(), random.__file__, dataclasses.__name__, 'helper' in sys.modules)"
    for environment in ("base", "science"):
        body = {"code": code.replace("pandas, ", "pandas, " if environment == "science" else ""), "files": files, "environment": environment}
        answer = science.post(body, path="/v1/runs").json()
        assert answer["stdout"] == "4 /app/random.py dataclasses False\n", answer


PROBE = "import random, secrets, ssl, tempfile\nssl.RAND_bytes(8), random.random(), secrets.token_hex(), tempfile.mktemp()\n"
DRAWN = {
    "ssl": "import ssl; print(ssl.RAND_bytes(16).hex())",
    "random": "import random; print(random.random())",
    "tempfile": "import tempfile; print(tempfile.mktemp())",
    "secrets": "import secrets; print(secrets.token_hex())",
}


def test_generators_that_the_zygote_has_drawn_from_are_seeded_again(start_server):
    """Of a module that draws when it is imported. OpenSSL and tempfile compare process ids, which are the same in all cells."""
    place = pathlib.Path("/usr/lib/python3/dist-packages/safexec_test_probe.py")
    place.write_text(PROBE)
    try:
        with config_file("[environment base]\npreload = safexec_test_probe\nslots = 2\n") as file:
            server = start_server("--config", file.name)
            for name, code in DRAWN.items():
                assert len({server.run(code)["output"] for _ in range(8)}) == 8, name
            server.stop()
    finally:
        place.unlink()
        for cache in place.parent.glob("__pycache__/safexec_test_probe*"):
            cache.unlink()


def test_hashes_of_text_differ_from_zygote_to_zygote(start_server):
    server = start_server("--zygote-max-seconds", "1", "--slots", "1")
    found = set()
    harness.wait_until(lambda: found.add(server.run("print(hash('x'))")["output"]) or len(found) >= 3, 30, "three zygotes")
    server.stop()


CANNOT = [
    ("no_such_module", ("environment two: The module no_such_module cannot be preloaded: ModuleNotFoundError: No module named 'no_such_module'",)),
    ("antigravity.x", ("environment two: The module antigravity.x cannot be preloaded:",)),
]


@pytest.mark.parametrize("preload, words", CANNOT, ids=[row[0] for row in CANNOT])
def test_an_environment_that_cannot_be_made_is_one_sentence_at_the_start(start_server, preload, words):
    with config_file(f"[environment two]\npreload = json {preload}\n") as file:
        command = [harness.BUILD / "safexec", "serve", "--listen", "127.0.0.1:0", "--name", "test-cannot", "--config", file.name]
        r = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (r.returncode, r.stdout) == (3, "") and len(r.stderr.splitlines()) == 1 and all(word in r.stderr for word in words), r
    assert harness.traces_of("test-cannot") == []
