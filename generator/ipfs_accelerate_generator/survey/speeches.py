"""Heads of classes that have no forward: they are run as they are used, by generating, briefly and always alike."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ipfs_accelerate_generator.spec import Head
from ipfs_accelerate_generator.survey import conversations
from ipfs_accelerate_generator.survey.building import built
from ipfs_accelerate_generator.survey.changes import change
from ipfs_accelerate_generator.survey.foreign import FOREIGN, first_line
from ipfs_accelerate_generator.survey.proof import Proof
from ipfs_accelerate_generator.survey.report import LEAST_CONTROL
from ipfs_accelerate_generator.survey.subject import Candidate, SurveyError
from ipfs_accelerate_generator.tensor import Tensor
from ipfs_accelerate_generator.values import Value
from ipfs_accelerate_py.evidence.speeches import speaking
from ipfs_accelerate_py.evidence.writing import awake
from ipfs_accelerate_py.skills.speeches import addressed

OUTPUT: Final = "waveform"
_OTHERS: Final = (1, 2, 3, 4)  # seeds
_TOKENS: Final = "_token_id", "_token_index"
_BRIEF: Final[Mapping[str, Mapping[str, Value]]] = {
    "semantic": {"semantic_max_new_tokens": 6, "do_sample": False, "fine_temperature": 1.0},
    "thinker": {
        "thinker_max_new_tokens": 5,
        "thinker_do_sample": False,
        "talker_max_new_tokens": 8,
        "talker_do_sample": False,
    },
}
"""What `generate` is told so that it answers briefly and with the likeliest, by the name of the part that begins."""


@dataclass(frozen=True)
class Speech(Proof):
    """What generating with one class showed."""

    tensors: tuple[Tensor, ...] = ()
    generation: Mapping[str, Value] | None = None


def tied(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `arguments` of a configuration with one id for what its parts call by one name: the first's.

    The parts of a whole read each other's texts.
    """
    known: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for key, value in arguments.items():
        if not isinstance(value, Mapping):
            made[key] = value
            continue
        ids = {name: each for name, each in value.items() if name.endswith(_TOKENS)}
        made[key] = {**value, **{name: known.get(name, each) for name, each in ids.items()}}
        known = {**ids, **known}
    return made


def prove(candidate: Candidate, config: Any, arguments: dict[str, Any]) -> Speech:
    """Return what the head does when built from `config(**arguments)`.

    Raises:
        SurveyError: it cannot be built or run, or what it is given does not matter.
    """
    model = built(candidate, config, arguments)
    first, _ = next(iter(model.named_children()))
    if first not in _BRIEF:
        raise SurveyError(f"nobody knows what {candidate.model.__name__} is told so that it answers briefly")
    generation = {**_BRIEF[first], **_voice(candidate)}
    model = speaking(awake(model), generation)
    try:
        return _proved(
            model, generation, () if candidate.task.startswith("text-to-") else conversations.CARRYING
        )
    except FOREIGN as error:
        if candidate.task.startswith("text-to-"):
            raise SurveyError(first_line(error)) from error
    try:  # what is seen and what is heard, each by itself
        seen = _proved(model, generation, conversations.SEEN)
        heard = _proved(model, generation, conversations.HEARD)
    except FOREIGN as error:
        raise SurveyError(first_line(error)) from error
    return _joined(seen, heard)


def _proved(model: Any, generation: Mapping[str, Value], kinds: Collection[str]) -> Speech:
    usual, more = (conversations.made(model, kinds, size=size) for size in (1, 2))
    right, again, longer = (sound(model, each, generation) for each in (usual, usual, more))
    if right.shape != again.shape or bool((right != again).any()):
        raise SurveyError("its output differs from run to run, with the same seed, too")
    if not bool(right.isfinite().all() and longer.isfinite().all()):
        raise SurveyError(f"{OUTPUT} is not finite")
    others = [conversations.made(model, kinds, seed=seed) for seed in _OTHERS]
    carrying = [name for name in usual if name in conversations.CARRYING]
    return Speech(
        inputs=tuple(usual),
        output=OUTPUT,
        control=min(
            _moved(right, ({**usual, name: each[name]} for each in others), model, generation)
            for name in carrying
        ),
        tensors=conversations.described(usual, more, model),
        generation=generation,
    )


def _moved(
    right: Any, changed: Iterable[Mapping[str, Any]], model: Any, generation: Mapping[str, Value]
) -> float:
    """Return how far the sound moves from the `right` one with what is `changed`: the first of it that moves it far.

    What is said is chosen, and one other word may well leave every choice as it was.
    """
    most = 0.0
    for each in changed:
        most = max(most, change(right, sound(model, each, generation), {}))
        if most >= LEAST_CONTROL:
            break
    return most


def _joined(seen: Speech, heard: Speech) -> Speech:
    """Return what is known of a class that takes what is heard in place of what is seen.

    The text with the one is the first sample, that with the other the second.
    """
    texts = {each.name: each for each in heard.tensors}
    known = {each.name for each in seen.tensors}

    def told(each: Tensor) -> Tensor:
        if each.name not in texts:
            return replace(each, other_shape=(), other_values=[])
        other = texts[each.name]
        return replace(each, other_shape=other.shape, other_values=other.values)

    apart = (
        replace(each, other_shape=(), other_values=[], apart=True)
        for each in heard.tensors
        if each.name not in known
    )
    tensors = (*map(told, seen.tensors), *apart)
    return replace(
        seen,
        inputs=tuple(each.name for each in tensors),
        control=min(seen.control, heard.control),
        tensors=tensors,
    )


def sound(model: Any, made: Mapping[str, Any], generation: Mapping[str, Any]) -> Any:
    """Return the samples that `model` generates after what is `made`."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        found = model.generate(**addressed({**made, **generation}))
    return (found[1] if isinstance(found, tuple) else found).float().reshape(-1)


def _voice(candidate: Candidate) -> dict[str, Value]:
    """Return whose voice speaks where nobody says, if the class has several."""
    speaker = inspect.signature(candidate.call).parameters.get("speaker")
    return {} if speaker is None else {"speaker": speaker.default}


def with_tensors(head: Head, proof: Speech) -> Head:
    """Return `head` with the arrays that it is given: a whole call, for one text is answered by one sound."""
    return replace(head, tensors=proof.tensors, whole=True, generation=dict(proof.generation or {}))
