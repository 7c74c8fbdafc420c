# SPDX-License-Identifier: Apache-2.0
"""What modules need before they are forked from, and what each guest does for them. The zygote loads this file once and hides it."""

import os
import sys
import time

HERE = "/run/safexec"  # the zygote alone sees it, and may write there
THREADS_END_S = 2


def fail(sentence):
    """One line for the log. The warden ends with it, or tries again."""
    os.write(2, f"{sentence}\n".encode("utf-8", "backslashreplace"))
    os._exit(1)


def preload(names):
    # Written where only the zygote looks: the list of fonts, and whatever else a module keeps at its first import.
    os.environ.update(MPLCONFIGDIR=HERE + "/matplotlib", TMPDIR=HERE, XDG_CACHE_HOME=HERE)
    for name in names:
        try:
            __import__(name)
        except BaseException as error:
            fail(f"The module {name} cannot be preloaded: {type(error).__name__}: {error}")
    if "matplotlib" in sys.modules:
        _plot_once()
    _wait_for_threads()
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None  # it may have been asked for
    if "threading" in sys.modules:  # the first thread of a run is called Thread-1
        sys.modules["threading"]._counter = __import__("itertools").count(1).__next__
    for name in ("MPLCONFIGDIR", "TMPDIR", "XDG_CACHE_HOME"):
        del os.environ[name]


def _plot_once():
    """With fonts, layout and backend in memory the first plot of a run is as quick as its second."""
    import io

    import matplotlib

    matplotlib.use("Agg")
    # A child of a run imports matplotlib anew, and needs no screen either.
    os.environ["MPLBACKEND"] = "Agg"
    if "matplotlib.pyplot" in sys.modules:
        pyplot = sys.modules["matplotlib.pyplot"]
        figure, axes = pyplot.subplots()
        axes.plot([1, 2], [3, 4], label="$x$")
        axes.set_title("title")
        axes.legend()
        figure.savefig(io.BytesIO(), format="png")
        pyplot.close("all")
        # matplotlib has each fork forget its open fonts; what is forgotten here is not freed by each guest, which on a stock Debian 12 died of
        # it (SIGSEGV in FreeType's ft_mem_free).
        sys.modules["matplotlib.font_manager"]._get_font.cache_clear()
    for function in (matplotlib.get_configdir, matplotlib.get_cachedir):
        _forget_result(function)


def _forget_result(function):
    """These two remember the zygote's folder; a run that asks shall be told one of its own."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        if name == "called":
            cell.cell_contents = False


def _wait_for_threads():
    """A fork copies the thread that forks and no other."""
    deadline = time.monotonic() + THREADS_END_S
    while len(os.listdir("/proc/self/task")) > 1:
        if time.monotonic() > deadline:
            fail("A preloaded module has started threads, which a fork would lose; it cannot be preloaded.")
        time.sleep(0.01)


def seed_again():
    """In each guest, ahead of its program: what was seeded when the zygote imported it. random does so by itself."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "_ssl" in sys.modules:
        sys.modules["_ssl"].RAND_add(os.urandom(32), 32.0)  # OpenSSL looks at the process id, which is 2 in every cell
    if "tempfile" in sys.modules:
        sys.modules["tempfile"]._name_sequence = None  # likewise


def _blas():
    """Functions that tell a loaded BLAS how many threads to use. The libraries came with numpy, which loads ctypes too."""
    if "numpy" not in sys.modules:
        return []
    import ctypes

    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        files = {line.split()[-1] for line in maps if "blas" in line}
    libraries = [ctypes.CDLL(file) for file in sorted(files) if ".so" in file]
    return [library.openblas_set_num_threads for library in libraries if hasattr(library, "openblas_set_num_threads")]


class Settling:
    """In each guest, when its job is known and before Python looks at its program."""

    def __init__(self, fresh):
        self.blas = _blas()
        # Modules that a file of the run may hide, as it would in a fresh interpreter: those of Python itself.
        library = os.path.dirname(os.__file__) + "/"
        self.hideable = {name for name, module in sys.modules.items() if name not in fresh and _is_source_of(module, library)}
        self.tops = {name.partition(".")[0] for name in self.hideable}

    def __call__(self, cpu_millis, has_files):
        if "logging" in sys.modules:
            sys.modules["logging"]._startTime = time.time()
        if cpu_millis > 1000:
            self.use_threads(min(-(-cpu_millis // 1000), os.cpu_count() or 1))
        if has_files:
            self.make_way()

    def use_threads(self, count):
        os.environ.update(OMP_NUM_THREADS=str(count), OPENBLAS_NUM_THREADS=str(count))
        for set_threads in self.blas:
            set_threads(count)

    def make_way(self):
        """A run that brings a json.py means its own. Modules that import it may mean it too, so all of them go."""
        names = {entry.partition(".")[0] for _, folders, files in os.walk("/app") for entry in (*folders, *files)}
        if self.tops & names:
            # Another module of such a name is the program's own, and not to be spared at its end.
            self.gone = {name: (sys.modules.pop(name, None), self.kept.pop(name, None)) for name in self.hideable}


def _is_source_of(module, library):
    file = getattr(module, "__file__", None) or ""
    return file.startswith(library) and file.endswith(".py")
