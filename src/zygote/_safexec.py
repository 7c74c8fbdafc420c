# SPDX-License-Identifier: Apache-2.0
"""A guest's own side of what a run may ask for beyond `python3 script.py`: another entrypoint, the value of the last expression,
figures and other rich output.

The zygote loads this file once and hides it; src/zygote/program.c calls its functions in a guest that needs them, always from a
place without a Python frame, so that no traceback shows any of this. What goes out is untrusted like all that a guest writes.
"""

MAGIC, VALUE, DISPLAY, VALUE_CUT = 0x54504552, 1, 2, 1  # src/wire/report.h
MAX_VALUE, MAX_PLAIN = 64 << 10, 16 << 10  # bytes of a repr: of the value, and beside richer forms
BACKEND, HELPERS = "safexec_display", "matplotlib._pylab_helpers"  # what matplotlib knows us by, and where it keeps open figures

METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_json_": "application/json",
}


class Report:
    """Where values and displays go; there is one in a guest that was asked for any."""

    fd = pid = pipe = None
    wants_displays = False


# --- the program ------------------------------------------------------------------------------------------------------------------


def enter_program(path, is_archive):
    """Corrects what Python's main has set up for the zygote's /app/script.py, as it would have for this file."""
    import sys

    if sys.path and sys.path[0] == "/app":
        sys.path[0] = path if is_archive else path.rpartition("/")[0]


def compile_program(path, names, wants_value):
    """(code, None), or (code of all but the last expression, code of that). Raises what Python's main would report."""
    import builtins
    from importlib._bootstrap_external import SourceFileLoader

    with open(path, "rb") as file:
        source = file.read()
    names["__file__"] = path
    names["__cached__"] = None
    names["__loader__"] = SourceFileLoader("__main__", path)
    if not wants_value:
        return builtins.compile(source, path, "exec", dont_inherit=True), None

    import _ast

    tree = builtins.compile(source, path, "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, _ast.Expr):
        return builtins.compile(tree, path, "exec", dont_inherit=True), None
    is_docstring = len(tree.body) == 1 and isinstance(last.value, _ast.Constant) and isinstance(last.value.value, str)
    if not is_docstring:
        del tree.body[-1]
    body = builtins.compile(tree, path, "exec", dont_inherit=True)
    # What the body says of the future holds for its last expression too.
    flags = body.co_flags & FUTURES
    return body, builtins.compile(_ast.Expression(last.value), path, "eval", flags, dont_inherit=True)


def unbuffer():
    """What PYTHONUNBUFFERED and -u do at an interpreter's start. The streams stay the same objects: preloaded modules hold them."""
    import sys

    for stream in sys.stdout, sys.stderr:
        if stream.write_through:
            continue
        encoding, errors = stream.encoding, stream.errors
        stream.__init__(stream.detach().detach(), encoding, errors, "\n", False, True)


# --- what goes out ----------------------------------------------------------------------------------------------------------------


def _words(*numbers):
    import sys

    return b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)


def _send(kind, payload):
    import os

    # A child of the program has its parent's descriptor, and their records would mix; a program may have closed it, and opened another.
    if os.getpid() != Report.pid or _identity(Report.fd) != Report.pipe:
        return
    record = memoryview(_words(MAGIC, kind, len(payload), 0) + payload)
    while record:
        record = record[os.write(Report.fd, record):]


def _identity(fd):
    import os

    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _encode(text):
    return text.encode("utf-8", "backslashreplace")


def _repr(value, most):
    """As UTF-8, and whether it was cut; None when the program's own __repr__ fails."""
    try:
        text = _encode(repr(value))
    except Exception:
        return None, False
    return (text[:most].decode("utf-8", "ignore").encode(), True) if len(text) > most else (text, False)


def _form_bytes(data):
    if isinstance(data, str):
        return _encode(data)
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    import json

    return _encode(json.dumps(data))


def _rich_forms(value):
    """Type to bytes: what the value says of itself by the methods that notebooks ask for. A method that fails has nothing to say."""
    found = {}
    for method, kind in METHODS.items():
        found[kind] = _ask(value, method)
    bundle = _ask(value, "_repr_mimebundle_")
    if isinstance(bundle, tuple):
        bundle = bundle[0]
    if isinstance(bundle, dict):
        found.update(bundle)
    forms = {}
    for kind, data in found.items():
        if isinstance(data, tuple):  # with metadata
            data = data[0]
        if data is None or not isinstance(kind, str):
            continue
        try:
            forms[kind] = _form_bytes(data)
        except Exception:
            pass
    return forms


def _ask(value, name):
    method = None if isinstance(value, type) else getattr(type(value), name, None)
    if method is None:
        return None
    try:
        return getattr(value, name)()
    except Exception:
        return None


def _send_display(forms):
    _send(DISPLAY, b"".join(_words(len(_encode(kind)), len(data)) + _encode(kind) + data for kind, data in forms.items()))


def report_value(value):
    if value is None:
        return
    text, is_cut = _repr(value, MAX_VALUE)
    if text is not None:
        _send(VALUE, _words(VALUE_CUT if is_cut else 0) + text)
    if not Report.wants_displays or _is_figure(value):
        return  # an open figure is shown at the end like all of them
    forms = _rich_forms(value)
    if forms:
        forms.setdefault("text/plain", _repr(value, MAX_PLAIN)[0] or b"")
        _send_display(forms)


# --- matplotlib -------------------------------------------------------------------------------------------------------------------


def _is_figure(value):
    import sys

    figure = sys.modules.get("matplotlib.figure")
    if figure is None or not isinstance(value, figure.Figure):
        return False
    if not any(manager.canvas.figure is value for manager in _managers()):
        _send_figure(value)
    return True


def _managers():
    import sys

    helpers = sys.modules.get(HELPERS)
    return helpers.Gcf.get_all_fig_managers() if helpers else []


def _send_figure(figure):
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas, png = figure.canvas, io.BytesIO()
    if not isinstance(canvas, FigureCanvasAgg):
        canvas = FigureCanvasAgg(figure)
    canvas.print_figure(png, format="png", dpi=figure.dpi, facecolor=figure.get_facecolor(), bbox_inches="tight")
    _send_display({"image/png": png.getvalue(), "text/plain": _repr(figure, MAX_PLAIN)[0] or b""})


def _send_open_figures():
    """At the end, after the program's own atexit callbacks."""
    for manager in _managers():
        figure = manager.canvas.figure
        if figure.stale or not getattr(figure, "_was_displayed", False):
            try:
                _send_figure(figure)
            except Exception:
                pass


class Finder:
    """Asked first for every module that is not there yet. It finds the one that matplotlib wants of us, and makes it then, so that
    a program without a figure pays for none of it."""

    is_watching = True

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        import sys

        if cls.is_watching and HELPERS in sys.modules:  # has registered the end of all figures: ours is to come before
            cls.is_watching = False
            _show_at_exit()
        if name != BACKEND:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, cls)

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        from matplotlib._pylab_helpers import Gcf
        from matplotlib.backend_bases import FigureManagerBase
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        class FigureManager(FigureManagerBase):
            def show(self):
                _send_figure(self.canvas.figure)
                self.canvas.figure._was_displayed = True
                self.canvas.figure.stale = False  # to be shown again only when it has changed

        class FigureCanvas(FigureCanvasAgg):
            manager_class = FigureManager

        def show(*args, **kwargs):
            """As if every window was looked at and closed."""
            for manager in Gcf.get_all_fig_managers():
                _send_figure(manager.canvas.figure)
            Gcf.destroy_all()

        def new_figure_manager(num, *args, FigureClass=None, **kwargs):
            from matplotlib.figure import Figure

            return new_figure_manager_given_figure(num, (FigureClass or Figure)(*args, **kwargs))

        def new_figure_manager_given_figure(num, figure):
            return FigureManager(FigureCanvas(figure), num)

        for value in (FigureManager, FigureCanvas, show, new_figure_manager, new_figure_manager_given_figure):
            setattr(module, value.__name__, value)


def _show_at_exit():
    import atexit

    atexit.register(_send_open_figures)


def _take_matplotlib():
    import os
    import sys

    sys.meta_path.insert(0, Finder)
    if HELPERS in sys.modules:
        Finder.is_watching = False
        _show_at_exit()
    if os.environ.get("MPLBACKEND") != ZYGOTES_BACKEND:
        return  # the request has chosen one; what it leaves open is shown all the same
    os.environ["MPLBACKEND"] = "module://" + BACKEND
    matplotlib, pyplot = sys.modules.get("matplotlib"), sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:  # the zygote's, which has chosen one already
        pyplot.switch_backend("module://" + BACKEND)
    elif matplotlib is not None:
        matplotlib.rcParams["backend"] = "module://" + BACKEND


def start_report(fd, wants_displays):
    import os

    Report.fd, Report.pid, Report.pipe, Report.wants_displays = fd, os.getpid(), _identity(fd), wants_displays
    if wants_displays:
        _take_matplotlib()


# --- in the zygote ----------------------------------------------------------------------------------------------------------------


def _future_flags():
    import sys

    was_there = "__future__" in sys.modules
    import __future__

    flags = 0
    for name in __future__.all_feature_names:
        flags |= getattr(__future__, name).compiler_flag
    if not was_there:
        del sys.modules["__future__"]
    return flags


FUTURES = _future_flags()
ZYGOTES_BACKEND = __import__("os").environ.get("MPLBACKEND")
