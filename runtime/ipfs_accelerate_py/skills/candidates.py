"""Candidate labels as texts, and their vectors: encoded once for all the inputs of a call, and kept for the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ipfs_accelerate_py.errors import InputError
from ipfs_accelerate_py.skills.arrays import Array

_KEPT = 16  # sets of labels; a thousand of width 512 take 2 MB


@dataclass(frozen=True)
class Candidates:
    """The labels of one call, and the texts that they become."""

    labels: tuple[str, ...]
    texts: tuple[str, ...]


def candidates(given: Any, template: Any) -> Candidates:
    """Return the labels in `given`, a list or a text with commas, each put where `template` has {}.

    Raises:
        InputError: there is none, one is no text, or the template has no place for it.
    """
    labels = [part.strip() for part in given.split(",")] if isinstance(given, str) else given
    if not isinstance(labels, list | tuple) or not all(isinstance(label, str) for label in labels):
        raise InputError(f"candidate_labels is {given!r}; it is a list of texts, or a text with commas")
    labels = [label for label in labels if label.strip()]
    if not labels:
        raise InputError("candidate_labels is empty; name at least one label")
    try:
        texts = tuple(template.format(label) for label in labels)
    except (AttributeError, LookupError, ValueError) as error:
        raise InputError(f"hypothesis_template is {template!r}; it is a text with {{}}: {error}") from error
    if template == texts[0]:
        raise InputError(f"hypothesis_template has no {{}} where the label goes: {template}")
    return Candidates(tuple(labels), texts)


@dataclass
class Vectors:
    """The vectors of one call's labels, (labels, width); None until their rows have been through the model."""

    texts: tuple[str, ...]
    values: Array | None = None


@dataclass(frozen=True)
class Memory:
    """The vectors of the sets of labels that were used last, by their texts."""

    _known: OrderedDict[tuple[str, ...], Array] = field(default_factory=OrderedDict)

    def recall(self, texts: tuple[str, ...]) -> Vectors:
        """Return the vectors of `texts`, as far as they are known."""
        return Vectors(texts, self._known.get(texts))

    def learn(self, vectors: Vectors, rows: Sequence[Array]) -> None:
        """Keep what the model made of the texts, one row of `rows` each."""
        vectors.values = np.stack(rows)
        self._known[vectors.texts] = vectors.values
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def ranked(labels: Sequence[str], scores: Array) -> list[dict[str, Any]]:
    """Return [{"label", "score"}] of all `labels`, best first; equal ones in the order in which they were given."""
    order = np.argsort(-scores, kind="stable")
    return [{"label": labels[place], "score": float(scores[place])} for place in order]
