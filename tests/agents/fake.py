"""A scripted agent: reads its prompt, does what AR_FAKE says in its folder, and answers."""

import os
import subprocess
import sys
import time
from pathlib import Path

prompt = Path(os.environ["GIT_AR_PROMPT_FILE"]).read_text()
here = Path.cwd()
assert not sys.stdin.read()
record = Path(sys.argv[1])
with record.open("a") as file:
    file.write(f"{os.environ.get('GIT_AR_DEPTH')} {sorted(os.environ)}\n")
record.with_suffix(".prompt").write_text(prompt)
train = here / "train.py"
for deed in sys.argv[2].split("+"):
    if deed == "edit":
        count = len(record.read_text().splitlines())
        train.write_text(train.read_text().replace("WIDTH = 256", f"WIDTH = {256 + 8 * count}"))
    elif deed == "same":
        train.write_text(train.read_text().replace("WIDTH = 256", "WIDTH = 264"))
    elif deed == "other":
        (here / "prepare.py").write_text("EVAL_TOKENS = 1\n")
    elif deed == "new":
        (here / "helper.py").write_text("x = 1\n")
    elif deed == "garbage":
        train.write_text("def (:\n")
    elif deed == "leftovers":
        (here / ".aider.chat.history.md").write_text("x")
        (here / "__pycache__").mkdir()
        (here / "__pycache__" / "train.pyc").write_text("x")
    elif deed == "hang":
        subprocess.Popen(["sleep", "3600"], start_new_session=True)
        time.sleep(3600)
    elif deed == "fail":
        sys.exit("\x1b[31mno credit left\x1b[0m")
    elif deed == "git":
        done = subprocess.run(["git", "status"], capture_output=True)
        assert done.returncode, "the checkout is in no repository"
sys.stdout.write(
    "Done.\nCHANGE: make it wider\nHYPOTHESIS: it underfits\x1b[2J\nEXPECTED: -0.004 or so\n"
)
