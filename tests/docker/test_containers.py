# SPDX-License-Identifier: Apache-2.0
"""What the provider asks of the Engine, seen by inspecting; and that no container outlives its run, its server, or a crash."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess

import harness
import pytest

MIB = 1 << 20
RUNS = int(os.environ.get("SAFEXEC_DOCKER_RUNS", "10"))  # in each profile; 50 shows more and takes longer
SLEEP = "import time; print('begun', flush=True); time.sleep(1000)"


def running(engine, server):
    """Inspections of the containers in which a program runs: all but those that wait for one."""
    return [c for c in engine.containers(server.name) if c["State"]["Running"] and harness.processes_with(c["Id"])
            and any("script.py" in p.cmdline for p in descendants_of(c))]


def descendants_of(container):
    return harness.descendants(container["State"]["Pid"]) if container["State"]["Pid"] else []


@contextlib.contextmanager
def run_under_way(engine, server, code=SLEEP, **body):
    """A request whose client goes away at the end; yields the inspection of its container."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/run", json.dumps({"code": code, **body}), harness.JSON)
    try:
        yield harness.wait_until(lambda: running(engine, server), 10, "the program runs")[0]
    finally:
        connection.close()


def has_gone(engine, container):
    return engine.call("GET", f"/containers/{container['Id']}/json")[0] == 404 and not [
        p for p in harness.processes_with(container["Id"]) if p.is_alive()]


@pytest.mark.parametrize("is_read_only", [False, True], ids=["writable", "read_only"])
def test_the_original_profile_is_the_command_of_old_flag_by_flag(engine, servers, is_read_only):
    server = servers("original")
    with run_under_way(engine, server, read_only=is_read_only) as container:
        host, config = container["HostConfig"], container["Config"]
        [bind] = host["Binds"]
        folder, _, rest = bind.partition(":")
        assert pathlib.Path(folder, "script.py").read_text() == SLEEP
    assert rest == ("/app:ro" if is_read_only else "/app")
    assert {key: host[key] for key in ("NetworkMode", "Memory", "NanoCpus", "PidsLimit", "ReadonlyRootfs")} == {
        "NetworkMode": "none", "Memory": 128 * MIB, "NanoCpus": 500_000_000, "PidsLimit": 64, "ReadonlyRootfs": is_read_only}
    assert (config["Cmd"], config["WorkingDir"], config["Image"]) == (["python", "script.py"], "/app", "python:3.11-slim")
    # ... and nothing else that would make it safer than it was.
    assert (host["CapDrop"], host["SecurityOpt"], host["Tmpfs"] if "Tmpfs" in host else None, config["User"]) == (None, None, None, "")
    # --rm, by hand: AutoRemove would take OOMKilled away with the container.
    assert host["AutoRemove"] is False
    harness.wait_until(lambda: has_gone(engine, container), 10, "the container is removed")
    assert not pathlib.Path(folder).exists()


@pytest.mark.parametrize("is_read_only", [False, True], ids=["writable", "read_only"])
def test_the_hardened_profile_closes_what_the_original_leaves_open(engine, servers, is_read_only):
    server = servers("hardened")
    with run_under_way(engine, server, read_only=is_read_only) as container:
        host, config = container["HostConfig"], container["Config"]
    wanted = {"NetworkMode": "none", "Memory": 128 * MIB, "MemorySwap": 128 * MIB, "NanoCpus": 500_000_000,
              "PidsLimit": 65,  # the program's 64, and process 1, which is ours
              "ReadonlyRootfs": True, "CapDrop": ["ALL"], "Privileged": False,
              "LogConfig": {"Type": "none", "Config": {}}, "CapAdd": None, "IpcMode": "private", "PidMode": ""}
    assert {key: host[key] for key in wanted} == wanted
    privileges, profile = host["SecurityOpt"]
    assert privileges == "no-new-privileges" and json.loads(profile.removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {"/sys", "/proc/sys", "/proc/kcore", "/proc/meminfo"} <= set(host["MaskedPaths"])
    assert config["Cmd"] == ["/safexec-init"] and any(bind.endswith("/safexec-docker-init:/safexec-init:ro") for bind in host["Binds"])
    assert (config["User"], config["NetworkDisabled"]) == ("65534:65534", True)
    assert {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]} == {"core": 1, "memlock": 65536, "nofile": 1024, "fsize": 16 * MIB}
    if is_read_only:  # nothing is written anywhere; the program itself is bound, and cannot be changed
        assert host["Binds"][0].endswith(":/app:ro") and host["Tmpfs"]["/tmp"].startswith("ro,")
    else:
        assert len(host["Binds"]) == 1 and sorted(host["Tmpfs"]) == ["/app", "/tmp"]
        assert all("size=16777216" in options and "nosuid" in options for options in host["Tmpfs"].values())


def test_a_hardened_program_is_nobody_and_may_nothing(servers):
    code = """
import os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(os.getuid(), os.getgid(), status["CapEff"], status["CapBnd"], status["NoNewPrivs"], status["Seccomp"])
print(os.listdir("/sys"), open("/proc/meminfo").read(), os.listdir("/proc/sys"), os.path.exists("/var/run/docker.sock"))
for path in ("/x", "/etc/x", "/usr/x", "/app/x", "/tmp/x"):
    try:
        open(path, "w")
        print(path, "written")
    except OSError as e:
        print(path, e.errno)
"""
    assert servers("hardened").run(code)["output"].splitlines() == [
        "65534 65534 " + "0" * 16 + " " + "0" * 16 + " 1 2", "[]  [] False", "/x 30", "/etc/x 30", "/usr/x 30", "/app/x written",
        "/tmp/x written"]


def test_a_client_that_goes_away_ends_and_removes_its_container(engine, docker):
    with run_under_way(engine, docker) as container:
        pass
    harness.wait_until(lambda: has_gone(engine, container), 5, "the container is gone")


@pytest.mark.parametrize("code, verdict", [("while True: print('z' * 1000)", "output"), ("'a' * 10**9", "memory"), ("while True: pass", "timeout")],
                         ids=["output", "memory", "timeout"])
def test_a_run_that_is_stopped_leaves_no_container(engine, docker, code, verdict):
    before = {c["Id"] for c in engine.containers(docker.name)}
    answer = docker.post({"code": code, "displays": False, "limits": {"wall_ms": 2000}}, path="/v1/runs").json()
    assert answer["verdict"] == verdict
    # Of those that were there one was used; each that is there now waits for a job, with nothing but process 1.
    harness.wait_until(lambda: len(before & {c["Id"] for c in engine.containers(docker.name)}) < len(before), 30, "it is removed")
    harness.wait_until(lambda: not running(engine, docker), 30, "no program runs")


def test_many_runs_leave_no_container_descriptor_or_folder(engine, docker, profile):
    def is_quiet():
        """Four containers wait; in the original profile each has its folder. Process 1 of the hardened ones lies beside."""
        folders = len(os.listdir(f"/run/safexec-docker-{docker.name}"))
        containers = engine.containers(docker.name)
        are_up = profile == "original" or all(c["State"]["Running"] for c in containers)
        return (len(containers), folders) == (4, 5 if profile == "original" else 1) and are_up and not running(engine, docker)

    def descriptors():
        return len(docker.find("safexec-docker")[0].descriptors())

    docker.run("print(1)", read_only=True)
    harness.wait_until(is_quiet, 30, "the pool is full")
    before = descriptors()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        rows = [("print(1)", i % 5 == 0) for i in range(RUNS)] + [("1/0", False)]
        answers = list(pool.map(lambda row: docker.run(row[0], read_only=row[1])["output"], rows))
    assert answers == ["1\n"] * RUNS + [""]
    harness.wait_until(is_quiet, 30, "everything is as before")
    # But for connections that libcurl keeps for the next call.
    harness.wait_until(lambda: abs(descriptors() - before) <= 8, 10, "no descriptor is left")


def test_a_container_serves_one_run_only(engine, docker):
    names = {docker.run("print(open('/etc/hostname').read().strip())")["output"] for _ in range(4)}
    assert len(names) == 4


def test_a_program_that_fills_its_folder_deeply_is_cleaned_up(engine, servers):
    server = servers("original")
    code = """
import os
for i in range(1500):
    os.mkdir("d")
    os.symlink("/etc", "link")
    open("moved-0", "w").close()
    os.chdir("d")
os.chmod(".", 0)
print("deep")
"""
    folder = f"/run/safexec-docker-{server.name}"
    before = set(os.listdir(folder))
    assert server.run(code)["output"] == "deep\n"
    harness.wait_until(lambda: len(before & set(os.listdir(folder))) < len(before), 20, "its folder is removed")
    assert pathlib.Path("/etc/passwd").exists()


# --- crashes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["hardened", "original"])
def test_kill_9_of_the_provider_leaves_no_container_after_the_next_start(engine, start_docker, profile):
    server = start_docker("--profile", profile, "--slots", "2")
    with run_under_way(engine, server) as container:
        old = {c["Id"] for c in engine.containers(server.name)}
        os.kill(server.find("safexec-docker")[0].pid, signal.SIGKILL)
        harness.wait_until(lambda: has_gone(engine, container), 20, "the supervisor's new provider sweeps")
    assert server.run("print(2+2)") == {"success": True, "output": "4\n"}
    assert not old & {c["Id"] for c in engine.containers(server.name)}
    assert "removed 2 containers that an earlier server left" in server.log() or "removed 1 containers" in server.log()
    server.stop()
    assert not engine.containers(server.name)


def test_kill_9_of_everything_is_swept_by_the_next_start(engine, start_docker):
    server = start_docker("--slots", "2")
    with run_under_way(engine, server) as container:
        server.kill()
        server.process.stdout.close()
    # The provider alone hears of the supervisor's end and would remove all; killed too, it cannot.
    again = start_docker("--slots", "1", name=server.name)
    assert has_gone(engine, container)
    again.stop()
    assert not engine.containers(server.name) and not os.path.exists(f"/run/safexec-docker-{server.name}")


def test_a_supervisor_that_is_killed_takes_its_containers_with_it(engine, start_docker):
    server = start_docker("--slots", "2")
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    harness.wait_until(lambda: not engine.containers(server.name), 15, "the provider removes all and ends")
    harness.wait_until(lambda: not harness.processes_with(server.name), 15, "no process is left")
    assert not os.path.exists(f"/run/safexec-docker-{server.name}")


def test_sigterm_leaves_nothing(engine, start_docker):
    server = start_docker("--slots", "3")
    server.stop()
    assert not engine.containers(server.name)


# --- bad surroundings -----------------------------------------------------------------------------------------------------------


def serve_in_vain(*options):
    return subprocess.run([harness.BUILD / "safexec", "serve", "--listen", "127.0.0.1:0", "--provider", "docker", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_a_missing_image_is_one_sentence_with_the_cure(engine):
    result = serve_in_vain("--docker-host", engine.host, "--image", "nothing:1", "--name", "vain")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == "safexec-docker: cannot run here: the Engine has no image nothing:1; fetch it by `docker pull nothing:1`\n"


def test_a_missing_engine_is_one_sentence_with_the_cure():
    result = serve_in_vain("--docker-host", "unix:///nowhere/docker.sock", "--name", "vain")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("safexec-docker: cannot run here: no Docker Engine answers at /nowhere/docker.sock; start it")
    assert result.stderr.count("\n") == 1


def test_an_unknown_runtime_is_told_of(engine):
    result = serve_in_vain("--docker-host", engine.host, "--runtime", "nothing", "--name", "vain")
    assert result.returncode == 3 and "nothing" in result.stderr


def test_a_second_server_of_the_same_name_is_refused(engine, servers):
    result = serve_in_vain("--docker-host", engine.host, "--name", servers("hardened").name)
    assert result.returncode == 3
    assert result.stderr == (f"safexec-docker: cannot run here: another server named '{servers('hardened').name}' is running; "
                             "choose another --name\n")


def test_the_doctor_knows_engine_and_image(engine):
    def lines(**environment):
        result = subprocess.run([harness.BUILD / "safexec", "doctor"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90,
                                env={**os.environ, **environment})
        return result.returncode, [line for line in result.stdout.splitlines() if " docker " in line]

    assert lines(DOCKER_HOST=engine.host) == (0, [
        f"ok    docker engine an Engine answers at {engine.socket}, for --provider docker", "ok    docker image  python:3.11-slim is there"])
    status, [line] = lines(DOCKER_HOST="unix:///nowhere/docker.sock")
    assert status == 0 and line.startswith("note  docker engine no Docker Engine answers at /nowhere/docker.sock")
