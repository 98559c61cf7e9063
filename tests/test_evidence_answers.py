"""The numbers of an answer as tests compare them: by output, each measured against its own largest value."""

from __future__ import annotations

import numpy as np

from ipfs_accelerate_py.evidence.comparison import compare
from ipfs_accelerate_py.evidence.lab import flat


def test_a_map_is_one_output_and_a_row_of_nearly_zeros_in_it_is_none() -> None:
    want = flat({"map": [[[1e-4, 2e-4], [5e3, 7e3]]]})
    got = flat({"map": [[[3e-4, 1e-4], [5e3, 7e3]]]})
    assert [each.shape for each in want.values()] == [(1, 2, 2)]
    assert compare(got, want).within()
    assert not compare(flat({"map": [[[1e-4, 2e-4], [5e3, 8e3]]]}), want).within()


def test_what_is_no_table_is_compared_number_by_number() -> None:
    answer = {
        "entities": [{"score": 1e-4}, {"score": 5e3}],
        "ragged": [[0.5], [1.5, 2.5]],
        "tokens": [[1, 2], [3, 4]],
        "inference_time": 3.0,
    }
    found = {name: each.tolist() for name, each in flat(answer).items()}
    assert found == {
        ".entities[0].score": [1e-4],
        ".entities[1].score": [5e3],
        ".ragged[0]": [0.5],
        ".ragged[1]": [1.5, 2.5],
        ".tokens[0]": [1, 2],
        ".tokens[1]": [3, 4],
    }
    assert np.asarray(found[".tokens[0]"]).dtype.kind == "i"
