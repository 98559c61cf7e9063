"""Names of backends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import UnknownName
from ipfs_accelerate_py.hardware.backend import ALIASES, GENERATED, WEB, Backend, backend

NAMES = [*(known.value for known in Backend), *ALIASES]


def test_every_backend_is_generated_or_comes_with_the_browser() -> None:
    assert (*GENERATED, *WEB) == tuple(Backend)


@pytest.mark.parametrize(
    ("name", "meant"), [("qnn", "qualcomm"), ("apple", "mps"), ("AMD", "rocm"), ("Qualcomm DSP", "qualcomm")]
)
def test_people_s_names_for_a_backend_are_understood(name: str, meant: str) -> None:
    assert backend(name) == meant


def test_no_alias_hides_a_backend() -> None:
    assert not set(ALIASES) & {known.value for known in Backend}


@given(st.sampled_from(NAMES), st.booleans(), st.sampled_from(["", " ", "\t"]))
def test_capitals_spaces_and_underscores_do_not_matter(name: str, capitals: bool, around: str) -> None:
    written = around + name.replace("-", "_") + around
    assert backend(written.upper() if capitals else written) is backend(name)


def test_a_misspelt_backend_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"'openvno' is not known; did you mean 'openvino'"):
        backend("openvno")
