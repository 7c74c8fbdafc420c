# SPDX-License-Identifier: Apache-2.0
"""Turns the interpreter that is just starting `python3 script.py` into a zygote, and each of its guests back into one.

Python imports this file at the end of its start (site.execsitecustomize), before it looks at script.py. Here the zygote
warms up; Python goes on until it is about to open script.py, and there begin() is called and stays in serve(). A guest, forked and
confined inside serve(), returns from it and goes on to run its script.py by Python's own code: its own __main__, tracebacks
and exit. Nothing of this file is left in the guest.
"""


def _spare_at_exit(sys, end):
    """Lets a guest's end pass over the modules that the zygote brought along: taking them apart, name by name and page by
    page, would be two thirds of a short run. They vanish from sys.modules after the script's last atexit callback, when
    nothing can be imported any more, and are kept alive by the zygote; what the script made is finalized as ever. And where
    the streams are the interpreter's own and can be flushed, so that the rest cannot fail, the interpreter is not freed."""
    had_atexit = "atexit" in sys.modules
    import atexit

    kept = {name: module for name, module in sys.modules.items() if name not in ("sys", "builtins", "__main__")}

    streams = sys.stdout, sys.stderr

    def forget():
        for name in kept:
            sys.modules.pop(name, None)
        is_sure = sys.stdout is streams[0] and sys.stderr is streams[1]
        try:
            for stream in streams if is_sure else ():
                stream.flush()
        except (OSError, ValueError):
            is_sure = False  # it will fail again, and is the status then
        end(is_sure)

    atexit.register(forget)
    if not had_atexit:
        del sys.modules["atexit"]
    return kept


def _what_would_be_freed(gc):
    """What the interpreter's end takes apart though no script has made it, such as the copies of modules' names that are kept for
    subinterpreters. Held, it costs a guest one reference count instead of a page for each thing in it. Nothing here is a place where a
    script can leave an object of its own that is to be finalized: registries of the interpreter are left to it."""
    kinds = type(_become_zygote), type(len), type(gc), tuple, type
    return [thing for thing in gc.get_objects() if type(thing) in kinds or (type(thing) is dict and "__name__" in thing)]


def _become_zygote():
    import gc
    import os
    import sys

    here = "/run/safexec"
    fresh = set(sys.modules)
    with open(here + "/preload", encoding="utf-8") as preload:
        names = preload.read().split()
    import _warmup

    _warmup.preload(names)
    import _safexec
    import _zygote

    del os.environ["PYTHONPATH"], os.environ["LD_BIND_NOW"]
    sys.path[:] = [entry for entry in sys.path if entry != here]
    for place in [place for place in sys.path_importer_cache if place.startswith(here)]:
        del sys.path_importer_cache[place]
    del sys.modules["_zygote"], sys.modules["_safexec"], sys.modules["_warmup"]
    _zygote.take_side(_safexec)

    # The environment's own file of this name, where it has one, is part of its start.
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: F401
    except ImportError as missing:
        if missing.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours

    settle = _warmup.Settling(fresh)

    def begin():
        settle.kept = _spare_at_exit(sys, _zygote.end)
        # A frozen __main__ would never be collected, and its classes' __del__ not be called at exit: guests get a fresh one.
        settle.main = sys.modules["__main__"]
        gc.collect()
        settle.freed = _what_would_be_freed(gc)
        gc.freeze()
        sys.modules["__main__"] = type(sys)("__main__")
        sys.modules["__main__"].__dict__.update(settle.main.__dict__)
        job = _zygote.serve(_warmup.seed_again)
        if job:  # the rehearsal has none
            settle(*job)

    _zygote.when_it_starts(begin)
    return sys.modules["sitecustomize"] is not ours


if not _become_zygote():
    # site.py takes this for "there is none", and so will the script.
    raise ImportError(name="sitecustomize")
