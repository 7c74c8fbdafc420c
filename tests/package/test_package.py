# SPDX-License-Identifier: Apache-2.0
"""The Debian packages as files, and `meson install`. That they work is for tests/vm, which installs them in a machine of its own."""

import os
import pathlib
import re
import shutil
import subprocess

import harness
import pytest

FOLDER = harness.BUILD / "package"
COMMANDS = re.findall(r"^  ([a-z]+) ", subprocess.run([harness.BUILD / "safexec", "--help"], capture_output=True, text=True).stdout, re.M)
WANTED = {
    "etc/safexec/safexec.conf",
    "lib/systemd/system/safexec.service",
    "lib/systemd/system/safexec.socket",
    "usr/bin/safexec",
    "usr/lib/sysusers.d/safexec.conf",
    "usr/lib/tmpfiles.d/safexec.conf",
    "usr/libexec/safexec/_zygote.abi3.so",
    "usr/libexec/safexec/safexec",
    "usr/libexec/safexec/safexec-warden",
    "usr/libexec/safexec/safexecd",
    "usr/libexec/safexec/sitecustomize.py",
    "usr/share/bash-completion/completions/safexec",
    "usr/share/doc/safexec/examples/nginx.conf",
    "usr/share/man/man1/safexec.1.gz",
    "usr/share/man/man5/safexec.conf.5.gz",
    "usr/share/man/man8/safexec-warden.8.gz",
    "usr/share/man/man8/safexecd.8.gz",
}


def run(*command, **more):
    r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **more)
    assert r.returncode == 0, r.stdout[-3000:]
    return r.stdout


def files_of(package):
    lines = run("dpkg-deb", "--contents", package).splitlines()
    return {line.split()[5].removeprefix("./") for line in lines if not line.startswith("d")}


@pytest.fixture(scope="module")
def packages():
    if not shutil.which("dh"):
        pytest.skip("NOT TESTED: there is no debhelper here")
    run(harness.ROOT / "script/package", FOLDER)
    return {path.name.partition("_")[0]: path for path in FOLDER.glob("*.deb")}


def test_the_packages_hold_what_they_should(packages):
    assert WANTED <= files_of(packages["safexec"])
    assert run("dpkg-deb", "--info", packages["safexec"], "conffiles").split() == ["/etc/safexec/safexec.conf"]
    assert not [name for name in files_of(packages["safexec-science"]) if not name.startswith(("usr/share/doc/", "usr/share/lintian/"))]


def test_the_packages_bear_the_version_of_the_tree(packages):
    version = re.search(r"version: '([\d.]+)'", (harness.ROOT / "meson.build").read_text())[1]
    assert {path.name.split("_")[1].partition("-")[0] for path in packages.values()} == {version}


def test_lintian_finds_nothing(packages):
    if not shutil.which("lintian"):
        pytest.skip("NOT TESTED: there is no lintian here")
    (changes,) = FOLDER.glob("*.changes")
    found = run("lintian", "--allow-root", "--display-info", "--pedantic", "--fail-on", "error,warning,info", changes)
    assert [line for line in found.splitlines() if not line.startswith(("N:", "running with root"))] == []


def test_every_program_finds_its_libraries_in_the_dependencies(packages):
    depends = run("dpkg-deb", "--field", packages["safexec"], "Depends")
    for library in ("libmicrohttpd", "libevent-core", "libseccomp", "libjansson", "libcurl", "libsqlite3", "libinih", "python3", "systemd"):
        assert library in depends, f"{library} is not in {depends}"


def test_the_configuration_shipped_is_all_defaults_and_its_comments_are_keys_that_there_are(tmp_path):
    shipped = harness.ROOT / "packaging/safexec.conf"
    run(harness.BUILD / "safexec", "config", "check", "--config", shipped)
    live = [line for line in shipped.read_text().splitlines() if line and not line.startswith((";", "["))]
    assert live == []
    text = "".join(f"{line}\n" for line in shipped.read_text().splitlines() if not re.match(r";listen = unix", line))
    (tmp_path / "all.conf").write_text(re.sub(r"^;(?=[a-z\[])", "", text, flags=re.M))
    run(harness.BUILD / "safexec", "config", "check", "--config", tmp_path / "all.conf")


def test_a_server_runs_from_wherever_meson_installs_it(tmp_path):
    run("meson", "install", "--no-rebuild", "-C", harness.BUILD, env={**os.environ, "DESTDIR": str(tmp_path)})
    root = tmp_path / "usr/local"
    assert run(root / "bin/safexec", "--version").startswith("safexec ")
    assert "ExecStart=/usr/local/bin/safexec serve" in (root / "lib/systemd/system/safexec.service").read_text()
    for name in ("safexec-warden", "safexecd", "_zygote.abi3.so", "sitecustomize.py"):
        assert (root / "libexec/safexec" / name).exists()
    assert [path.name for path in (root / "bin").iterdir()] == ["safexec"]
    harness.need_root()
    server = harness.Server("--slots", "1", program=root / "bin/safexec")
    try:
        server.wait_ready()
    finally:
        server.stop()


def options_of(program, *command):
    """As its --help names them."""
    r = subprocess.run([harness.BUILD / program, *command, "--help"], capture_output=True, text=True)
    return set(re.findall(r"--[a-z][a-z-]+", r.stdout))


@pytest.mark.parametrize("program", ["safexecd", "safexec-warden", "safexec-docker", "safexec-store", "safexec-sender"])
def test_the_manual_page_of_a_program_has_its_options(program):
    page = (harness.ROOT / f"man/{program}.8").read_text()
    assert options_of(program) - {"--help", "--version"} <= options_in(page)


def test_the_manual_page_has_every_command_with_its_options():
    page = (harness.ROOT / "man/safexec.1").read_text()
    assert set(COMMANDS) == set(re.findall(r"^\.It Cm ([a-z]+)", page, re.M))
    assert {option for command in COMMANDS for option in options_of("safexec", command)} - {"--help"} <= options_in(page)


def options_in(page):
    lines = [line for line in page.splitlines() if line.startswith((".Fl ", ".It Fl ", ".Op Fl "))]
    return {f"-{option}" for line in lines for option in re.findall(r" (-[a-z][a-z-]+)", line)}


@pytest.mark.parametrize(
    "words, wanted",
    [
        (["safexec", ""], set(COMMANDS)),
        (["safexec", "se"], {"serve"}),
        (["safexec", "serve", "--sl"], {"--slots"}),
        (["safexec", "serve", "--provider", ""], {"native", "docker"}),
        (["safexec", "ping", "--"], {"--server", "--help"}),
        (["safexec", "help", "do"], {"doctor"}),
        (["safexec", "jobs", ""], {"submit", "list", "show", "cancel"}),
        (["safexec", "keys", "re"], {"revoke"}),
        (["safexec", "keys", "add", "--con"], {"--concurrency"}),
        (["safexec", "config", ""], {"check", "show"}),
        (["safexec", "log", ""], {"verify"}),
        (["safexec", "audit", "--format", ""], {"table", "md", "json", "html"}),
        *((["safexec", command, "--"], options_of("safexec", command)) for command in COMMANDS if command != "help"),
    ],
)
def test_bash_completes_commands_and_options(words, wanted):
    script = f'source "$1"; COMP_WORDS=("${{@:2}}"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _safexec; printf "%s\\n" "${{COMPREPLY[@]}}"'
    environment = {**os.environ, "PATH": f"{harness.BUILD}:{os.environ['PATH']}"}
    got = run("bash", "-c", script, "bash", harness.ROOT / "packaging/completion/safexec.bash", *words, env=environment)
    assert set(got.split()) == wanted
