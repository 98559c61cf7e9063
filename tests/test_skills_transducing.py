"""A transducer writes the likeliest token at each place, and goes on at blanks, at too many tokens, or as foretold."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills import Checkpoint
from ipfs_accelerate_py.skills.calls import WRITTEN
from ipfs_accelerate_py.skills.given import Given
from ipfs_accelerate_py.skills.transducing import TransducedInput, heard, start

INPUTS = {"sound": Given("float32", sizes=(4,), vary=(0,))}
BLANK, TOKENS = 0, 4


def arrays(folder: Path, **more: Any) -> TransducedInput:
    config = {"model_type": "parakeet_rnnt", "vocab_size": TOKENS, "blank_token_id": BLANK, **more}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return TransducedInput(Checkpoint(str(folder)), INPUTS)


def spelled(given: TransducedInput, says: Any, sound: np.ndarray, *, seen: int) -> dict[str, Any]:
    """Return what is written where `says` gives the scores at each place after the tokens so far."""

    def forward(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        scores = np.stack([says(place, batch[WRITTEN][0].tolist()) for place in range(len(sound))])
        return {"logits": scores[None], "seen": (np.arange(len(sound)) < seen).astype(np.float32)[None]}

    (example,) = given.examples([{"sound": sound}])
    (row,) = given.run(SimpleNamespace(forward=forward), example.rows, {})  # type: ignore[arg-type]
    return heard(row)


def one(token: int, further: int | None = None) -> np.ndarray:
    ahead = [] if further is None else np.eye(3)[further]
    return np.concatenate([np.eye(TOKENS)[token], ahead])


def test_blanks_lead_on_and_what_is_written_is_read_again(tmp_path: Path) -> None:
    def says(place: int, written: list[int]) -> np.ndarray:
        return one(place + 1 if len(written) == place else BLANK)

    found = spelled(arrays(tmp_path), says, np.zeros(3), seen=2)
    assert found == {"tokens": [1, 2], "places": [0, 1]}  # the third place is no sound


def test_at_one_place_no_more_tokens_than_the_checkpoint_says(tmp_path: Path) -> None:
    found = spelled(
        arrays(tmp_path, max_symbols_per_step=2), lambda place, written: one(3), np.zeros(3), seen=3
    )
    assert found == {"tokens": [3] * 5, "places": [0, 0, 1, 1, 2]}  # one step less than places and symbols


def test_as_many_places_as_are_foretold_and_one_at_least_after_a_blank(tmp_path: Path) -> None:
    def says(place: int, written: list[int]) -> np.ndarray:
        return one(2, further=2) if place == 1 else one(BLANK, further=0)

    found = spelled(arrays(tmp_path), says, np.zeros(4), seen=4)
    assert found == {"tokens": [2], "places": [1]}


def test_what_stands_before_all_is_what_the_checkpoint_says_and_else_the_blank(tmp_path: Path) -> None:
    given = arrays(tmp_path)
    assert start(Checkpoint(str(tmp_path))) == BLANK
    assert all(row[WRITTEN].size for row in given.sample)
    (tmp_path / "generation_config.json").write_text('{"decoder_start_token_id": 3}', encoding="utf-8")
    assert start(Checkpoint(str(tmp_path))) == 3


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sound"):
        arrays(tmp_path).examples([{"noise": [1.0]}])


def test_a_sample_is_taken_and_tokens_without_places_are_not(tmp_path: Path) -> None:
    given = arrays(tmp_path)
    found = given.examples(given.sample)
    assert [example.rows[0][WRITTEN].tolist() for example in found] == [[BLANK, BLANK]] * 2
    with pytest.raises(InputError, match="begins with the sound"):
        given.examples([{"sound": np.zeros(4), WRITTEN: [BLANK, 2]}])
