"""The local backend keeps the laws of all backends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoresearch_git.backends import BACKENDS, sandbox
from tests.backends.conformance import LAWS, Bench
from tests.backends.lab import Lab


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_local(lab: Lab, law: Callable[[Bench], None]) -> None:
    boxed = not sandbox.trouble()
    law(Bench(BACKENDS["local"](lab.options(jobs=2, sandbox=boxed)), lab.job))
