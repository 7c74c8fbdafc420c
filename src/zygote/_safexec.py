# SPDX-License-Identifier: Apache-2.0
"""A guest's own side of what a run may ask for beyond `python3 script.py`: another entrypoint, the value of the last expression.

The zygote loads this file once and hides it; src/zygote/program.c calls its functions in a guest that needs them, always from a
place without a Python frame, so that no traceback shows any of this.
"""


def enter_program(path):
    """Corrects what Python's main has set up for /app/script.py, as it would have for this file."""
    import sys

    folder = path.rpartition("/")[0]
    if sys.path and sys.path[0] in ("", "/app"):  # the first, because there is no script.py
        sys.path[0] = folder
    if sys.path_importer_cache.pop("/app/script.py", self) is not self:
        sys.path_importer_cache[path] = None


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


def report_value(value):
    pass


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
self = __import__("sys").modules[__name__]
