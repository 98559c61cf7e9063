"""A head run on inputs: which of the rules make what it takes, and which field of its output its task reads."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import shown, spoken, structured
from ipfs_accelerate_generator.survey.foreign import FOREIGN, first_line
from ipfs_accelerate_generator.survey.inputs import (
    choices,
    either,
    embedded,
    make,
    makeable,
    seeing,
    ways,
    wider,
)
from ipfs_accelerate_generator.survey.keywords import handed_on
from ipfs_accelerate_generator.survey.narrowed import narrower
from ipfs_accelerate_generator.survey.nested import items_of, named_in, of_parts
from ipfs_accelerate_generator.survey.pictured import PROCESSED, placeholders, towered
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.subject import Candidate, NoInput, SurveyError
from ipfs_accelerate_generator.survey.targets import decoded
from ipfs_accelerate_py.evidence.comparison import TOLERANCE

TOKENS: Final = (12, 7)
"""Every head runs at both lengths, so that nothing fixed to the first goes unseen."""
MOST_TRIES: Final = 16
"""How many combinations of rules a head is given; those of the usual shapes come first."""

MOST_FITTED: Final = 4096
"""What is longer is no vector: it counts samples, and a layer that refuses it takes no samples at all."""

# A layer refuses a tensor and says which size it has and which it wants, along the last axis or that of channels.
_REFUSALS: Final = (
    (r"mat1 and mat2 shapes cannot be multiplied \(\d+x(?P<has>\d+) and (?P<wants>\d+)x\d+\)", -1),
    (
        r"normalized_shape=\[(?P<wants>\d+)\], expected input with shape .* input of size\[[\d, ]*?(?P<has>\d+)\]",
        -1,
    ),
    (r"expected input\[[\d, ]+\] to have (?P<wants>\d+) channels, but got (?P<has>\d+) channels", 1),
)


_VECTORS: Final = ("last_hidden_state", "pooler_output")
_MISSES: Final = re.compile(r"features and \w+ tokens do not match")


@dataclass(frozen=True)
class Feed:
    """What a head takes: the inputs, made for `shape`, and what comes of them."""

    names: tuple[str, ...]
    shape: Shape
    output: str
    tried: tuple[str, ...] = ()
    """The combinations of rules before, and why they failed."""

    @property
    def coded(self) -> bool:
        """Whether its ids are codes of several books: by another rule than that of a text's."""
        return "input_ids" in self.names and bool(self.shape.chosen.get("input_ids"))

    def made(self, **changes: Any) -> dict[str, Any]:
        """Return the inputs; `changes` are of the shape."""
        return make(self.names, replace(self.shape, **changes))


def forward(model: Any, inputs: Mapping[str, Any], method: str = "", *, seed: int = 0) -> dict[str, Any]:
    """Return the tensors of the output by field, in the order of the output class: real ones, if there are any.

    A tensor that is the whole output is called `tensor`, one of a tuple `item_0` and so on; `maps_0` is the first of a
    tuple in the field `maps`, of an output that has none outside of tuples; `decoder__logits` is one of the output of a
    part, in the field `decoder`, where all tensors are in such: the last part first, as it is made of the others.
    What is drawn at random on the way is the same each time for one `seed`.
    """
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        output = structured.called(model, inputs, method)
    fields = dict(named_in(output))
    inner = {f"{name}_{place}": item for name, value in fields.items() for place, item in items_of(value)}
    parts = of_parts(fields)
    for some in (fields, inner, parts):
        found = {name: value for name, value in some.items() if torch.is_tensor(value) and value.numel()}
        if real := {name: value for name, value in found.items() if value.is_floating_point()}:
            return real
    return {name: value.float() for name, value in (fields | inner).items() if torch.is_tensor(value)}


def settled(candidate: Candidate, model: Any, names: tuple[str, ...]) -> Feed:
    """Return the first way to feed the head that works at every length, and what the ways before it said.

    First the usual rules for `names`, then each other rule, the fewest changes first; then with all that the signature
    offers, without masks that it does not require, with vectors instead of ids, with one of several sounds, with what
    its layers alone take, and with pictures beside.

    Raises:
        SurveyError: there is none; the message is that of the usual way.
    """
    failures: dict[str, SurveyError] = {}
    more = wider(candidate, names)
    for wanted in dict.fromkeys(
        (
            decoded(candidate, names),
            names,
            more,
            *(narrower(candidate, each) for each in (names, more)),
            *(embedded(candidate, each) for each in (names, more)),
            *either(candidate, names),
            embedded(candidate, narrower(candidate, more)),
            handed_on(candidate, model, names),
            seeing(candidate, names),
        )
    ):
        if wanted not in (names, decoded(candidate, names)) and not failures:
            break
        for chosen in _combinations(wanted, model):
            try:
                found = _run(candidate, model, wanted, chosen)
            except NoInput as error:
                failures.setdefault(_described(candidate, wanted, chosen), error)
                break
            except SurveyError as error:
                failures.setdefault(_described(candidate, wanted, chosen), error)
                if _beyond_inputs(str(error)):
                    raise
            else:
                return replace(found, tried=tuple(f"{way}: {why}" for way, why in failures.items()))
    first = next(iter(failures.values()))
    others = f" ({len(failures) - 1} other ways to make its inputs fail, too)" if len(failures) > 1 else ""
    raise SurveyError(f"{first}{others}") from first


def _combinations(names: tuple[str, ...], model: Any) -> Iterator[Mapping[str, int]]:
    """Yield which rule makes each of `names`, those with the fewest and nearest changes first."""
    counts = [ways(name, names, model.config, formed=towered(model)) for name in names]
    places = sorted(itertools.islice(itertools.product(*map(range, counts)), 5000), key=sum)
    for place in places[:MOST_TRIES]:
        yield {name: at for name, at in zip(names, place, strict=True) if at}


def _described(candidate: Candidate, names: tuple[str, ...], chosen: Mapping[str, int]) -> str:
    told = [
        f"{name} as {choices(name, names)[at].__name__.strip('_').replace('_', ' ')}"
        for name, at in chosen.items()
    ]
    return f"{candidate.task} with {', '.join(told or ('the usual',))} of {', '.join(names)}"


def _beyond_inputs(message: str) -> bool:
    """Whether no other inputs can help: a library is missing, or the configuration lacks a field."""
    return message.startswith("needs ") or "Config' object has no attribute" in message


@dataclass(frozen=True)
class _Told:
    """What a head is to be fed with: told beforehand, and by messages of its own."""

    names: tuple[str, ...]
    sizes: Mapping[str, Mapping[int, int]]
    """Sizes that a layer asked for, by input and axis."""
    spoken: int = 0
    """How many tokens of each text the model wants to stand for its sound; 0 says that it did not say."""


def _run(candidate: Candidate, model: Any, names: tuple[str, ...], chosen: Mapping[str, int]) -> Feed:
    """Return the inputs that the head needed and the field that the task reads: the first that is no loss.

    Of one tower it is the vector that is compared with the other's. An optional input that the model asks for by name
    is fed as well, and a tensor that a layer refuses is made again with the size that it asks for.
    """
    import torch

    told, form, found = _Told(names, {}), "", None
    for tokens in TOKENS:
        outputs = None
        while outputs is None:
            plain = Shape(candidate.task, model.config, tokens, chosen=chosen, batch=candidate.batch)
            answer = _answered(candidate, model, told, plain)
            if isinstance(answer, _Told):
                told = answer
            else:
                form, outputs = answer
        found = _read(candidate.task, outputs)
        if candidate.method and "pooler_output" in outputs:
            found = "pooler_output"
        if found is None or not found.isidentifier():
            raise SurveyError("its output has no named tensor")
        if not torch.isfinite(outputs[found]).all():
            raise SurveyError(f"{found} is not finite")
    assert found is not None  # TOKENS is not empty
    usual = Shape(candidate.task, model.config, TOKENS[0], chosen=chosen, batch=candidate.batch)
    first = replace(usual, sizes=told.sizes, spoken=told.spoken)
    feed = Feed(
        told.names, next(each for each in _shapes(model, told.names, first) if each.form == form), found
    )
    return replace(feed, output=_moved(candidate, model, feed))


def _moved(candidate: Candidate, model: Any, feed: Feed) -> str:
    """Return the field that is read of the output: another one if it says nothing, or not always the same.

    Some classes give what they have learned, such as points to begin with, before what they made of the inputs; some
    give vectors in an order that they draw, before the one that they make of all; and some give back what they were
    given, with which everything agrees.
    """
    made = feed.made()
    outputs = forward(model, made, candidate.method)
    try:
        others = forward(model, feed.made(seed=1), candidate.method)
        again = forward(model, made, candidate.method, seed=1)
    except FOREIGN:
        return feed.output
    moving = [
        name
        for name, value in outputs.items()
        if name != "loss"
        and name.isidentifier()
        and _change(value, others.get(name)) > 0
        and all(_change(value, given) > 0 for given in made.values())
    ]
    steady = [name for name in moving if _change(outputs[name], again.get(name)) <= TOLERANCE]
    if not moving or feed.output in steady:
        return feed.output
    if feed.output in moving:
        return next((name for name in _VECTORS if name in steady), feed.output)
    return "last_hidden_state" if "last_hidden_state" in moving else moving[0]


def _change(before: Any, after: Any) -> float:
    """Return how far `after` is from `before`, relative to its largest value."""
    if after is None or after.shape != before.shape:
        return float("inf")
    return float((after - before).abs().max() / before.abs().max().clamp(min=1e-12))


def _answered(
    candidate: Candidate, model: Any, told: _Told, plain: Shape
) -> _Told | tuple[str, dict[str, Any]]:
    """Return the form of pictures that the head takes and what it gives, or what it wants to be told as well.

    Raises:
        SurveyError: it takes none, and the message of the first does not say what it wants.
    """
    refused: list[BaseException] = []
    wanted = replace(plain, sizes=told.sizes, spoken=told.spoken)
    shape = replace(wanted, form=shown.FORMS[1] if {"input_ids", "pixel_values"} <= {*told.names} else "")
    try:
        for shape in _shapes(model, told.names, wanted):
            try:
                return shape.form, forward(model, make(told.names, shape), candidate.method)
            except NoInput:
                raise
            except FOREIGN as error:
                if more := _more(str(error), candidate, model, told, shape):
                    return more
                refused.append(error)
    except NoInput:
        raise
    except FOREIGN as error:
        if more := _more(str(error), candidate, model, told, shape, fit=isinstance(error, spoken.Unheard)):
            return more
        refused.append(error)
    raise SurveyError(first_line(refused[0])) from refused[0]


def _more(
    message: str, candidate: Candidate, model: Any, told: _Told, shape: Shape, *, fit: bool = True
) -> _Told | None:
    """Return `told` with what `message` asks for; None where it asks for nothing new.

    With `fit` it may be a size, which says nothing where a picture was not even in the right form.
    """
    signature = tuple(inspect.signature(candidate.call).parameters)
    if fit and (fits := _fitted(message, told.names, shape, told.sizes)):
        return replace(told, sizes=fits)
    if (wanted := _asked_for(message, model, told.names, signature)) is not None:
        beside = ("attention_mask",) if wanted == "input_ids" and _MISSES.search(message) else ()
        names = tuple(name for name in signature if name in (*told.names, wanted, *beside))
        return replace(told, names=names)
    if (missed := spoken.missed(message, shape)) not in (0, told.spoken):
        return replace(told, spoken=missed)
    return None


def _read(task: str, outputs: Mapping[str, Any]) -> str | None:
    """Return the first field that is no loss, and no hidden state where the task is about something else.

    Where it is about features, no points to begin with, either.
    """
    names = [name for name in outputs if name != "loss"]
    if task.endswith("feature-extraction"):
        names.sort(key=lambda name: name.endswith("reference_points"))
    else:
        names.sort(key=lambda name: name.endswith(("hidden_state", "hidden_states")))
    return names[0] if names else None


def _shapes(model: Any, names: tuple[str, ...], shape: Shape) -> Iterator[Shape]:
    """Yield what inputs are made for, with as many tokens for a picture or a sound as the model has vectors of it.

    Pictures in a text are tried in several forms; where the model refuses all, the first that could be made says why.
    """
    if "input_ids" not in names:
        yield shape
        return
    if "pixel_values" not in names:
        made = make(names, shape)
        yield replace(
            shape,
            pictured=placeholders(model, made),
            spoken=shape.spoken or spoken.placeholders(model, made),
        )
        return
    refused: list[BaseException] = []
    yielded = False
    for form in ("" if PROCESSED.isdisjoint(names) else shown.PROCESSOR, *shown.FORMS[1:]):
        formed = replace(shape, form=form)
        try:
            made = make(names, formed)
            seen = placeholders(model, made)
        except FOREIGN as error:
            refused.append(error)
            continue
        yielded = True
        yield replace(formed, pictured=seen, spoken=shape.spoken or spoken.placeholders(model, made))
        if not towered(model):
            return
    if not yielded:
        raise next((error for error in refused if not isinstance(error, NoInput)), refused[0])


def _asked_for(message: str, model: Any, names: tuple[str, ...], signature: tuple[str, ...]) -> str | None:
    words = re.findall(r"\w+", message)
    if "tokens" in words and _MISSES.search(message):  # of a text, for what is to stand in it
        words.append("input_ids")
    if getattr(model.config, "is_encoder_decoder", False):  # a decoder without input says no more than that
        words.append("decoder_input_ids")
    wanted = (name for name in signature if name in words and name not in names and makeable(name))
    return next(wanted, None)


def _fitted(
    message: str, names: tuple[str, ...], shape: Shape, sizes: Mapping[str, Mapping[int, int]]
) -> dict[str, dict[int, int]] | None:
    """Return `sizes` with the one that a layer asked for, of the one input that has another; None without such."""
    made = {
        name: tensor
        for name, tensor in make(names, shape).items()
        if tensor.is_floating_point() and tensor.dim() > 1 and name not in sizes
    }
    for pattern, axis in _REFUSALS:
        if (said := re.search(pattern, message, re.DOTALL)) is None:
            continue
        has, wants = int(said["has"]), int(said["wants"])
        if has > MOST_FITTED:
            continue
        places = [(name, axis % tensor.dim(), tensor.shape) for name, tensor in made.items()]
        places += [(name, tensor.dim() - 1, tensor.shape) for name, tensor in made.items()]
        for name, place, sizes_made in places:
            if sizes_made[place] == has:
                return _with(sizes, name, place, wants)
        for name, place, sizes_made in places:  # several vectors in a row, flattened into one
            size, rest = divmod(wants * sizes_made[place], has)
            if not rest and has % sizes_made[place] == 0 and len(sizes_made) == 3:
                return _with(sizes, name, place, size)
    return None


def _with(
    sizes: Mapping[str, Mapping[int, int]], name: str, place: int, size: int
) -> dict[str, dict[int, int]]:
    return {**{key: dict(value) for key, value in sizes.items()}, name: {place: size}}
