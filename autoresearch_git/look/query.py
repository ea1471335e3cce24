"""What the reading verbs ask of the index: a bounded number of look-ups, and never libgit2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autoresearch_git import refs
from autoresearch_git.clean import clean
from autoresearch_git.errors import GitError, UnknownExperimentError
from autoresearch_git.git import locate
from autoresearch_git.memory.index import Index
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import KEEPS, Experiment, decode

NEARBY = 2000  # experiments after one in which its children are looked for
_HEX = re.compile(r"[0-9a-fA-F]{4,40}")


def newest_first(
    index: Index, where: str = "1", values: Sequence[object] = (), klass: str = ""
) -> Iterator[Experiment]:
    """Experiments that meet an SQL condition, the newest first, decoded one at a time.

    With a class (or several: a pattern) they are those that ran in it, as it knows them.
    """
    rows, classes = _of_class(klass)
    query = f"SELECT record FROM experiments WHERE {rows} AND ({where}) ORDER BY seq DESC, oid DESC"
    for row in index.db.execute(query, (*classes, *values)):
        yield decode(row[0], Experiment)


def as_decided(index: Index, klass: str) -> list[Experiment]:
    """A class (or several: a pattern) in the order of first decisions; the undecided come last.

    An idea may wait long before it is run: in the order of proposals, what it was compared with
    would come after it. What ran in several classes has its last decision in this one instead.
    """
    rows, classes = _of_class(klass)
    first = "SELECT experiment, min(seq) AS first FROM events WHERE kind = 'decision' GROUP BY 1"
    once = "SELECT count(*) = 1 FROM experiments AS other WHERE other.oid = experiments.oid"
    query = (
        f"SELECT record, iif(({once}), first, nullif(decided, 0)) AS place "
        f"FROM experiments LEFT JOIN ({first}) ON experiment = oid "
        f"WHERE {rows} ORDER BY place IS NULL, place, seq, oid"
    )
    return [decode(record, Experiment) for record, _ in index.db.execute(query, classes)]


def _of_class(klass: str) -> tuple[str, tuple[str, ...]]:
    """The condition (and its values) that takes one row an experiment, "" being any class."""
    if not klass:
        return "latest = 1", ()
    if not set("*?[") & set(klass):
        return "class = ?", (klass,)
    # Of what ran in several that the pattern means, the row of its latest run, if that is one.
    better = "(other.latest, other.class) > (experiments.latest, experiments.class)"
    others = f"experiments AS other WHERE other.oid = experiments.oid AND {better}"
    return (
        f"class GLOB ? AND NOT EXISTS (SELECT 1 FROM {others} AND other.class GLOB ?)",
        (klass, klass),
    )


def latest_class(index: Index) -> str:
    """The class of the newest experiment that ran, "" if none did."""
    found = index.select("latest = 1 AND class <> '' ORDER BY seq DESC, oid DESC LIMIT 1")
    return found[0].klass if found else ""


def classes(index: Index) -> list[tuple[str, int]]:
    """(class, experiments) of all classes, by name."""
    query = "SELECT class, sum(tries) FROM tallies WHERE what = 'verdict' AND tries > 0"
    rows = index.db.execute(query + " AND class <> '' GROUP BY class ORDER BY class").fetchall()
    return [(str(klass), int(count)) for klass, count in rows]


def children(index: Index, parent: Experiment) -> list[Experiment]:
    """Experiments that started from one, among the next NEARBY; a keep's merge counts as it."""
    own = {parent.commit, parent.decision.new if parent.decision else parent.commit} - {""}
    query = "SELECT record FROM experiments WHERE seq > ? AND latest = 1 ORDER BY seq LIMIT ?"
    nearby = f"SELECT record FROM ({query}) WHERE " + " OR ".join(["instr(record, ?)"] * len(own))
    found = (decode(r[0], Experiment) for r in index.db.execute(nearby, (parent.seq, NEARBY, *own)))
    return [each for each in found if each.plan and each.plan.parent in own]


def best_before(index: Index, klass: str, seq: int) -> Experiment | None:
    """The best of a class among those proposed before a place on the trail."""
    # The plus keeps SQLite from sorting all that came before: it goes by rank instead.
    ranked = "class = ? AND +seq < ? AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1"
    found = index.select(ranked, klass, seq)
    return found[0] if found else None


def elites(index: Index, klass: str) -> dict[str, Experiment]:
    """The best experiment of each niche of a class."""
    found = {}
    ranked = "class = ? AND niche = ? AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1"
    for niche in index.tallies(klass, "niche"):
        if best := index.select(ranked, klass, niche):
            found[niche] = best[0]
    return found


def find(memory: Memory, name: str) -> Experiment:
    """The experiment that a hash, branch, tag or revision names; UnknownExperimentError."""
    index = memory.index
    if _HEX.fullmatch(name) and (found := _by_prefix(index, name.lower())):
        return found
    oid = _resolve(memory, name)
    found = index.experiment(oid) or _kept_as(index, oid)
    if found is None:
        about = f"{clean(name, 60)} is no experiment"
        raise UnknownExperimentError(about, "see: git ar log")
    return found


def _by_prefix(index: Index, prefix: str) -> Experiment | None:
    above = prefix + "g"  # greater than every hex digit
    found = index.select("oid >= ? AND oid < ? AND latest = 1 LIMIT 5", prefix, above)
    if len(found) > 1:
        names = ", ".join(each.commit[: len(prefix) + 4] for each in found)
        raise UnknownExperimentError(f"{prefix} is ambiguous: {names}", "write more digits")
    return found[0] if found else None


def _resolve(memory: Memory, name: str) -> str:
    """The commit of a revision: by reading the ref where it is one, else by asking git."""
    if name == "HEAD":
        return locate.head(memory.place)[1]
    if re.fullmatch(r"[\w./-]+", name) and ".." not in name and not name.startswith("/"):
        full = name if name.startswith("refs/") else refs.BRANCHES + name
        if oid := locate.read_ref(memory.place, full):
            return oid
    from autoresearch_git.git.process import git

    try:
        wanted = f"{name}^{{commit}}"
        line = git(memory.place.git_dir, "rev-parse", "--verify", "--end-of-options", wanted)
    except GitError:
        about = f"no such commit: {clean(name, 60)}"
        raise UnknownExperimentError(about, "see: git ar log") from None
    return line.strip().splitlines()[-1]


def _kept_as(index: Index, oid: str) -> Experiment | None:
    """The experiment that a merge on the research branch took, "" being no commit."""
    if not oid:
        return None
    marks = ",".join("?" * len(KEEPS))
    for each in newest_first(index, f"verdict IN ({marks}) AND instr(record, ?)", (*KEEPS, oid)):
        if each.decision and each.decision.new == oid:
            return each
    return None
