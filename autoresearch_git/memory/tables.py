"""The tables of the index. Whoever changes them, or the text of notes, counts VERSION up."""

from __future__ import annotations

VERSION = 7

BARE = (  # in SQL, since a pragma does nothing inside a transaction
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
)
SCHEMA = (
    # An event's line is kept for the few kinds that are asked for; the others stand on the trail.
    """CREATE TABLE events (
    experiment TEXT, seq INTEGER, id TEXT, oid TEXT, kind TEXT, line BLOB,
    PRIMARY KEY (experiment, seq, id, oid)) WITHOUT ROWID""",
    # A row for each class that it was run in; `latest` marks that of its latest run. `decided` is
    # the seq of its last decision there, 0 if none: ideas are not decided in their own order.
    """CREATE TABLE experiments (
    oid TEXT, seq INTEGER, tree TEXT, program TEXT, contract TEXT, class TEXT, emitter TEXT,
    niche TEXT, verdict TEXT, loss REAL, runs INTEGER, decided INTEGER, latest INTEGER,
    record BLOB, PRIMARY KEY (oid, class))""",
    """CREATE TABLE tallies (
    class TEXT, what TEXT, name TEXT, tries INTEGER, wins INTEGER, crashes INTEGER,
    millis INTEGER, PRIMARY KEY (class, what, name)) WITHOUT ROWID""",
    # What a keep put on the research branch in the place of its experiment: a merge.
    """CREATE TABLE kept (
    tip TEXT, experiment TEXT, PRIMARY KEY (tip, experiment)) WITHOUT ROWID""",
    """CREATE TABLE branches (
    ref TEXT PRIMARY KEY, seq INTEGER, id TEXT, tip TEXT) WITHOUT ROWID""",
)
SECONDARY = (
    "CREATE INDEX remarks ON events (kind, seq, id) WHERE kind = 'remark'",
    "CREATE INDEX kept_of ON kept (experiment)",
    "CREATE INDEX by_seq ON experiments (seq, oid) WHERE latest = 1",
    "CREATE INDEX by_class ON experiments (class, seq)",
    "CREATE INDEX by_decision ON experiments (class, decided)",
    "CREATE INDEX by_tree ON experiments (tree, class, seq)",
    "CREATE INDEX by_program ON experiments (program)",
    "CREATE INDEX by_rank ON experiments (class, niche, loss, oid) WHERE loss IS NOT NULL",
    "CREATE INDEX by_contract ON experiments (contract, seq)",
    "CREATE INDEX by_loss ON experiments (class, loss, oid) WHERE loss IS NOT NULL",
    "CREATE INDEX by_verdict ON experiments (class, verdict, decided)",
    "CREATE INDEX close_ones ON experiments (class, niche, loss, oid) WHERE verdict = 'near-miss'",
    "CREATE INDEX open_ones ON experiments (contract, seq) WHERE decided = 0",
    "CREATE INDEX repeated ON experiments (class, seq) WHERE runs > 1",
)
