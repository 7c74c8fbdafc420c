# SPDX-License-Identifier: Apache-2.0
"""What POST /v1/runs may bring beyond a program, on the Docker provider: all of it in the hardened profile but the value of the last
expression; the original profile takes a program alone."""

import base64

import pytest
import requests

READ_FILES = """
import os, sys
print(sys.argv[1:], os.environ["WHO"], os.environ["HOME"], sys.stdin.read(), open("data/raw.bin", "rb").read(), sorted(os.listdir(".")))
import helper
print(helper.twice(2), __file__)
"""
FILES = [{"path": "main.py", "content": READ_FILES}, {"path": "helper.py", "content": "def twice(x): return 2 * x"},
         {"path": "data/raw.bin", "content": base64.b64encode(b"\0\1").decode(), "encoding": "base64"}]


def ask(server, path="/v1/runs", **body):
    return server.post(body, path=path)


def run(server, **body):
    response = ask(server, **body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="module")
def hardened(servers):
    return servers("hardened")


@pytest.mark.parametrize("is_read_only", [False, True], ids=["writable", "read_only"])
def test_files_arguments_variables_and_input_are_there_as_on_native(server, hardened, is_read_only):
    body = {"files": FILES, "entrypoint": "main.py", "args": ["a b", "", "--c"], "env": {"WHO": "me"}, "stdin": "in\nput", "read_only": is_read_only}
    answers = [run(each, **body) for each in (server, hardened)]
    assert [answer["stdout"] for answer in answers] == [answers[0]["stdout"]] * 2 and answers[0]["stdout"].endswith("4 /app/main.py\n")
    assert [answer["verdict"] for answer in answers] == ["ok", "ok"], answers


def test_the_files_that_were_asked_for_come_back_as_on_native(server, hardened):
    code = "import os\nos.makedirs('out/deep')\nopen('out/a.txt', 'w').write('A')\nopen('out/deep/b', 'wb').write(bytes(300000))\n" \
           "os.symlink('/etc/passwd', 'out/link')\nopen('other', 'w')"
    answers = [run(each, code=code, outputs=["out/**"])["files"] for each in (server, hardened)]
    assert answers[0] == answers[1] and [file["path"] for file in answers[0]] == ["out/a.txt", "out/deep/b"]


def test_what_a_failed_program_left_comes_back_too(hardened):
    answer = run(hardened, code="open('x', 'w').write('kept')\n1 / 0", outputs=["*"])
    assert (answer["verdict"], sorted(file["path"] for file in answer["files"])) == ("error", ["script.py", "x"])


@pytest.mark.parametrize("code, limits, verdict", [
    ("while True: pass", {"wall_ms": 1500}, "timeout"),
    ("while True: pass", {"cpu_ms": 200}, "cpu_timeout"),
    ("while True: print('x' * 1000)", {"output_bytes": 5000}, "output"),
    ("import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nwhile True: os.fork()", {"wall_ms": 1500}, None),
], ids=["wall time", "CPU time", "output", "many that heed no signal"])
def test_what_a_stopped_program_left_comes_back_as_on_native(server, hardened, code, limits, verdict):
    body = {"code": f"open('kept', 'w').write('x')\n{code}", "outputs": ["kept"], "limits": limits}
    answers = [run(each, **body) for each in (server, hardened)]
    for answer in answers:
        assert [(file["path"], file["content"]) for file in answer["files"]] == [("kept", "x")], answer
        assert verdict is None or (answer["verdict"], answer["exit_code"]) == (verdict, None), answer
        assert answer["usage"]["cpu_user_ms"] + answer["usage"]["cpu_system_ms"] > 0


def test_a_program_that_ends_its_own_input_is_not_ended(hardened):
    """Process 1 ends a program when its own standard input ends, which no program can bring about."""
    code = "import os, signal, time\nos.close(0)\ntry: os.kill(1, signal.SIGCHLD); os.kill(1, signal.SIGTERM)\nexcept OSError as e: print(e.errno)\ntime.sleep(0.5); print('alive')"
    answer = run(hardened, code=code, outputs=["*"])
    assert (answer["verdict"], answer["stdout"].splitlines()[-1]) == ("ok", "alive")


FILL_TWO = "for place in '/app', '/tmp': open(place + '/x', 'wb').write(bytes({mib} << 20))\nimport time; time.sleep(1)"


@pytest.mark.parametrize("mib, verdict", [(7, "ok"), (10, "disk")])
def test_the_disk_limit_is_one_for_all_folders_as_on_native(server, hardened, mib, verdict):
    """Where native refuses the write, a container is ended: its folders are filesystems of their own."""
    answers = [run(each, code=FILL_TWO.format(mib=mib)) for each in (server, hardened)]
    assert [(answer["verdict"], answer["message"]) for answer in answers] == [(verdict, answers[0]["message"])] * 2, answers


def test_many_small_files_in_all_folders_are_over_the_limit_too(hardened):
    code = "for place in '/app', '/tmp', '/dev/shm':\n for n in range(70): open(f'{place}/{n}', 'w')\nimport time; time.sleep(1)"
    assert run(hardened, code=code, limits={"disk_files": 100})["verdict"] == "disk"


def test_an_answer_says_what_stands_between_the_run_and_the_machine(servers):
    code = "import platform; print(platform.python_version(), end='')"
    hardened, original = (run(servers(profile), code=code) for profile in ("hardened", "original"))
    assert " ".join(hardened["isolation"].pop("layers")) == (
        "descriptors root rlimits bounding_set capabilities no_new_privs seccomp cgroup_memory cgroup_cpu cgroup_pids container")
    assert hardened["isolation"] == {"provider": "docker", "environment": "base", "python": hardened["stdout"]}
    assert original["isolation"] == {"provider": "docker", "environment": "base", "python": None, "layers": ["container"]}


@pytest.mark.parametrize("profile", ["hardened", "original"])
def test_the_environment_that_every_server_has_can_be_asked_for_by_name(servers, profile):
    server = servers(profile)
    assert run(server, code="print(1)", environment="base")["stdout"] == "1\n"
    assert ask(server, code="1", environment=profile).json()["code"] == "unknown_environment"
    [told] = requests.get(server.url + "/v1/environments", timeout=10).json()["environments"]
    is_known = profile == "hardened"
    assert (told["name"], told["slots"], told["preload"], bool(told["python"])) == ("base", 4, [], is_known)


def test_a_program_cannot_forge_its_report(hardened):
    """It writes zeros, and what may look like a mark, and ends in the middle of one."""
    code = "import os\nfor i in range(64): os.write(2, bytes(i)); os.write(1, bytes([0]) + os.urandom(15))\nos.write(2, bytes(7)); os._exit(3)"
    answer = run(hardened, code=code)
    assert (answer["verdict"], answer["exit_code"], len(answer["stderr"])) == ("error", 3, sum(range(64)) + 7)


def test_files_that_do_not_fit_are_the_disk_limit(hardened):
    body = {"code": "print(1)", "files": [{"path": "big", "content": "x" * (300 << 10)}], "limits": {"disk_bytes": 128 << 10}}
    assert run(hardened, **body)["verdict"] == "disk"


@pytest.mark.parametrize("code", ["def f(:", "x = 1"])
def test_a_syntax_check_says_what_the_native_provider_says(server, hardened, code):
    answers = [ask(each, "/v1/check", code=code).json() for each in (server, hardened)]
    native, docker = ({key: answer[key] for key in answer.keys() - {"id", "isolation", "usage", "timings"}} for answer in answers)
    assert native == docker


@pytest.mark.parametrize("profile, body", [
    ("hardened", {"code": "1 + 1", "last_value": True}),
    ("original", {"code": "1", "stdin": "x"}),
    ("original", {"code": "1", "args": ["x"]}),
    ("original", {"code": "1", "env": {"A": "b"}}),
    ("original", {"code": "1", "outputs": ["x"]}),
    ("original", {"files": FILES, "entrypoint": "main.py"}),
], ids=str)
def test_what_cannot_be_done_is_refused_in_words(servers, profile, body):
    response = ask(servers(profile), **body)
    assert (response.status_code, response.json()["code"]) == (422, "unsupported") and "docker provider" in response.json()["detail"]
