"""The seven emitters, one by one, and the one question that picks among them."""

from __future__ import annotations

import ast
import random

import msgspec
import pytest

from autoresearch_git.emitters import EMITTERS, anomaly_chaser, recombinator
from autoresearch_git.emitters.base import Proposal
from autoresearch_git.errors import ArError, DuplicateError
from autoresearch_git.records import EMITTERS as NAMES
from autoresearch_git.records import PHASES, Edit
from autoresearch_git.search import knobs
from autoresearch_git.search.space import area
from tests.emitters.foreign import FOREIGN
from tests.search.past import BASE, KLASS, TRAIN, Store, experiment, history, varied


def lucky(delta: float = -0.05, expected: float = 0.0):
    """A win that nobody expected, with two edits."""
    edits = [("LR", "0.04", "0.02"), ("DEPTH", "8", "10")]
    one = experiment("win", 1 + delta, edits=edits, seq=1, delta=delta)
    return msgspec.structs.replace(one, plan=msgspec.structs.replace(one.plan, expected=expected))


def test_all_seven_are_there() -> None:
    assert tuple(EMITTERS) == NAMES


@pytest.mark.parametrize("text", [TRAIN, FOREIGN], ids=["ours", "foreign"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("past", [history(), history(*varied(20))], ids=["short", "long"])
def test_conformance(name: str, past, text: str) -> None:
    store = Store({"base": {"train.py": text}})
    for seed in range(4):
        context = store.context(past, seed)
        proposal = EMITTERS[name].propose(context)
        again = EMITTERS[name].propose(store.context(past, seed))
        assert (proposal is None) == (again is None)
        if proposal is None:
            continue
        assert again is not None
        assert dict(proposal.files) == dict(again.files)  # the same seed, the same idea
        assert set(proposal.files) == {"train.py"}
        ast.parse(proposal.files["train.py"])
        assert proposal.replicate or dict(proposal.files) != {"train.py": text}
        assert proposal.change
        assert "\n" not in proposal.change
        assert proposal.hypothesis
        assert proposal.builds_on
        before = knobs.read({"train.py": text}, KLASS)
        diff = knobs.diff(before, knobs.read(proposal.files, KLASS))
        told = tuple(e for e in proposal.edits if not e.name.startswith("move:"))
        assert sorted(diff, key=repr) == sorted(told, key=repr)


@pytest.mark.parametrize(
    ("name", "areas"),
    [
        ("optimizer_hacker", {"optimizer", "schedule", "batch"}),
        ("architecture_mutator", {"architecture", "initialization", "regularization"}),
    ],
)
def test_specialists_stay_in_their_area(name: str, areas: set[str]) -> None:
    store = Store()
    for seed in range(12):
        proposal = EMITTERS[name].propose(store.context(history(*varied(20)), seed))
        assert proposal is not None
        assert {area(edit.name) for edit in proposal.edits} <= areas


def test_structural_moves_are_proposed_on_a_foreign_file() -> None:
    store = Store({"base": {"train.py": FOREIGN}})
    names = set()
    for seed in range(20):
        for emitter in ("architecture_mutator", "optimizer_hacker"):
            proposal = EMITTERS[emitter].propose(store.context(history(), seed))
            if proposal:
                names |= {edit.name for edit in proposal.edits}
    assert sum(name.startswith("move:") for name in names) >= 6


def test_the_simplifier_undoes_one_hunk_of_an_ancestor() -> None:
    first = TRAIN.replace("0.04", "0.02")
    second = first.replace("DEPTH = 8", "DEPTH = 10")
    store = Store(
        {"base": {"train.py": TRAIN}, "a": {"train.py": first}, "b": {"train.py": second}}
    )
    a = experiment("a", 0.9, edits=[("LR", "0.04", "0.02")], seq=1)
    b = experiment("b", 0.8, "a", edits=[("DEPTH", "8", "10")], seq=2)
    found = {
        EMITTERS["simplifier"].propose(store.context(history(a, b, incumbent=b), seed)).files[
            "train.py"
        ]
        for seed in range(10)
    }  # fmt: skip
    # undoing b alone is a's file, which was tried: only a's hunk is left to undo
    assert found == {second.replace("0.02", "0.04")}


def test_the_contrarian_pulls_against_the_trend() -> None:
    pushes = [
        experiment(f"p{i}", 1.0, edits=[("LR", "0.04", f"0.0{5 + i}")], seq=i) for i in range(4)
    ]
    for seed in range(8):
        proposal = EMITTERS["contrarian"].propose(Store().context(history(*pushes), seed))
        assert proposal is not None
        (edit,) = proposal.edits
        assert edit.name == "LR"
        assert float(edit.new) < 0.04


def test_the_recombinator_merges_and_skips_conflicts() -> None:
    a = experiment("a", 0.99, edits=[("LR", "0.04", "0.02")], delta=-0.0005, verdict="near-miss")
    b = experiment("b", 0.99, edits=[("DEPTH", "8", "10")], delta=0.0005, verdict="near-miss")
    store = Store(
        {
            "base": {"train.py": TRAIN},
            "a": {"train.py": TRAIN.replace("0.04", "0.02")},
            "b": {"train.py": TRAIN.replace("DEPTH = 8", "DEPTH = 10")},
        }
    )
    past = history(a, b, near_misses=(a, b))
    assert EMITTERS["recombinator"].propose(store.context(past)) is None  # nothing but conflicts
    both = TRAIN.replace("0.04", "0.02").replace("DEPTH = 8", "DEPTH = 10")
    store.merges[("a", "b")] = {"train.py": both}
    proposal = EMITTERS["recombinator"].propose(store.context(past))
    assert proposal is not None
    assert proposal.parents == ("a", "b")
    assert proposal.files == {"train.py": both}
    assert [edit.name for edit in proposal.edits] == ["DEPTH"]


def test_the_recombinator_takes_changes_of_the_text_first() -> None:
    knob = [
        experiment(f"k{i}", 1.0, edits=[("LR", "0.04", f"0.0{i}")], delta=0.0, seq=i)
        for i in range(5, 9)
    ]
    moves = [
        experiment(f"m{i}", 1.0, edits=[(f"move:{i}", "False", "True")], delta=0.002, seq=i)
        for i in range(2)
    ]
    found = list(recombinator.pairs(Store().context(history(*moves, *knob))))
    assert [each.commit for each in found[0]] == ["m0", "m1"]
    assert len(found) == len({(a.commit, b.commit) for a, b in found})


@pytest.mark.parametrize(
    ("delta", "minimize", "words"),
    [
        (-0.029, True, "the effects add up: -0.03 promised, -0.029 came"),
        (-0.01, True, "less than the sum: -0.03 promised, -0.01 came"),
        (-0.05, True, "more than the sum: -0.03 promised, -0.05 came"),
        (-0.05, False, "less than the sum: -0.03 promised, -0.05 came"),
        (None, True, ""),
    ],
)
def test_additivity_after_the_run(delta: float | None, minimize: bool, words: str) -> None:
    merged = experiment("m", 0.9, emitter="recombinator")
    promised = msgspec.structs.replace(merged.plan, expected=-0.03)
    merged = msgspec.structs.replace(merged, plan=promised)
    assert recombinator.additivity(merged, delta, 0.001, minimize) == words
    assert recombinator.additivity(BASE, delta, 0.001, minimize) == ""


def test_a_merge_promises_the_sum_of_its_effects() -> None:
    a = experiment("a", 1.002, edits=[("move:a", "False", "True")], delta=0.002)
    b = experiment("b", 1.003, edits=[("move:b", "False", "True")], delta=0.003)
    store = Store(merges={("a", "b"): {"train.py": TRAIN + "both = 1\n"}})
    proposal = EMITTERS["recombinator"].propose(store.context(history(a, b)))
    assert proposal is not None
    assert proposal.expected == pytest.approx(0.005)


def test_the_anomaly_chaser_repeats_wins_and_halves_crashes() -> None:
    win = EMITTERS["anomaly_chaser"].propose(Store().context(history(lucky())))
    assert win is not None
    assert win.replicate == "win"
    expected = lucky(expected=-0.05)
    assert EMITTERS["anomaly_chaser"].propose(Store().context(history(expected))) is None
    edits = [("LR", "0.04", "0.02"), ("DEPTH", "8", "20")]
    crash = experiment("x", None, edits=edits, seq=1)
    half = EMITTERS["anomaly_chaser"].propose(Store().context(history(crash)))
    assert half is not None
    assert len(half.edits) == 1
    assert half.builds_on == ("x",)


@pytest.mark.parametrize("culprit", ["LR", "DEPTH", "BATCH", "PATTERN"])
def test_the_anomaly_chaser_bisects_a_crash(culprit: str) -> None:
    edits = [
        ("LR", "0.04", "0.02"),
        ("DEPTH", "8", "20"),
        ("BATCH", "2**19", "2**20"),
        ("PATTERN", '"SSSL"', '"L"'),
    ]
    past = [experiment("x", None, edits=edits, seq=1)]
    for step in range(2):
        seen = history(*past, signatures={"oom": len(past)})
        half = EMITTERS["anomaly_chaser"].propose(Store().context(seen))
        assert half is not None
        assert half.builds_on == ("x",)
        named = [(e.name, e.old, e.new) for e in half.edits]
        value = None if culprit in {name for name, _, _ in named} else 1.0
        one = experiment(f"h{step}", value, edits=named, emitter="anomaly_chaser", seq=step + 2)
        plan = msgspec.structs.replace(one.plan, builds_on=("x",))
        flying = msgspec.structs.replace(one, plan=plan, runs=(), review=None, decision=None)
        busy = history(*past, running=(flying,))
        assert EMITTERS["anomaly_chaser"].propose(Store().context(busy)) is None
        past.append(msgspec.structs.replace(one, plan=plan))
    found = history(*past, signatures={"oom": 2})
    assert [e.name for e in anomaly_chaser.suspects(found, past[0])] == [culprit]
    assert EMITTERS["anomaly_chaser"].propose(Store().context(found)) is None


def test_ask_starts_with_the_untouched_file() -> None:
    past = history(baseline=None, incumbent=None, best=None)
    plan, proposal = Store().ask(past)
    assert (plan.emitter, plan.phase, plan.parent) == ("baseline", "baseline", "")
    assert proposal.files == {"train.py": TRAIN}


def test_ask_says_its_hypothesis_and_never_repeats_itself() -> None:
    store, past = Store(), [*varied(12)]
    for e in past:
        reading = knobs.read({"train.py": TRAIN})
        new = {d.name: d.new for d in e.plan.edits}
        store.files[e.commit] = knobs.write({"train.py": TRAIN}, reading, new)
    for seed in range(25):
        plan, proposal = store.ask(history(*past), seed)
        assert plan.phase in PHASES
        assert plan.emitter in (*NAMES, "replicate")
        assert plan.hypothesis
        assert plan.parent
        assert proposal.replicate or store.tried(proposal.files) is None


def test_ask_one_emitter() -> None:
    plan, _ = Store().ask(history(), emitter="local_tuner")
    assert plan.emitter == "local_tuner"
    with pytest.raises(ArError, match="no emitter 'mutator'"):
        Store().ask(history(), emitter="mutator")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("print(1)\n", "no top-level constants"),
        ("LR = 0.1\ndef f(:\n", "not valid Python"),
        ("", "no top-level constants"),
    ],
)
def test_a_target_without_knobs_is_said_with_a_cure(text: str, why: str) -> None:
    store = Store({"base": {"train.py": text}})
    with pytest.raises(ArError, match=why) as raised:
        store.ask(history())
    assert "ar.agent" in raised.value.hint


def test_a_senseless_comment_does_not_stop_the_search() -> None:
    store = Store({"base": {"train.py": "LR = 0.1  # ar: up..down\n"}})
    plan, _ = store.ask(history())
    assert plan.edits[0].name == "LR"


def test_an_exhausted_space_names_the_old_experiment() -> None:
    files = {"base": {"train.py": "FAST = True\n"}, "a": {"train.py": "FAST = False\n"}}
    a = experiment("a", 1.0, edits=[("FAST", "True", "False")])
    with pytest.raises(DuplicateError) as raised:
        Store(files).ask(history(a))
    assert raised.value.commit == "a"


def test_a_broken_emitter_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES[1:]:
        monkeypatch.setattr(EMITTERS[name], "propose", lambda context: None)
    assert Store().ask(history())[0].emitter == "local_tuner"
    monkeypatch.setattr(EMITTERS["local_tuner"], "propose", lambda context: None)
    with pytest.raises(ArError, match="no emitter has an idea"):
        Store().ask(history())


def test_layout_changes_and_dangerous_settings_are_refused(monkeypatch) -> None:
    def layout(context):
        return Proposal({"train.py": TRAIN + "\n# comment\n"}, "x", "y")

    def danger(context):
        files = {"train.py": TRAIN.replace("DEPTH = 8", "DEPTH = 24")}
        edits = (Edit(name="DEPTH", old="8", new="24"),)
        return Proposal(files, "x", "y", edits=edits)

    deep = [
        experiment(f"x{d}", None, edits=[("DEPTH", "8", str(d))], seq=d) for d in range(16, 25)
    ] + [experiment(f"o{d}", 1.0, edits=[("DEPTH", "8", str(d))], seq=d) for d in range(4, 15)]
    past = history(*deep)
    for trick in (layout, danger):
        for name in NAMES:
            monkeypatch.setattr(EMITTERS[name], "propose", trick)
        with pytest.raises(ArError):
            Store().ask(past)


def test_another_contracts_history_changes_nothing() -> None:
    other = msgspec.structs.replace(BASE, commit="old", contract="another")
    gone = experiment("e", 0.5, parent="old", edits=[("GONE", "1", "2")], seq=3)
    plan, proposal = Store().ask(history(other, gone, *varied(5)))
    assert all(edit.name != "GONE" for edit in plan.edits)
    assert proposal.files


def test_random_choices_come_from_the_given_generator() -> None:
    random.seed(1)
    one = Store().ask(history(*varied(10)), seed=7)
    random.seed(2)
    two = Store().ask(history(*varied(10)), seed=7)
    assert one == two
