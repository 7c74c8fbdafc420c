# SPDX-License-Identifier: Apache-2.0
# Tools of the shell: pipes, awk through /etc/alternatives, sort, sed, tar.
import subprocess

print(subprocess.check_output("printf 'b 2\\na 1\\nc 3\\n' | sort | awk '{s += $2; print $1} END {print s}'", shell=True, text=True))
print(subprocess.getoutput("echo $HOME $PATH; echo pear | sed s/p/b/; seq 3 | tr '\\n' ' '"))
print(subprocess.getstatusoutput("exit 5"))
open("a.txt", "w").write("text\n" * 3)
print(subprocess.check_output("tar czf a.tgz a.txt && tar tzf a.tgz && wc -l < a.txt && sha256sum a.txt | cut -c 1-16", shell=True, text=True))
