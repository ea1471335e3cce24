"""The history that search and review are given: a bounded number of index look-ups."""

from __future__ import annotations

from autoresearch_git.history import RECENT, History, last_gain
from autoresearch_git.memory.index import Index
from autoresearch_git.records import KEEPS, Experiment, decode

_CLOSE = "class = ? AND verdict = 'near-miss' ORDER BY decided DESC LIMIT ?"
_NEAR = 20  # near misses offered to the recombinator
_LUCKY = 100  # keeps in a row that may all lie within the noise
_REPEATED = 200  # replicated experiments from which the noise is estimated


def history(
    index: Index, klass: str, contract: str, metric: str, minimize: bool, sigma: float, tree: str
) -> History:
    """What is known of a class; `tree` is the tree at the tip of the research branch."""
    recent = index.select("contract = ? ORDER BY seq DESC LIMIT ?", contract, RECENT)
    running = index.select("contract = ? AND decided = 0 ORDER BY seq LIMIT 200", contract)
    niches = index.tallies(klass, "niche")
    return History(
        klass=klass,
        contract=contract,
        metric=metric,
        minimize=minimize,
        sigma=sigma,
        baseline=baseline(index, klass),
        incumbent=incumbent(index, klass, tree),
        best=best(index, klass),
        elites={niche: elite for niche in niches if (elite := _elite(index, klass, niche))},
        near_misses=tuple(index.select(_CLOSE, klass, _NEAR)),
        recent=tuple(e for e in reversed(recent) if e.klass in (klass, "")),
        running=tuple(running),
        count=sum(tally.tries for tally in index.tallies(klass, "verdict").values()),
        emitters=index.tallies(klass, "emitter"),
        categories=index.tallies(klass, "category"),
        niches={niche: tally.tries for niche, tally in niches.items()},
        signatures={name: t.tries for name, t in index.tallies(klass, "signature").items()},
        stall=stall(index, klass),
        plateau=plateau(index, klass),
        replicates=_replicates(index, klass),
        steers=tuple(e.remark for e in index.events("remark", 50) if not e.commit)[-5:],
    )


def baseline(index: Index, klass: str) -> Experiment | None:
    """What all others of a class are compared with: the untouched files, or what it began with.

    A class of another machine begins with the branch's tip as it was then.
    """
    untouched = "class = ? AND emitter = 'baseline' AND decided > 0 ORDER BY seq LIMIT 1"
    first = "class = ? AND verdict = ? ORDER BY seq LIMIT 1"
    found = index.select(untouched, klass) or index.select(first, klass, "keep")
    return found[0] if found else None


def best(index: Index, klass: str) -> Experiment | None:
    """The experiment of a class that ranks first."""
    found = index.select("class = ? AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1", klass)
    return found[0] if found else None


def stall(index: Index, klass: str) -> int:
    """Decisions in a class since the last one that kept an experiment."""
    return _decided_since(index, klass, next(iter(_keeps(index, klass, 1)), 0))


def plateau(index: Index, klass: str) -> int:
    """Decisions in a class since the last keeps that gained more than the noise."""
    keeps = _keeps(index, klass, _LUCKY)
    gained = last_gain(keeps.values())
    return _decided_since(index, klass, next((n for n, e in keeps.items() if e is gained), 0))


def _keeps(index: Index, klass: str, most: int) -> dict[int, Experiment]:
    """The keeps of a class by the seq of their decisions, the last decision first."""
    query = "SELECT decided, record FROM experiments WHERE class = ? AND verdict = ?"
    query += " AND loss IS NOT NULL ORDER BY decided DESC LIMIT ?"
    found = [row for verdict in KEEPS for row in index.db.execute(query, (klass, verdict, most))]
    return {n: decode(record, Experiment) for n, record in sorted(found, reverse=True)[:most]}


def _decided_since(index: Index, klass: str, seq: int) -> int:
    count = "SELECT count(*) FROM experiments WHERE class = ? AND decided > ?"
    return int(index.db.execute(count, (klass, seq)).fetchone()[0])


def _elite(index: Index, klass: str, niche: str) -> Experiment | None:
    where = "class = ? AND niche = ? AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1"
    found = index.select(where, klass, niche)
    return found[0] if found else None


def incumbent(index: Index, klass: str, tree: str) -> Experiment | None:
    """The tip's experiment, found by its tree, since a keep may have needed a merge.

    Commits made by hand may have taken the branch past its last keep: then that keep.
    """
    found = index.select("tree = ? AND class = ? AND loss IS NOT NULL ORDER BY seq", tree, klass)
    here = [e for e in found if e.verdict in KEEPS]
    here += [e for e in found[:1] if not e.plan or e.plan.emitter != "person"]
    if here:
        return here[0]
    last = next(iter(_keeps(index, klass, 1).values()), None)
    return last or (found[0] if found else None)


def _replicates(index: Index, klass: str) -> tuple[tuple[float, ...], ...]:
    repeated = index.select("class = ? AND runs > 1 ORDER BY seq DESC LIMIT ?", klass, _REPEATED)
    values = (
        tuple(r.value for r in e.runs if r.value is not None and r.klass == klass) for e in repeated
    )
    return tuple(v for v in values if len(v) > 1)
