"""Sandboxes that nobody follows any more: found by their tag, and ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autoresearch_git.backends.base import Options
from autoresearch_git.backends.modal import service
from autoresearch_git.backends.modal.backend import TAG
from autoresearch_git.backends.modal.ledger import Ledger
from autoresearch_git.backends.modal.settings import Settings


@dataclass(frozen=True)
class Orphan:
    """A sandbox without anybody who waits for it."""

    sandbox: str
    run: str
    commit: str


def reap(options: Options, followed: Callable[[str], bool]) -> list[Orphan]:
    """End the app's sandboxes that nobody follows and that no loop here would take over."""
    modal, settings = service.sdk(), Settings.of(options.extra)
    service.check()
    ledger, found = Ledger(options.folder / "modal" / "runs"), []
    with service.errors("the list of sandboxes"):
        app = modal.App.lookup(settings.app, create_if_missing=True)
        for sandbox in modal.Sandbox.list(app_id=app.app_id):
            tags = sandbox.get_tags()
            run = tags.get(TAG, "")
            if run and not followed(run) and not ledger.read(run):
                sandbox.terminate()
                found.append(Orphan(sandbox.object_id, run, tags.get("commit", "")))
    return found
