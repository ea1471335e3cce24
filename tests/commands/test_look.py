"""The reading verbs as processes: on a small research, on nothing, and on poor terminals."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import msgspec
import pytest

from autoresearch_git.cli import VERBS, cli
from autoresearch_git.look.detail import detail
from autoresearch_git.look.effects import effects
from autoresearch_git.look.manual import pages
from autoresearch_git.look.series import series
from autoresearch_git.look.style import Style
from autoresearch_git.records import Decision, Event, Run
from autoresearch_git.stages.finalize import message
from tests.look.sample import experiments
from tests.support import Sandbox

READING = (
    *("status", "log", "log --graph", "show", "best", "elites", "near-misses", "conjectures"),
    *("plot --term", "watch --once", "log --tsv"),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "lab"


@pytest.fixture
def lab(sandbox: Sandbox, template: Path) -> Sandbox:
    """A research of six runs, made once and copied."""
    if template.exists():
        shutil.rmtree(sandbox.folder / ".git")
        shutil.copytree(template, sandbox.folder, dirs_exist_ok=True)
    else:
        sandbox.research()
        sandbox.ok("loop", "--runs", "6", "--seed", "3")
        shutil.copytree(sandbox.folder, template)
    return sandbox


def text(verb: str) -> list[str]:
    """The arguments that make a verb print text."""
    own = verb.split()[0] in ("plot", "watch") or "--tsv" in verb
    return verb.split() + ([] if own else ["--no-json"])


def test_reading_verbs_fit_forty_columns_without_colour_and_unicode(lab: Sandbox) -> None:
    for verb in READING[:-1]:
        done = lab.ar(*text(verb), COLUMNS="40", LC_ALL="C", PYTHONUTF8="0")
        assert done.returncode == 0, (verb, done.stderr)
        lines = done.stdout.split("diff --git")[0].splitlines()
        assert max(map(len, lines)) <= 40, verb
        assert done.stdout.isascii(), verb
        assert "\x1b" not in done.stdout


def test_a_narrow_terminal_cuts_no_cure_and_no_name(lab: Sandbox) -> None:
    def words(verb: str) -> str:
        return " ".join(lab.ok(*text(verb), COLUMNS="40").split())

    status = json.loads(lab.ok("status", "--json"))
    assert all(warning in words("status") for warning in status["warnings"])
    assert status["warnings"]
    best = status["best"]["commit"]
    assert f"commit {best[:30]} change" in words("best")
    assert status["best"]["review"]["reason"] in words("show " + best)
    first = status["baseline"]["commit"]
    assert re.search(rf"{first[:9]} . {best[:9]}\b", words(f"diff {first} {best}"))
    beside = lab.ok(*text(f"diff {first} {best}"), COLUMNS="84").split("diff --git")[0]
    assert re.search(rf"commit +{first[:9]} +{best[:9]}\n", beside)
    assert max(map(len, beside.splitlines())) <= 84


def test_reading_verbs_say_that_there_is_nothing_yet(sandbox: Sandbox) -> None:
    sandbox.research()
    for verb in READING:
        done = sandbox.ar(*text(verb))
        if verb == "show":
            assert (done.returncode, "no experiment" in done.stderr) == (1, True)
            continue
        assert done.returncode == 0, (verb, done.stderr)
        assert done.stdout.strip(), verb
    sandbox.ok("report", "-o", "report.html")


def test_a_reader_can_do_everything_in_a_fresh_clone_and_changes_nothing(lab: Sandbox) -> None:
    copy = lab.folder.parent / "copy.git"
    lab.git("clone", "-q", "--mirror", ".", str(copy))
    before = subprocess.run(["git", "show-ref"], cwd=copy, capture_output=True).stdout
    for verb in READING:
        if not verb.startswith(("show", "watch")):
            assert lab.ok(*text(verb), cwd=copy) == lab.ok(*text(verb)), verb
    lab.ok("report", "-o", "report.html", cwd=copy)
    after = subprocess.run(["git", "show-ref"], cwd=copy, capture_output=True).stdout
    assert before == after


def test_log_filters(lab: Sandbox) -> None:
    everything = lab.records("log")
    emitter = everything[-1]["plan"]["emitter"]
    found = lab.records("log", "--emitter", emitter)
    assert found == [e for e in everything if e["plan"]["emitter"] == emitter]
    assert lab.records("log", "-n", "2") == everything[-2:]
    assert lab.records("log", "--since", "1h") == everything
    assert lab.records("log", "--since", "2999-01-01") == []
    verdict = everything[-1]["decision"]["verdict"]
    assert everything[-1] in lab.records("log", "--status", verdict)
    head, *rows = lab.ok("log", "--tsv").splitlines()
    assert len(rows) == len(everything)
    assert {len(row.split("\t")) for row in (head, *rows)} == {16}
    assert "is no time" in lab.ar("log", "--since", "yesterday-ish").stderr


def test_names_of_experiments(lab: Sandbox) -> None:
    first, *_, last = lab.records("log")
    best = lab.ok("best", "--commit").strip()
    for name in (last["commit"], last["commit"][:7], last["commit"][:7].upper()):
        assert lab.records("show", name)[0]["commit"] == last["commit"]
    assert lab.records("show", "autoresearch/demo")
    lab.git("tag", "-a", "-m", "x", "mine", best)
    assert lab.records("show", "mine")[0]["commit"] == best
    found = lab.records("diff", first["commit"], best)[0]
    review = json.loads(lab.ok("best", "--json"))["review"]
    assert found["delta"] == pytest.approx(review["value"] - first["review"]["value"], abs=0.01)
    low, high = found["interval"]
    widths = [each["high"] - each["low"] for each in (review, first["review"])]
    assert high - low == pytest.approx(sum(width**2 for width in widths) ** 0.5)
    assert (low + high) / 2 == pytest.approx(found["delta"])
    for name in ("nothing-like-it", "main", "-x", "HEAD^{tree}", "\x1b[31m"):
        done = lab.ar("show", "--", name)
        assert done.returncode == 1, name
        assert "\x1b" not in done.stderr


def test_a_running_loop_shows_its_budget(lab: Sandbox) -> None:
    from autoresearch_git.memory.store import Memory
    from autoresearch_git.records import Event, Lease

    assert json.loads(lab.ok("status", "--json"))["budget"] == {}  # the loop of six has ended
    memory = Memory.open(lab.folder)
    newest = list(memory.index.oldest_first())[-1].commit
    assert memory.index.events_of(newest, "start")[-1].lease.budget == {"runs": (6.0, 6.0)}
    budget = {"runs": (3.0, 20.0), "seconds": (90.0, 7200.0), "patience": (2.0, 40.0)}
    for pid, shown in ((os.getpid(), True), (2**22 + 1, False)):
        lease = Lease(run="x", pid=pid, slot="", until=time.time() + 60, budget=budget)
        memory.append(Event(kind="start", commit=newest, lease=lease))
        said = "budget    the loop is at experiment 3 of 20, 2m of 2.0h, 2 of 40 without a keep"
        assert (said in lab.ok("status", "--no-json")) == shown


def test_watch_is_live_on_a_terminal(lab: Sandbox) -> None:
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    env = {k: v for k, v in env.items() if k not in ("NO_COLOR", "COLUMNS")}
    command = (sys.executable, "-m", "autoresearch_git", "watch", "--every", "0.2")
    watch = subprocess.Popen(command, env=env, stdin=side, stdout=side, stderr=side)
    os.close(side)
    seen = b""
    while seen.count(b"frontier") < 3:  # three frames
        seen += os.read(main, 65536)
    watch.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # read on, or it waits for room to write its last frame
        while os.read(main, 65536):
            pass
    assert watch.wait(30) == 0
    os.close(main)
    assert "\x1b[32m●\x1b[0m" in seen.decode()  # in colour, and in Unicode
    assert b"emitter" in seen
    assert not re.search(rb"\d\d-\d\d \d\d:\d\d", seen)  # 90 columns have no room for the time


def test_hostile_text_cannot_control_the_terminal(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    sandbox.write("train.py", (sandbox.folder / "train.py").read_text().replace("256", "512"))
    evil = "wider \x1b[2J\x1b]0;owned\x07 \u202e [red]x[/red]"
    sandbox.ok("propose", "--from-worktree", "-m", evil, "--hypothesis", evil)
    for verb in ("status", "log", "log --graph", "show HEAD", "watch --once"):
        shown = sandbox.ar(*text(verb), LC_ALL="C.UTF-8").stdout
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", shown), verb


def test_pictures_are_written_whole(lab: Sandbox) -> None:
    pytest.importorskip("matplotlib")
    lab.ok("plot", "-o", "a.png")
    assert (lab.folder / "a.png").read_bytes()[:4] == b"\x89PNG"
    for name in ("b.svg", "c.svg"):
        lab.ok("plot", "knobs", "-o", name)
    one, two = ((lab.folder / name).read_bytes() for name in ("b.svg", "c.svg"))
    assert one == two
    for chart in ("progress", "frontier", "archive", "knobs"):  # small ones are whole too
        done = lab.ar("plot", chart, "-o", "small.png", "--size", "4x3")
        assert done.stderr == "wrote small.png\n", chart
        size = struct.unpack(">II", (lab.folder / "small.png").read_bytes()[16:24])
        assert size == (600, 450)
    assert "neither .png nor .svg" in lab.ar("plot", "-o", "x.jpg").stderr
    assert lab.ar("plot", "-o", "no/such/folder.png").returncode == 1
    assert lab.ar("report", "-o", "no/such/folder.html").returncode == 1


def test_every_chart_can_be_drawn_of_nothing_and_of_much() -> None:
    pytest.importorskip("matplotlib")
    from autoresearch_git.look.charts import archive, curves, knobs, progress
    from autoresearch_git.look.charts.base import canvas

    for found in ([], experiments(1), experiments(300)):
        drawn, elites = series(found), {e.review.niche: e for e in found if e.review}
        for paint in (
            lambda axes, drawn=drawn: progress.progress(axes, drawn),
            lambda axes, drawn=drawn: progress.frontier(axes, drawn),
            lambda axes, e=elites: archive.archive(axes, archive.cells(e, {}, 1.0)),
            lambda axes, found=found: knobs.knobs(axes, effects(found)),
            lambda axes, found=found: curves.curves(axes, found),
        ):
            figure, axes = canvas()
            paint(axes)
            figure.canvas.draw()


def test_finalize_makes_one_branch_for_each_confirmed_idea(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    sandbox.git("switch", "-q", "autoresearch/demo")
    for old, new in (("WIDTH = 256", "WIDTH = 512"), ("DROPOUT = 0.1", "DROPOUT = 0.0")):
        tip = (sandbox.folder / "train.py").read_text()
        sandbox.write("train.py", tip.replace(old, new))
        (made,) = sandbox.records("propose", "--from-worktree", "-m", f"now {new}")
        oid = str(made["commit"])
        sandbox.ok("run", oid)
        if "WIDTH" in new:
            sandbox.ok("run", oid, "--replicate")
        sandbox.ok("review", oid)
        (done,) = sandbox.records("select", oid)
        assert done["decision"]["verdict"].startswith("keep")
    before = sandbox.git("rev-parse", "autoresearch/demo", "HEAD")
    assert not sandbox.git("branch", "--list", "finalize/*")
    one, two = sandbox.records("finalize", "--dry-run")
    assert not sandbox.git("branch", "--list", "finalize/*")
    assert one["branch"].startswith("finalize/now-width-512-")
    assert two["why"] == "not confirmed: n=1, needs 2"
    sandbox.ok("finalize")
    sandbox.ok("finalize")  # what is there stays
    shown = sandbox.git("log", "-1", "--format=%B", one["branch"])
    assert re.search(r"val_bpb: mean 1\.\d{6}, sd 0\.\d{6}, n 2", shown)
    stat = sandbox.git("diff", "--shortstat", f"{one['branch']}~1", one["branch"])
    assert stat.startswith("1 file changed")
    assert sandbox.git("rev-parse", "autoresearch/demo", "HEAD") == before


def test_a_verdict_is_told_once() -> None:
    review = msgspec.structs.replace(experiments(1)[0].review, reason="so it is")
    decision = Decision(klass="", verdict=review.verdict, reason="so it is")
    other = msgspec.structs.replace(decision, verdict="retest")
    history = [Event(kind="review", review=review), Event(kind="decision", decision=decision)]
    history += [history[0], Event(kind="decision", decision=other)]
    lines = detail(experiments(1)[0], [], history, Style())
    told = [line.split()[2] for line in lines[lines.index("verdicts") + 1 :]]
    assert told == ["review", "review", "decision"]


def test_runs_and_verdicts_of_two_classes_are_told_apart() -> None:
    (one,) = experiments(1)
    run, review = one.runs[0], one.review
    here, there = (
        msgspec.structs.replace(run, run=k, klass=f"c0ffee-{k}") for k in ("a100", "h200")
    )
    other = msgspec.structs.replace(here, klass="beef-a100")
    judged = [msgspec.structs.replace(review, klass=each.klass) for each in (here, there)]
    history = [Event(kind="review", review=each) for each in judged]

    def shown(*runs: Run) -> str:
        return "\n".join(detail(msgspec.structs.replace(one, runs=runs), [], history, Style()))

    assert re.search(r"^a100 .* a100 .*\nh200 .* h200 ", shown(here, there), re.MULTILINE)
    assert [f"n={review.n} on {k}: " in shown(here) for k in ("a100", "h200")] == [True, True]
    assert "class" not in shown(here, here)
    assert "beef-a100" in shown(there, other)


def test_finalize_counts_the_runs_that_the_review_counts() -> None:
    (kept,) = experiments(1)
    run, review = kept.runs[0], kept.review
    assert review is not None
    disturbed = msgspec.structs.replace(run, run="b", value=9.0, checks={"contended": True})
    elsewhere = msgspec.structs.replace(run, run="c", value=9.0, klass="another machine")
    again = msgspec.structs.replace(run, run="d", value=1.002)
    both = msgspec.structs.replace(kept, runs=(run, disturbed, elsewhere, again))
    assert "val_bpb: mean 1.001000, sd 0.001414, n 2" in message(both, review, "")


def test_completion_knows_verbs_and_options(sandbox: Sandbox) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "git-ar" in sandbox.ok("completion", shell)
    env = {"COMP_WORDS": "git-ar near", "COMP_CWORD": "1", "_GIT_AR_COMPLETE": "bash_complete"}
    assert sandbox.ar(**env).stdout == "plain,near-misses\n"
    env = {"COMP_WORDS": "git-ar plot --te", "COMP_CWORD": "2", "_GIT_AR_COMPLETE": "bash_complete"}
    assert sandbox.ar(**env).stdout == "plain,--term\n"


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        (
            "bash",
            'eval "$(git-ar completion bash)"; COMP_WORDS=({line}); COMP_CWORD={last}; _git_ar;'
            'printf "%s\\n" "${{COMPREPLY[@]}}"',
        ),
        ("fish", "git-ar completion fish | source; complete --do-complete '{line}'"),
    ],
)
def test_completion_in_a_real_shell(sandbox: Sandbox, shell: str, script: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    path = f"{Path(__file__).parents[2] / 'bin'}:{os.environ['PATH']}"
    cases = {"git ar plot --te": "--term", "git ar near": "near-misses", "git ar plot kn": "knobs"}
    for line, wanted in cases.items():
        run = script.format(line=line, last=line.count(" "))
        done = subprocess.run(
            [shell, "-c", run], capture_output=True, text=True, env=os.environ | {"PATH": path}
        )
        assert done.stdout.split("\t")[0].strip() == wanted, done.stderr


def test_every_verb_has_help_with_an_example_and_a_page() -> None:
    made = pages(cli)
    root = Path(__file__).parents[2] / "share" / "man" / "man1"
    for verb in VERBS:
        page = made[f"git-ar-{verb}.1"]
        assert ".nf" in page, f"{verb} --help has no example"
        assert (root / f"git-ar-{verb}.1").read_text() == page, "run: bin/manual"
    assert (root / "git-ar.1").read_text() == made["git-ar.1"], "run: bin/manual"


def test_light_verbs_import_no_heavy_module(lab: Sandbox) -> None:
    heavy = ("pygit2", "rich", "numpy", "matplotlib", "libcst", "scipy")
    for verb in ("status", "log -n 20", "show", "best"):
        script = (
            "import sys, autoresearch_git.cli as c\n"
            f"try: c.main({text(verb)!r})\n"
            f"except SystemExit: print([m for m in {heavy!r} if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.stdout.endswith("[]\n"), (verb, done.stdout[-200:], done.stderr)
