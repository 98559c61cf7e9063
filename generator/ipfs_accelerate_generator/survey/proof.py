"""A head built from a tiny configuration and run: what comes out, and whether what goes in matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ipfs_accelerate_generator.planned import GENERATING, TEXT_TENSORS
from ipfs_accelerate_generator.spec import FUSED
from ipfs_accelerate_generator.survey import answers, behind, fused, given, packed, readings
from ipfs_accelerate_generator.survey.building import built, named_as, weighs_labels
from ipfs_accelerate_generator.survey.changes import change, unmasked
from ipfs_accelerate_generator.survey.company import spoilt
from ipfs_accelerate_generator.survey.described import described
from ipfs_accelerate_generator.survey.foreign import FOREIGN
from ipfs_accelerate_generator.survey.inputs import fed, make
from ipfs_accelerate_generator.survey.pictured import SEEN, image_token
from ipfs_accelerate_generator.survey.resized import resized
from ipfs_accelerate_generator.survey.rules.table import LITERAL, SOUNDS
from ipfs_accelerate_generator.survey.running import Feed, forward, settled
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.stages import all_stages
from ipfs_accelerate_generator.survey.subject import Candidate, SurveyError
from ipfs_accelerate_generator.survey.tables import LABELS, OTHER_LABELS
from ipfs_accelerate_generator.tensor import Tensor
from ipfs_accelerate_generator.values import SpecError, Value
from ipfs_accelerate_py.evidence.comparison import TOLERANCE
from ipfs_accelerate_py.evidence.writing import awake

WRITING: Final = GENERATING | {"automatic-speech-recognition"}
"""Tasks that are answered token by token."""

# What a class says that is one half of its type, and what its configuration has to say then.
_ASKED: Final[Mapping[str, Mapping[str, Value]]] = {
    "is_decoder=True": {"is_decoder": True},
    "only supports encoder-only": {"is_encoder_decoder": False},
}
_PICTURES: Final = frozenset({"pixel_values", "pixel_mask"})
_DIMENSIONS: Final = 4  # batch, channels, height, width; frames have one more
_WIDER = 2  # times the width: another shape, and still whole patches


@dataclass(frozen=True)
class Proof:
    """What running one head showed."""

    inputs: tuple[str, ...]
    output: str
    config: dict[str, Value] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    pooling: str = ""
    pictures: str = ""
    """How the pictures in a text lie, as `Head.pictures` says it."""
    apart: bool = False
    """Whether rows of unequal length spoil each other, as `Head.apart` says it."""
    attention: str = ""
    """The implementation of attention that its class has to be loaded with, as `Head.attention` says it."""
    drawn: bool = False
    """Whether what it draws at random shows in its output, as `Head.drawn` says it."""
    also: tuple[str, ...] = ()
    """The fields of an answer beside `output`, as `Head.also` says it."""
    control: float = 0.0
    """The least that another input, or an ignored mask, changed, relative to the largest value."""
    feed: Feed | None = None
    """How its inputs were made."""


def prove(candidate: Candidate, config: Any, arguments: dict[str, Any], returned: tuple[str, ...]) -> Proof:
    """Return what the head does when built from `config(**arguments)`.

    A head that fails while its backbone gives one feature map is tried with those of all stages, which then belong to
    its configuration: one that draws masks needs the finer ones. One that says which half of its type it is has that
    in its configuration.

    One that runs with fused attention alone, or has to be fed otherwise without it, is run with that.

    Raises:
        SurveyError: it cannot be built or run; the message is the model's own first line.
    """
    try:
        proof = _staged(candidate, config, arguments, returned)
    except SurveyError as error:
        if not fused.doubtful([str(error)]):
            raise
        return _staged(fused.otherwise(candidate), config, arguments, returned)
    assert proof.feed is not None  # a head that was run was fed
    if fused.doubtful(proof.feed.tried):
        with suppress(SurveyError):
            other = _staged(fused.otherwise(candidate), config, arguments, returned)
            return other if other.feed and not fused.doubtful(other.feed.tried) else proof
    return proof


def _staged(candidate: Candidate, config: Any, arguments: dict[str, Any], returned: tuple[str, ...]) -> Proof:
    try:
        return _labelled(candidate, config, arguments, returned)
    except SurveyError as error:
        told = next((fields for said, fields in _ASKED.items() if said in str(error)), {})
        if not (asked := {**told} or all_stages(config, arguments)):
            raise
        proof = _labelled(candidate, config, arguments | asked, returned)
        return replace(proof, config=proof.config | asked)


def _labelled(
    candidate: Candidate, config: Any, arguments: dict[str, Any], returned: tuple[str, ...]
) -> Proof:
    if weighs_labels(candidate, config, arguments):
        try:
            return _prove(candidate, config, arguments, returned, LABELS.get(candidate.task, OTHER_LABELS))
        except SurveyError:
            # Question answering counts its two ends as labels: it works with its own number only.
            return _prove(candidate, config, arguments, returned, ())
    return _prove(candidate, config, arguments, returned, ())


def _prove(
    candidate: Candidate,
    config: Any,
    arguments: dict[str, Any],
    returned: tuple[str, ...],
    labels: tuple[str, ...],
) -> Proof:
    from torch import nn

    if labels:
        arguments = arguments | {"num_labels": len(labels)}
    if candidate.call is nn.Module.forward:
        raise SurveyError(f"{candidate.model.__name__} has no forward: it generates, and does nothing else")
    model = built(candidate, config, arguments)
    feed = readings.with_noise(candidate, model, settled(candidate, model, fed(candidate, returned)))
    feed = behind.read_behind(candidate, model, feed)
    if misfits := given.misfits(_read(candidate, model, feed), _seeing_all(feed.made())):
        with suppress(SurveyError):  # it requires them
            feed = settled(candidate, model, tuple(name for name in feed.names if name not in misfits))
    if _masked(feed) and (unread := _unread(candidate, model, feed)):
        feed = settled(candidate, model, tuple(name for name in feed.names if name not in unread))
    extra = named_as(candidate, model)
    if candidate.task == "text-generation" and not _causal(model, feed):
        if "is_decoder" not in vars(model.config):
            raise SurveyError(
                "a later token changes an earlier result, and there is no is_decoder to prevent it"
            )
        extra["is_decoder"] = True
        model = built(candidate, config, arguments | extra)
        if not _causal(model, feed):
            raise SurveyError("a later token changes an earlier result, even with is_decoder = true")
    return Proof(
        tuple(feed.made()),
        feed.output,
        extra,
        labels,
        readings.pooling(candidate, model, feed),
        readings.pictures(model, feed),
        spoilt(candidate, model, feed),
        drawn=readings.drawn(candidate, model, feed),
        also=answers.beside(candidate, model, feed),
        control=_control(candidate, model, feed),  # before the model is changed
        attention=_attention(candidate, model, feed, built(candidate, config, arguments | extra, usual=True)),
        feed=feed,
    )


def reads(
    candidate: Candidate, config: Any, arguments: dict[str, Any], names: tuple[str, ...], tokens: int
) -> bool:
    """Whether the head, built from `config(**arguments)`, takes this many tokens."""
    model = built(candidate, config, arguments)
    try:
        inputs = make(names, Shape(candidate.task, model.config, tokens, batch=candidate.batch))
        if "attention_mask" in inputs:  # padding has no place, so that more of it would be taken
            inputs["attention_mask"].fill_(1)
        forward(model, inputs)
    except FOREIGN:
        return False
    return True


def arrays(
    candidate: Candidate, config: Any, arguments: dict[str, Any], proof: Proof, *, texts: bool = False
) -> tuple[tuple[Tensor, ...], bool]:
    """Return the inputs of a head as a spec holds them, and whether they are a whole call, not rows that stand alone.

    The head is built from `config(**arguments)` and what `proof` says that it needs beside. With `texts` what a
    tokenizer makes is among them.
    """
    labels = {"num_labels": len(proof.labels)} if proof.labels else {}
    model = given.booked(
        built(fused.otherwise(candidate, proof.attention), config, arguments | proof.config | labels)
    )
    if texts or candidate.task in GENERATING or "input_ids" in proof.inputs:
        model = awake(model)
    assert proof.feed is not None  # a head that was run was fed
    read, made = _read(candidate, model, proof.feed), proof.feed.made()
    whole = given.whole(read, made)
    if whole and candidate.task in WRITING and (names := packed.inputs(read, proof.feed)):
        return (
            given.told(packed.tensors(proof.feed, names), given.idle(read, made, proof.feed.made(seed=1))),
            False,
        )
    found = _tensors(candidate, model, proof.feed, whole, texts=texts)
    return found, whole and bool(found)


def _stands(feed: Feed, model: Any) -> bool:
    """Whether the text of `feed` has tokens that stand for a picture."""
    ids, token = feed.made().get("input_ids"), image_token(model.config)
    return ids is not None and token is not None and bool((ids == token).any())


def _tensors(candidate: Candidate, model: Any, feed: Feed, whole: bool, *, texts: bool) -> tuple[Tensor, ...]:
    """Return the inputs with the axes that were run at another size."""
    # Other ids would have too few of the tokens that stand for parts of something else.
    literal = LITERAL | {"input_ids"} if feed.shape.placed or _stands(feed, model) else LITERAL
    more: dict[str, Any] | None = feed.made(batch=feed.shape.batch + 1)
    try:
        forward(model, more or {}, candidate.method)
    except FOREIGN:
        more = None
    try:
        longer = resized(candidate, model, feed)
        tensors = described(feed.made(), longer, more, whole=whole, literal=literal, texts=texts)
        if not _takes_any_ids(candidate, model, feed, tensors):
            literal |= {"input_ids"}
            tensors = described(feed.made(), longer, more, whole=whole, literal=literal, texts=texts)
    except SpecError:  # more numbers than a spec holds
        return ()
    sized = given.sized(tensors, lambda config: feed.made(config=config), feed.shape.config)
    return given.told(sized, given.idle(_read(candidate, model, feed), feed.made(), feed.made(seed=1)))


def _takes_any_ids(candidate: Candidate, model: Any, feed: Feed, tensors: tuple[Tensor, ...]) -> bool:
    """Whether ids drawn as `tensors` say are taken: a class that reads the end of a text wants one in each."""
    import torch

    about = next((each for each in tensors if each.name == "input_ids" and not each.values), None)
    if about is None:
        return True
    drawn = torch.Generator().manual_seed(0)
    ids = torch.randint(about.low, about.high, about.shape, generator=drawn)
    try:
        forward(model, feed.made() | {"input_ids": ids}, candidate.method)
    except FOREIGN:
        return False
    return True


def misread(candidate: Candidate, config: Any, arguments: dict[str, Any], proof: Proof) -> bool:
    """Whether the head, built from `config(**arguments)`, wants or gives something else than templates know."""
    assert proof.feed is not None  # a head that was run was fed
    model = built(fused.otherwise(candidate, proof.attention), config, arguments | proof.config)
    return readings.misread(candidate, model, proof.feed)


def _read(candidate: Candidate, model: Any, feed: Feed) -> Callable[[Mapping[str, Any]], Any]:
    """Return the function from inputs to what is read of the output."""
    return lambda inputs: forward(model, inputs, candidate.method)[feed.output]


def sees_any_size(candidate: Candidate, config: Any, arguments: dict[str, Any], proof: Proof) -> bool:
    """Whether the head, built from `config(**arguments)`, takes pictures alone, and those of another size, too.

    Many towers of patches fit their positions to the picture at hand; the size in their configuration is the one that
    they learned with.
    """
    import torch

    if not _PICTURES.issuperset(proof.inputs):
        return "pixel_values" not in proof.inputs
    try:
        model = built(fused.otherwise(candidate, proof.attention), config, arguments | proof.config)
        inputs = proof.feed.made() if proof.feed else {}
        larger = {name: torch.cat([each] * _WIDER, dim=-1) for name, each in inputs.items()}
        forward(model, larger, candidate.method)
    except (*FOREIGN, SurveyError):
        return False
    return bool(inputs["pixel_values"].dim() == _DIMENSIONS)


# --- what it shows


def _causal(model: Any, feed: Feed) -> bool:
    """Whether a changed last token leaves the results at earlier places as they were."""
    inputs = feed.made(pictured=0)
    if "input_ids" not in inputs:
        return True
    if "attention_mask" in inputs:  # what comes out at padding would depend on everything
        inputs["attention_mask"].fill_(1)
    ids = inputs["input_ids"].clone()
    ids[:, -1] = ids[:, 0].where(ids[:, 0] != ids[:, -1], ids[:, 1])
    before = forward(model, inputs)[feed.output]
    after = forward(model, inputs | {"input_ids": ids})[feed.output]
    return bool((before - after)[:, :-1].abs().max() <= 1e-4 * before.abs().max())


def _masked(feed: Feed) -> bool:
    """Whether the head is fed pictures alone, or texts alone whose mask says which tokens there are."""
    if _PICTURES.issuperset(feed.names):
        return True
    return {"input_ids", "attention_mask"} <= {*feed.names} <= {*TEXT_TENSORS}


def _unread(candidate: Candidate, model: Any, feed: Feed) -> tuple[str, ...]:
    """Return the masks of pictures, or of a text, that the class takes and does not read: none need be made."""
    found = given.idle(_read(candidate, model, feed), feed.made(), feed.made(seed=1))
    return tuple(name for name in found if name.endswith("mask"))


def _seeing_all(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs whose masks hide nothing."""
    return {name: each.clone().fill_(1) if given.hides(name) else each for name, each in made.items()}


def _attention(candidate: Candidate, model: Any, feed: Feed, usual: Any) -> str:
    """Return "eager" if the `usual` model, of the same weights, gives other numbers than `model`, with open gates."""
    if candidate.attention == FUSED:
        return FUSED
    model, usual, made = awake(model), awake(usual), feed.made()
    for inputs in (made, _seeing_all(made)):
        want = forward(model, inputs, candidate.method)[feed.output]
        try:
            found = forward(usual, inputs, candidate.method)[feed.output]
        except FOREIGN:
            return "eager"
        if change(want, found, inputs) > TOLERANCE:
            return "eager"
    return ""


def _control(candidate: Candidate, model: Any, feed: Feed) -> float:
    """Return the least relative change of the output: with other inputs, and with the mask ignored."""
    inputs = feed.made()

    def read(each: dict[str, Any]) -> Any:
        return forward(model, each, candidate.method)[feed.output]

    before, again = read(inputs), read(inputs)
    if before.shape != again.shape or bool((before != again).any()):
        raise SurveyError("its output differs from run to run, with the same seed, too")
    others = feed.made(seed=1)
    changes = [change(before, read(others), inputs)]
    for count, names in ((feed.shape.pictured, SEEN), (feed.shape.spoken, SOUNDS)):
        if count:  # and the pictures alone, and the sounds
            alone = {name: others[name] for name in inputs if name in names}
            changes.append(change(before, read(inputs | alone), inputs))
    if "attention_mask" in inputs and "input_ids" in inputs:
        # To a causal model padding at the right is nothing, so the side where the mask matters counts.
        left = feed.made(left=not feed.shape.left)
        sides = [(before, inputs), (read(left), left)]
        changes.append(max(change(found, read(unmasked(side)), side) for found, side in sides))
    return min(changes)


def printable(text: str) -> str:
    """Return `text` on one line and short enough for a file, as the texts of a spec have to be."""
    line = "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
    return line if len(line) <= 400 else f"{line[:397]}..."
