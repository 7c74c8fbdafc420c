# SPDX-License-Identifier: Apache-2.0
# SystemExit where it ends nothing, and where it ends all.
import subprocess
import sys
import threading

CASES = ["class A:\n def __del__(s): raise SystemExit(4)\na=A()\ndel a\nprint('on')", "raise SystemExit(True)", "raise SystemExit(2.5)",
         "raise SystemExit((1,2))", "raise SystemExit('')", "raise SystemExit(b'x')", "raise SystemExit(256)", "raise SystemExit(-1)",
         "raise SystemExit(2**70)", "import sys\ntry: sys.exit(5)\nfinally: print('f')", "import sys\ntry: sys.exit(5)\nfinally: sys.exit(6)",
         "class E(SystemExit): pass\nraise E(7)", "import sys\nsys.excepthook=lambda *a: sys.exit(8)\n1/0", "exit()", "quit(1)",
         "raise BaseExceptionGroup('g', [SystemExit(3)])", "raise KeyboardInterrupt", "e=SystemExit(1); e.code=9\nraise e"]
for case in CASES:
    r = subprocess.run([sys.executable, "-c", case], capture_output=True, text=True)
    print(repr(case), r.returncode, repr(r.stdout), r.stderr.splitlines()[-1:])
thread = threading.Thread(target=lambda: sys.exit(11))
thread.start()
thread.join()
raise SystemExit(300)
