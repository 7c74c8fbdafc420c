# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx in front of a server on a Unix socket, as packaging/nginx/safexec.conf says, with a certificate made here."""

import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import harness
import pytest
import requests
from harness import wait_until

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
NAME = "safexec.example.org"  # as the configuration has it; resolved by the test alone
STREAM = "import sys, time\nprint('first', flush=True)\ntime.sleep(3)\nprint('last')"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def configuration(folder, tls_port, plain_port):
    """The file that is shipped, with other ports, paths and certificate, in the frame that Debian's nginx.conf makes."""
    text = (harness.ROOT / "packaging/nginx/safexec.conf").read_text()
    for old, new in {
        "/run/safexec/http.sock": f"{folder}/http.sock",
        "/etc/ssl/certs/safexec.pem": f"{folder}/cert.pem",
        "/etc/ssl/private/safexec.key": f"{folder}/key.pem",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls_port} ssl http2;",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "\tlisten [::]:443 ssl http2;\n": "",
        "\tlisten [::]:80;\n": "",
    }.items():
        assert old in text, f"{old!r} is not in the configuration any more"
        text = text.replace(old, new)
    (folder / "site.conf").write_text(text)
    places = "".join(f"{what}_temp_path {folder}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"user root;\ndaemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}include {folder}/site.conf;\n}}\n"
    )


class Edge:
    """nginx and the server behind it."""

    def __init__(self, folder):
        self.folder, self.port, self.plain_port = folder, free_port(), free_port()
        self.name = f"test-nginx-{os.getpid()}"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext"]
            + [f"subjectAltName=DNS:{NAME}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            check=True,
            capture_output=True,
        )
        configuration(folder, self.port, self.plain_port)
        self.log = open(folder / "server.log", "w")
        self.server = subprocess.Popen(
            [harness.BUILD / "safexec", "serve", "--listen", f"unix:{folder}/http.sock", "--name", self.name, "--slots", "2"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.server.stdout.readline() == f"Listening on unix:{folder}/http.sock\n", (folder / "server.log").read_text()
        checked = subprocess.run([NGINX, "-t", "-c", folder / "nginx.conf"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        self.nginx = subprocess.Popen([NGINX, "-c", folder / "nginx.conf"], stdin=subprocess.DEVNULL, stderr=self.log)
        wait_until(self.is_listening, harness.START_S, "nginx listens")

    def is_listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method, path, **more):
        """A request by name and TLS, the certificate checked."""
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Host": f"{NAME}:{self.port}", **more.pop("headers", {})}
            session.mount("https://", ByName())
            return session.request(
                method, f"https://127.0.0.1:{self.port}{path}", verify=str(self.folder / "cert.pem"), timeout=40, headers=headers, **more
            )

    def close(self):
        self.nginx.terminate()
        self.nginx.wait(harness.STOP_S)
        self.server.terminate()
        assert self.server.wait(harness.STOP_S) == 0, (self.folder / "server.log").read_text()
        self.server.stdout.close()
        self.log.close()


class ByName(requests.adapters.HTTPAdapter):
    """The certificate is the name's, the address is ours."""

    def init_poolmanager(self, *args, **more):
        super().init_poolmanager(*args, server_hostname=NAME, assert_hostname=NAME, **more)


@pytest.fixture(scope="module")
def edge():
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("NOT TESTED: the sandbox needs root; run the tests with sudo")
    if not NGINX or not shutil.which("openssl"):
        pytest.skip("NOT TESTED: there is no nginx or no openssl here")
    with tempfile.TemporaryDirectory(prefix="safexec-nginx-") as folder:
        edge = Edge(pathlib.Path(folder))
        try:
            yield edge
        finally:
            edge.close()


def test_a_run_goes_through_tls_and_the_socket(edge):
    answer = edge.ask("POST", "/run", json={"code": "print(2+2)"})
    assert answer.json() == {"success": True, "output": "4\n"}
    assert answer.headers["Strict-Transport-Security"]


def test_the_page_is_there_and_only_its_own_site_may_use_it(edge):
    assert "<html" in edge.ask("GET", "/").text
    own, foreign = f"https://{NAME}:{edge.port}", "https://elsewhere.example"
    assert edge.ask("POST", "/run", json={"code": "1"}, headers={"Origin": own}).status_code == 200
    assert edge.ask("POST", "/run", json={"code": "1"}, headers={"Origin": foreign}).status_code == 403


def test_plain_http_is_sent_on_to_https(edge):
    answer = requests.post(f"http://127.0.0.1:{edge.plain_port}/run", headers={"Host": NAME}, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{NAME}/run")


def test_what_a_program_prints_comes_as_it_is_printed(edge):
    begin, came = time.monotonic(), {}
    with edge.ask("POST", "/v1/runs", json={"code": STREAM}, headers={"Accept": "application/x-ndjson"}, stream=True) as answer:
        for line in answer.iter_lines():
            for word in (b"first", b"last", b"verdict"):
                if word in line:
                    came.setdefault(word, time.monotonic() - begin)
    assert came[b"last"] - came[b"first"] > 2, f"the stream was held back: {came}"


def test_a_client_that_leaves_ends_its_run(edge):
    mark = f"nginx{os.getpid()}"
    body = json.dumps({"code": f"import ctypes, time\nctypes.CDLL(None).prctl(15, b'{mark}')\ntime.sleep(30)"})
    context = ssl.create_default_context(cafile=edge.folder / "cert.pem")
    with socket.create_connection(("127.0.0.1", edge.port)) as plain, context.wrap_socket(plain, server_hostname=NAME) as client:
        head = f"POST /run HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall((head + body).encode())
        wait_until(lambda: harness.processes_with(mark), 8, "the run has begun")
    wait_until(lambda: not harness.processes_with(mark), 4, "the run has ended, long before its time")


def test_a_body_too_long_for_its_kind_is_refused_at_the_edge_and_the_longest_is_passed_on(edge):
    for path, size, is_passed in (("/v1/runs", 8 << 20, True), ("/v1/runs", (8 << 20) + 1, False),
                                  ("/v1/jobs/batch", (8 << 20) + 1, True), ("/v1/jobs/batch", (32 << 20) + 1, False)):
        answer = edge.ask("POST", path, data=b"x" * size, headers=harness.JSON)
        assert answer.status_code == (400 if is_passed else 413), (path, size, answer.text)
        assert answer.headers["Content-Type"].startswith("application/problem+json") == is_passed, (path, size)


def test_a_reload_of_the_server_is_not_seen_through_nginx(edge):
    edge.server.send_signal(1)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert edge.ask("POST", "/run", json={"code": "print(2+2)"}).json() == {"success": True, "output": "4\n"}
        time.sleep(0.1)
