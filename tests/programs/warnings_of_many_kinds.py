# SPDX-License-Identifier: Apache-2.0
# Which categories are shown from __main__, once, with their line; filters and catching; invalid escapes; resource warnings stay hidden.
import warnings

for category in (DeprecationWarning, PendingDeprecationWarning, UserWarning, ResourceWarning, ImportWarning, SyntaxWarning, FutureWarning, BytesWarning, EncodingWarning):
    for _ in range(2):
        warnings.warn(f"a {category.__name__}", category)
print([(f[0], f[2].__name__, f[3]) for f in warnings.filters], warnings.defaultaction)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    exec("x = '\\\\d'.replace('a', 1 is 1 and 'b' or 'c')")
    open("/dev/null")
    warnings.warn("seen", stacklevel=1)
print([(w.category.__name__, str(w.message)[:40], w.lineno > 0) for w in caught])
exec(compile("a = '\\d'\nb = 1 is 1\nassert (1, 'x')", "<made>", "exec"))
warnings.simplefilter("error")
warnings.showwarning = lambda *a, **k: print("never")
warnings.warn("fatal", RuntimeWarning)
