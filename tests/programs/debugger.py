# SPDX-License-Identifier: Apache-2.0
# pdb with commands on a text stream, trace and profile.
import bdb
import cProfile
import io
import pdb
import pstats
import sys
import trace


def double(x):
    y = x * 2
    return y


debugger = pdb.Pdb(stdin=io.StringIO("b double\nc\nn\np y, x\nw\nbt\nl\nu\np __name__\nq\n"), stdout=sys.stdout, nosigint=True)
try:
    debugger.run("double(21)", globals())
except bdb.BdbQuit:
    print("quit")
profile = cProfile.Profile()
profile.runcall(double, 4)
text = io.StringIO()
pstats.Stats(profile, stream=text).print_stats("double")
print([line.split()[-1] for line in text.getvalue().splitlines() if "double" in line and "script" in line])
tracer = trace.Trace(count=True, trace=False)
tracer.runfunc(double, 3)
print(sorted(line for name, line in tracer.results().counts if name.endswith("script.py")))
events = []
sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
double(1)
sys.setprofile(None)
print(events[:2])
sys.settrace(lambda frame, event, arg: print(event, frame.f_lineno))
double(1)
sys.settrace(None)
