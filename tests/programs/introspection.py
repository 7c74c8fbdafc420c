# SPDX-License-Identifier: Apache-2.0
# inspect, ast, dis, tokenize, linecache, traceback, symtable: the source of __main__ can be found.
import ast
import dis
import inspect
import io
import linecache
import sys
import tokenize
import traceback


def sample(a, *, b: int = 2) -> str:
    """Doc."""
    return str(a + b)


print(inspect.getsource(sample), inspect.signature(sample), inspect.getdoc(sample), inspect.getfile(sample), inspect.getsourcelines(sample)[1])
print(linecache.getline(__file__, 3).strip(), inspect.currentframe().f_code.co_name, inspect.getmodule(sample).__name__)
print(ast.unparse(ast.parse("x=[i**2 for i in range(3)]")), [t.string for t in tokenize.generate_tokens(io.StringIO("a+1").readline)][:3])
print([i.opname for i in dis.get_instructions(compile("a", "f", "eval"))][-1])
try:
    sample("x")
except TypeError:
    print(traceback.format_exc())
print(eval(compile("1 + 1", "<made>", "eval")), sys._getframe().f_lineno)
exec("def made():\n    raise LookupError('made')")
made()
