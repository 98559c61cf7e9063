"""What a class itself says about the frames that it makes of a sound, for the references of generated tests."""

from __future__ import annotations

from typing import Any


def told_mean(output: Any) -> Any:
    """Return the mean of the frames of one sound, (width,): of those that `output` says are heard, else of all.

    Some extractors put a row behind each sound that their mask hides, so that the last frame may be of nothing.
    """
    hidden, told = output.last_hidden_state[0], output.get("attention_mask")
    return (hidden if told is None else hidden[told[0].bool()]).mean(0)
