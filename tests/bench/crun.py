# SPDX-License-Identifier: Apache-2.0
"""crun beside us: a container without an engine, on the machine's own /usr, and without cgroups, as bwrap. Where cgroups of both versions are
mounted it does nothing, so that the second is hidden from it, in a mount namespace which nsenter takes it to (about 1 ms)."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import contenders

UNIFIED = "/sys/fs/cgroup/unified"
HIDE = f"umount -l {UNIFIED} && echo hidden && exec cat"
BOUND = ["/usr", "/etc/alternatives", "/etc/matplotlibrc", "/etc/fonts"]
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
NAMESPACES = ["pid", "network", "ipc", "uts", "mount"]


def mount(kind, path, *options, source=None):
    return {"type": kind, "source": source or kind, "destination": path, "options": list(options)}


def config_of(code):
    mounts = [
        mount("proc", "/proc"),
        mount("tmpfs", "/dev", "nosuid", "mode=755"),
        mount("tmpfs", "/tmp", "nosuid"),
        mount("tmpfs", "/app", "nosuid"),
        *[mount("bind", path, "rbind", "ro", source=path) for path in BOUND if pathlib.Path(path).exists()],
    ]
    return {
        "ociVersion": "1.0.0",
        "process": {
            "args": [contenders.PYTHON, "-I", "-c", code],
            "env": ["PATH=/usr/bin:/bin", "HOME=/tmp"],
            "cwd": "/app",
            "user": {"uid": 65534, "gid": 65534},
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "mounts": mounts,
        "linux": {"namespaces": [{"type": name} for name in NAMESPACES]},
    }


def make_root(root):
    """Empty places for what is mounted."""
    for path in ("/proc", "/dev", "/tmp", "/app", *BOUND):
        place = root / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        if pathlib.Path(path).is_file():
            place.touch()
        else:
            place.mkdir()
    for name, target in LINKS.items():
        (root / name).symlink_to(target)


class Crun(contenders.Command):
    def __init__(self):
        super().__init__("crun + python3", ["crun"], needs_account=True)

    def start(self):
        super().start()
        self.folder = pathlib.Path(tempfile.mkdtemp())
        make_root(self.folder / "rootfs")
        self.place = self.hide() if pathlib.Path(UNIFIED).is_dir() else None
        enter = ["nsenter", "--target", str(self.place.pid), "--mount", "--"] if self.place else []
        manager = "--cgroup-manager=disabled"
        self.command = [*enter, "crun", "--root", self.folder / "state", manager, "run", "--bundle", self.folder, self.folder.name]

    def hide(self):
        """A process whose mount namespace has no cgroups of version 2; it ends with its standard input."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", HIDE], **pipes)
        assert process.stdout.readline() == b"hidden\n"
        return process

    def run(self, case):
        (self.folder / "config.json").write_text(json.dumps(config_of(case.code)))
        return super().run(case)

    def words(self, case):
        return []

    def stop(self):
        if self.place:
            self.place.communicate()
        shutil.rmtree(self.folder)
        super().stop()
