# SPDX-License-Identifier: Apache-2.0
"""What README.md says can be pasted is pasted into bash, and answers as it says there."""
import os
import re
import subprocess

import harness
import pytest

BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (harness.ROOT / "README.md").read_text(), re.M | re.S)
END = "--- end of one ---"


def commands(block):
    """Each with the lines that it is said to print."""
    for part in block.strip().split("\n\n"):
        lines = part.split("\n")
        yield "\n".join(line for line in lines if not line.startswith("# ")), [line[2:] for line in lines if line.startswith("# ")]


def here(command, server):
    """For this server in place of the reader's."""
    return (command.replace("http://127.0.0.1:5000", server.url).replace("sudo build/", "build/")
            .replace("safexec keys", f"safexec keys --state {server.state.name}")
            .replace("safexec run", f"safexec run --server 127.0.0.1:{server.port}").replace("build/safexec", str(harness.BUILD / "safexec")))


def pattern(lines):
    return "\n".join(".*".join(map(re.escape, line.split("..."))) for line in lines)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_can_be_pasted_answers_as_it_is_said_to(server, block):
    parts = list(commands(block))
    script = "".join(f"{here(command, server)}\necho; echo '{END}'\n" for command, _ in parts)
    environment = {**os.environ, "no_proxy": "*"}
    done = subprocess.run(["bash", "-euc", script], stdout=subprocess.PIPE, text=True, timeout=60, env=environment, cwd=harness.ROOT)
    answers = done.stdout.split(END)
    assert done.returncode == 0 and len(answers) == len(parts) + 1, done.stdout
    for (command, said), answer in zip(parts, answers):
        assert re.match(pattern(said), answer.strip(), re.S), (command, answer)


def test_there_is_an_example_of_each_use():
    text = "".join(BLOCKS)
    for word in ("/run ", "safexec run", '"files"', "x-ndjson", '"cases"', "/v1/jobs", "Authorization: Bearer"):
        assert word in text, word
