#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the process table of ARCHITECTURE.md against the programs themselves: which C library functions each one imports and which
libraries it loads. A program that cannot name `fork` cannot be talked into it. Usage: symbols.py [BUILD FOLDER]"""
import fnmatch
import pathlib
import re
import subprocess
import sys

NEW_PROCESSES = ["fork", "_Fork", "vfork", "clone", "__clone*", "clone3", "popen", "system", "daemon", "forkpty", "wordexp"]
EXEC = ["execl*", "execv*", "fexecve", "posix_spawn*"]
MOUNTS = ["mount", "umount*", "open_tree", "move_mount", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr", "pivot_root", "chroot"]
NAMESPACES = ["unshare", "setns"]
OTHERS = ["ptrace", "process_vm_*", "pidfd_getfd", "init_module", "finit_module", "delete_module", "kexec*", "bpf", "dlopen", "dlmopen"]

# Each program: functions it must not import, libraries it may load beside libc (another one is a fault), and why it may call
# syscall(2), which could name any system call; without a reason it may not.
PROGRAMS = {
    "safexec": {
        "banned": NEW_PROCESSES + MOUNTS + NAMESPACES + OTHERS,
        "libraries": ["libcurl-gnutls.so.*", "libinih.so.*", "libjansson.so.*"],
        "syscall": None,
    },
    "safexecd": {
        "banned": NEW_PROCESSES + EXEC + MOUNTS + NAMESPACES + OTHERS,
        "libraries": ["libmicrohttpd.so.*", "libevent_core-2.*.so.*", "libjansson.so.*", "libnettle.so.*", "libseccomp.so.*"],
        "syscall": "Landlock has no wrapper in glibc",
    },
    "safexec-sender": {
        "banned": NEW_PROCESSES + EXEC + MOUNTS + NAMESPACES + OTHERS + ["listen", "accept", "accept4"],
        "libraries": ["libcurl-gnutls.so.*", "libnettle.so.*", "libseccomp.so.*"],
        "syscall": "Landlock has no wrapper in glibc",
    },
    "safexec-store": {
        "banned": NEW_PROCESSES + EXEC + MOUNTS + NAMESPACES + OTHERS + ["getaddrinfo"],
        "libraries": ["libevent_core-2.*.so.*", "libnettle.so.*", "libseccomp.so.*", "libsqlite3.so.*"],
        "syscall": "Landlock has no wrapper in glibc",
    },
    "safexec-docker": {
        "banned": NEW_PROCESSES + EXEC + MOUNTS + NAMESPACES + OTHERS,
        "libraries": ["libcurl-gnutls.so.*", "libevent_core-2.*.so.*", "libjansson.so.*"],
        "syscall": None,
    },
    "safexec-docker-init": {  # static: what counts is what its own objects ask of libc
        "banned": MOUNTS + NAMESPACES + OTHERS + ["vfork", "clone*", "popen", "system", "wordexp", "execv", "execve", "fexecve", "posix_spawn*",
                                                  "socket*", "connect"],
        "libraries": [],
        "syscall": "openat2 has no wrapper in glibc",
    },
    "safexec-warden": {
        "banned": ["system", "popen", "wordexp", "ptrace", "process_vm_*", "bpf", "init_module", "finit_module", "dlopen", "dlmopen"],
        "libraries": ["libevent_core-2.*.so.*", "libseccomp.so.*"],
        "syscall": "clone3, Landlock and pivot_root have no wrapper in glibc",
    },
    "_zygote.abi3.so": {  # the interpreter that loads it has every function there is; this is about our own code in it
        "banned": EXEC + ["system", "popen", "wordexp", "ptrace", "process_vm_*", "bpf", "init_module", "finit_module", "dlopen", "dlmopen"],
        "libraries": [],
        "syscall": "clone3 and Landlock have no wrapper in glibc, and a guest loads its seccomp filter by the raw call",
    },
}

# Put there by the sanitizers and by the linker; they say nothing about our code.
ALWAYS_ALLOWED_LIBRARIES = ["libc.so.6", "ld-linux*.so.*", "libasan.so.*", "libubsan.so.*", "libgcc_s.so.*", "libm.so.6"]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def imports(program):
    """The names that a program or an object file takes from elsewhere, without their versions. Of a static program: what its own objects do."""
    is_object = str(program).endswith(".o")
    objects = pathlib.Path(f"{program}.p")
    if not is_object and objects.is_dir() and "There is no dynamic section" in run("readelf", "--dynamic", str(program)):
        return set().union(*map(imports, objects.glob("*.o")))
    listing = run("nm", *([] if is_object else ["--dynamic"]), "--undefined-only", "--format=posix", str(program))
    return {line.split()[0].split("@")[0] for line in listing.splitlines() if line}


def libraries(program):
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", str(program))))


def is_listed(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def faults(name, imported, loaded):
    """Sentences: what this program has that its row does not grant."""
    row = PROGRAMS[name]
    for symbol in sorted(imported):
        if is_listed(symbol, row["banned"]):
            yield f"{name} imports {symbol}, which its row in PROGRAMS bans"
        if symbol == "syscall" and not row["syscall"]:
            yield f"{name} imports syscall, and its row in PROGRAMS gives no reason for it"
    for library in sorted(loaded):
        if not is_listed(library, row["libraries"] + ALWAYS_ALLOWED_LIBRARIES):
            yield f"{name} loads {library}, which its row in PROGRAMS does not list"


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    found = []
    for name in PROGRAMS:
        program = next(build.rglob(name), None)
        if not program:
            sys.exit(f"{build} holds no {name}: build first")
        found += faults(name, imports(program), libraries(program))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
