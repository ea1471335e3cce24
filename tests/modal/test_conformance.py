"""The Modal backend keeps the laws of all backends, on the fake."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.backends import conformance
from tests.modal.conftest import Bench


@pytest.mark.parametrize("law", conformance.LAWS, ids=lambda law: law.__name__)
def test_modal(modal_lab: Bench, law: Callable[[conformance.Bench], None]) -> None:
    law(conformance.Bench(modal_lab.make(), modal_lab.lab.job))
