"""Hypothesis strategies for the generator's nouns: every spec and finding that can be constructed."""

from __future__ import annotations

import keyword
import math
from typing import Any

from hypothesis import strategies as st

from ipfs_accelerate_generator.finding import Effect, Finding
from ipfs_accelerate_generator.spec import (
    FAMILIES,
    Head,
    Limits,
    ModelSpec,
    Processors,
    Unproved,
)
from ipfs_accelerate_generator.tensor import TENSOR_TYPES, Tensor
from ipfs_accelerate_py.hardware.backend import Backend

identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
dotted = st.lists(identifiers, min_size=1, max_size=3).map(".".join)
words = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,6}){0,2}", fullmatch=True)
texts = st.text(min_size=1, max_size=40).filter(str.isprintable)
digests = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
numbers = st.one_of(
    st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.one_of(numbers, texts, st.just("")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
tables = st.dictionaries(identifiers, values, max_size=4)


def several(strategy: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(strategy, min_size=least, max_size=3, unique=True).map(tuple)


@st.composite
def tensors(draw: st.DrawFn, name: str) -> Tensor:
    """Return what a test makes the input `name` of: its numbers, or the range to draw them from."""
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    vary = tuple(draw(st.lists(st.sampled_from(range(len(shape))), unique=True))) if shape else ()
    dtype = draw(st.sampled_from(TENSOR_TYPES))
    if dtype == "int64" and shape and all(shape) and draw(st.booleans()):
        count = st.lists(st.integers(-9, 9), min_size=math.prod(shape), max_size=math.prod(shape))
        nested: list[Any] = draw(count)
        for size in reversed(shape[1:]):
            nested = [nested[start : start + size] for start in range(0, len(nested), size)]
        return Tensor(name=name, dtype=dtype, shape=shape, vary=vary, values=nested)
    low = draw(st.integers(-9, 9))
    return Tensor(
        name=name,
        dtype=dtype,
        shape=shape,
        vary=vary,
        low=low,
        high=low + draw(st.integers(1, 9)),
        apart=draw(st.booleans()),
    )


@st.composite
def heads(draw: st.DrawFn) -> Head:
    """Return one head, with or without tensors."""
    inputs = draw(several(identifiers))
    output = draw(identifiers)
    return Head(
        task=draw(words),
        table=draw(st.one_of(st.just(""), identifiers)),
        model=draw(identifiers),
        module=draw(st.one_of(st.just(""), dotted)),
        inputs=inputs,
        output=output,
        also=draw(several(identifiers.filter(lambda name: name != output), least=0)),
        config=draw(tables),
        generation=draw(tables),
        labels=draw(several(texts, least=0)),
        tensors=tuple(draw(tensors(name)) for name in inputs) if draw(st.booleans()) else (),
    )


unproved = st.builds(  # no task of `heads` has so long a first word
    Unproved, task=words.map(lambda word: f"unproved-{word}"), model=identifiers, reason=texts
)


def specs() -> st.SearchStrategy[ModelSpec]:
    """Return a strategy for model specs without an override."""
    maybe = st.one_of(st.just(""), identifiers)
    return st.builds(
        ModelSpec,
        model_type=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
        title=texts,
        family=st.sampled_from(FAMILIES),
        subfamily=words,
        config=identifiers,
        module=dotted,
        imports=several(dotted, least=0),
        modalities=several(words),
        vocabulary=st.one_of(st.just(""), dotted),
        limits=st.builds(Limits, tokens=st.one_of(st.just(""), dotted), image=maybe, audio=maybe),
        processors=st.builds(Processors, tokenizer=maybe, image_processor=maybe, processor=maybe),
        heads=st.lists(heads(), min_size=1, max_size=3, unique_by=lambda head: head.task).map(tuple),
        tiny=tables,
        unproved=st.lists(unproved, max_size=2, unique_by=lambda each: each.task).map(tuple),
    )


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Return one finding."""
    effect = draw(st.sampled_from(list(Effect)))
    choices = st.dictionaries(words, texts, min_size=1, max_size=2)
    return Finding(
        task=draw(words),
        backend=draw(st.sampled_from(list(Backend))),
        precision=draw(words),
        effect=effect,
        reason=draw(texts),
        evidence=draw(digests),
        slice=draw(digests),
        seen=draw(several(texts)),
        difference=draw(st.one_of(st.none(), st.floats(0, math.inf, exclude_max=True))),
        variant=draw(choices) if effect is Effect.VARIANT else {},
    )
