"""Every ref name of the project, parsed and formatted here and nowhere else."""

from __future__ import annotations

TRAIL = "refs/ar/trail"
NOTES = "refs/notes/ar"
ELITES = "refs/ar/elites/"
REMOTES = "refs/ar/remotes/"
NEAR_MISSES = "refs/tags/near-miss/"
BRANCHES = "refs/heads/"
RESEARCH = "refs/heads/autoresearch/"


def component(text: str) -> str:
    """The text as one component of a ref name: lower case letters, digits, '.', '_' and '-'."""
    import re  # here, since a command that only looks at a ref would pay for it

    clean = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip(".-")
    return re.sub(r"\.{2,}", ".", clean).removesuffix(".lock") or "none"


def elite(klass: str, niche: str) -> str:
    return f"{ELITES}{klass}/{niche}"


def parse_elite(ref: str) -> tuple[str, str]:
    """(class, niche) of an elite's ref."""
    klass, niche = ref.removeprefix(ELITES).split("/")
    return klass, niche


def near_miss(klass: str, niche: str, k: int) -> str:
    return f"{NEAR_MISSES}{klass}/{niche}/{k}"


def parse_near_miss(ref: str) -> tuple[str, str, int]:
    """(class, niche, k) of a near miss's tag."""
    klass, niche, k = ref.removeprefix(NEAR_MISSES).split("/")
    return klass, niche, int(k)


def tracking(remote: str) -> str:
    """Where the trail of a remote is kept after a fetch."""
    return f"{REMOTES}{remote}/trail"


def is_remote_research(ref: str) -> bool:
    """Whether it is a research branch as a clone sees it at a remote."""
    import re

    return re.fullmatch(r"refs/remotes/[^/]+/autoresearch/.+", ref) is not None


def research_branch(name: str) -> str:
    """The full ref of a research branch given as `tag`, `autoresearch/tag` or in full."""
    if name.startswith(BRANCHES):
        return name
    return BRANCHES + (name if "/" in name else f"autoresearch/{name}")


def short(ref: str) -> str:
    """The name as people write it: without refs/heads/, refs/tags/ or refs/."""
    for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/", "refs/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref
