"""The real service, by choice: AR_MODAL_LIVE=1 pytest tests/modal/test_live.py (costs cents)."""

from __future__ import annotations

import os

import pytest

from tests.support import Sandbox

LIVE = os.environ.get("AR_MODAL_LIVE")
TOKEN = {name: os.environ[name] for name in os.environ if name.startswith("MODAL_")}
HOME = os.environ.get("HOME", "")


@pytest.mark.skipif(not LIVE, reason="AR_MODAL_LIVE=1 runs one experiment at Modal")
def test_one_run_at_the_real_service(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("MODAL_")]:
        monkeypatch.delenv(name)
    for name, value in TOKEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MODAL_CONFIG_PATH", TOKEN.get("MODAL_CONFIG_PATH", f"{HOME}/.modal.toml"))
    sandbox.research()
    sandbox.git("config", "ar.modal.packages", "numpy")
    (done,) = sandbox.records("loop", "--runs", "1", "--backend", "modal", "--gpu", "T4")
    assert done["runs"][0]["outcome"] == "ok"
    assert "T4" in done["runs"][0]["hardware"]["gpu"]
