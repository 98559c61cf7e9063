"""Small arithmetic on NumPy arrays that every classifier shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.quantities import whole
from ipfs_accelerate_py.skills.text import TextInput


def softmax(logits: Array) -> Array:
    """Return `logits` as probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def sigmoid(logits: Array) -> Array:
    """Return each logit's probability by itself."""
    result: Array = np.exp(-np.logaddexp(0, -logits))  # exp(-logits) itself would overflow
    return result


def top(scores: Array, count: int) -> list[int]:
    """Return the places of the `count` largest of `scores` (one axis), largest first; ties in the order of place.

    Raises:
        InputError: `count`, which users give as the option `top_k`, is no whole number from 1.
    """
    whole("top_k", count)
    if count < scores.shape[0]:
        least = -np.partition(-scores, count - 1)[count - 1]
        above, equal = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
        kept = np.sort(np.concatenate([above, equal[: count - above.size]]))
        if kept.size == count:  # fewer where values are not numbers
            return [int(kept[place]) for place in np.argsort(-scores[kept], kind="stable")]
    return [int(place) for place in np.argsort(-scores, kind="stable")[:count]]


def labels(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the label names in the order of the logits, from the checkpoint's `id2label`.

    Raises:
        CheckpointError: the table has gaps.
    """
    table = checkpoint.config.get("id2label")
    if not table:
        return tuple(
            f"LABEL_{place}" for place in range(checkpoint.number("num_labels") or 2)
        )  # the default of transformers
    try:
        return tuple(str(table[str(place)]) for place in range(len(table)))
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{checkpoint.folder / 'config.json'}: id2label has no entry for {error}; number it from 0"
        ) from error


def entailment(checkpoint: Checkpoint) -> tuple[int, int]:
    """Return the places of entailment and of contradiction among the labels, as transformers' pipeline finds them.

    Raises:
        CheckpointError: no label is called entailment, so the checkpoint was not trained for this.
    """
    names = [name.lower() for name in labels(checkpoint)]
    entails = next((place for place, name in enumerate(names) if name.startswith("entail")), None)
    if entails is None:
        raise CheckpointError(
            f"{checkpoint.folder}: none of its labels {', '.join(names)} is entailment; zero-shot classification needs "
            "a checkpoint trained on natural language inference, with its labels named in id2label"
        )
    return entails, len(names) - 1 if entails == 0 else 0


def scoring(checkpoint: Checkpoint, *, alone: str = "sigmoid") -> str:
    """Return the function that turns this checkpoint's logits into scores, by the rule of transformers' pipelines.

    `alone` is the one for a single label, on which the pipelines differ.
    """
    problem = checkpoint.config.get("problem_type")
    count = len(labels(checkpoint))
    if problem == "regression":
        return "none"
    if problem == "multi_label_classification":
        return "sigmoid"
    return alone if count == 1 else "softmax"


def scores(logits: Array, function: str) -> Array:
    """Return `logits` after `function`, one of sigmoid, softmax, none."""
    functions: dict[str, Callable[[Array], Array]] = {
        "sigmoid": sigmoid,
        "softmax": softmax,
        "none": np.asarray,
    }
    if function not in functions:
        raise InputError(f"function_to_apply is {function!r}; it is one of {', '.join(functions)}")
    return functions[function](logits)


def ranking(values: Array, names: tuple[str, ...], count: int | None) -> list[dict[str, Any]]:
    """Return the `count` best labels as [{"label", "score"}], best first; all of them if `count` is None."""
    places = top(values, len(names) if count is None else count)
    return [{"label": names[place], "score": float(values[place])} for place in places]


def chosen(targets: Any, text: TextInput) -> list[int] | None:
    """Return the token ids that the option `targets` allows, a word or a list of words; None if it allows all.

    Raises:
        InputError: a word is not in the vocabulary.
    """
    if targets is None:
        return None
    words = [targets] if isinstance(targets, str) else targets
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError(f"targets is {targets!r}; it is a word or a list of words")
    found = []
    for word in words:
        token = text.tokenizer.token_to_id(word)
        if token is None:
            raise InputError(f"target {word!r} is not in the vocabulary; give words that are single tokens")
        found.append(int(token))
    if not found:
        raise InputError("targets is empty; name at least one word")
    return list(dict.fromkeys(found))
