"""A head run on inputs: which of the rules make what it takes, and which field of its output its task reads."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from huggingface_hub.errors import StrictDataclassError

from ipfs_accelerate_generator.survey.inputs import choices, embedded, make, makeable, narrower, wider
from ipfs_accelerate_generator.survey.pictured import placeholders
from ipfs_accelerate_generator.survey.shape import Shape
from ipfs_accelerate_generator.survey.subject import Candidate, NoInput, SurveyError

TOKENS: Final = (12, 7)
"""Every head runs at both lengths, so that nothing fixed to the first goes unseen."""
MOST_TRIES: Final = 24
"""How many combinations of rules a head is given; those of the usual shapes come first."""

FOREIGN: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    OSError,
    RuntimeError,
    StrictDataclassError,
    TypeError,
    ValueError,
)
"""What a model class raises when it cannot be built or run; anything else ends the process and is a crash."""

# A layer refuses a tensor and says which size it has and which it wants, along the last axis or that of channels.
_REFUSALS: Final = (
    (r"mat1 and mat2 shapes cannot be multiplied \(\d+x(?P<has>\d+) and (?P<wants>\d+)x\d+\)", -1),
    (
        r"normalized_shape=\[(?P<wants>\d+)\], expected input with shape .* input of size\[[\d, ]*?(?P<has>\d+)\]",
        -1,
    ),
    (r"expected input\[[\d, ]+\] to have (?P<wants>\d+) channels, but got (?P<has>\d+) channels", 1),
)


@dataclass(frozen=True)
class Feed:
    """What a head takes: the inputs, made for `shape`, and what comes of them."""

    names: tuple[str, ...]
    shape: Shape
    output: str
    tried: tuple[str, ...] = ()
    """The combinations of rules before, and why they failed."""

    def made(self, **changes: Any) -> dict[str, Any]:
        """Return the inputs; `changes` are of the shape."""
        return make(self.names, replace(self.shape, **changes))


def forward(model: Any, inputs: Mapping[str, Any], method: str = "") -> dict[str, Any]:
    """Return the tensors of the output by field, in the order of the output class: real ones, if there are any.

    A tensor that is the whole output is called `tensor`, one of a tuple `item_0` and so on. What is drawn at random
    on the way is the same each time.
    """
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        output = getattr(model, method)(**inputs) if method else model(**inputs)
    found = {name: value for name, value in _fields(output) if torch.is_tensor(value) and value.numel()}
    real = {name: value for name, value in found.items() if value.is_floating_point()}
    return real or {name: value.float() for name, value in found.items()}


def _fields(output: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(output, "items"):
        for name, value in output.items():
            yield str(name), value
    elif isinstance(output, (tuple, list)):
        for place, value in enumerate(output):
            yield f"item_{place}", value
    else:
        yield "tensor", output


def settled(candidate: Candidate, model: Any, names: tuple[str, ...]) -> Feed:
    """Return the first way to feed the head that works at every length, and what the ways before it said.

    First the usual rules for `names`, then each other rule, the fewest changes first; then with all that the signature
    offers, without masks that it does not require, and with vectors instead of ids.

    Raises:
        SurveyError: there is none; the message is that of the usual way.
    """
    failures: dict[str, SurveyError] = {}
    more = wider(candidate, names)
    for wanted in dict.fromkeys(
        (names, more, narrower(candidate, names), embedded(candidate, names), embedded(candidate, more))
    ):
        if wanted != names and not failures:
            break
        for chosen in _combinations(wanted):
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


def _combinations(names: tuple[str, ...]) -> Iterator[Mapping[str, int]]:
    """Yield which rule makes each of `names`, those with the fewest and nearest changes first."""
    counts = [
        len(choices(name, names)) if makeable(name) else 1 for name in names
    ]  # else it says so when made
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
    return (
        message.startswith(("ImportError", "ModuleNotFoundError"))
        or "Config' object has no attribute" in message
    )


def _run(candidate: Candidate, model: Any, names: tuple[str, ...], chosen: Mapping[str, int]) -> Feed:
    """Return the inputs that the head needed and the field that the task reads: the first that is no loss.

    Of one tower it is the vector that is compared with the other's. An optional input that the model asks for by name
    is fed as well, and a tensor that a layer refuses is made again with the size that it asks for.
    """
    import torch

    signature = tuple(inspect.signature(candidate.call).parameters)
    sizes: dict[str, dict[int, int]] = {}
    shape, found = None, None
    for tokens in TOKENS:
        outputs = None
        while outputs is None:
            try:
                shape = shaped(
                    candidate.task,
                    model,
                    names,
                    Shape(candidate.task, model.config, tokens, chosen=chosen, sizes=sizes),
                )
                inputs = make(names, shape)
                outputs = forward(model, inputs, candidate.method)
            except NoInput:
                raise
            except FOREIGN as error:
                if fits := _fitted(str(error), names, shape, sizes):
                    sizes = fits
                    continue
                if (wanted := _asked_for(str(error), model, names, signature)) is None:
                    raise SurveyError(first_line(error)) from error
                names = tuple(name for name in signature if name in (*names, wanted))
        found = next((name for name in outputs if name != "loss"), None)
        if candidate.task == "time-series-prediction":  # what was computed on the way may come before it
            found = next((name for name in outputs if "prediction" in name), found)
        if candidate.method and "pooler_output" in outputs:
            found = "pooler_output"
        if found is None or not found.isidentifier():
            raise SurveyError("its output has no named tensor")
        if not torch.isfinite(outputs[found]).all():
            raise SurveyError(f"{found} is not finite")
    assert found is not None  # TOKENS is not empty
    first = Shape(candidate.task, model.config, TOKENS[0], chosen=chosen, sizes=sizes)
    return Feed(names, shaped(candidate.task, model, names, first), found)


def shaped(task: str, model: Any, names: tuple[str, ...], shape: Shape) -> Shape:
    """Return what inputs are made for, with as many tokens for a picture as the model has vectors of it."""
    return replace(shape, pictured=placeholders(model, make(names, shape)))


def _asked_for(message: str, model: Any, names: tuple[str, ...], signature: tuple[str, ...]) -> str | None:
    words = re.findall(r"\w+", message)
    if getattr(model.config, "is_encoder_decoder", False):  # a decoder without input says no more than that
        words.append("decoder_input_ids")
    wanted = (name for name in signature if name in words and name not in names and makeable(name))
    return next(wanted, None)


def _fitted(
    message: str, names: tuple[str, ...], shape: Shape | None, sizes: Mapping[str, Mapping[int, int]]
) -> dict[str, dict[int, int]] | None:
    """Return `sizes` with the one that a layer asked for, of the one input that has another; None without such."""
    if shape is None:
        return None
    made = make(names, shape)
    for pattern, axis in _REFUSALS:
        if (said := re.search(pattern, message, re.DOTALL)) is None:
            continue
        has, wants = int(said["has"]), int(said["wants"])
        for name, tensor in made.items():
            if not tensor.is_floating_point() or tensor.dim() < 2 or name in sizes:
                continue
            for place in dict.fromkeys((axis % tensor.dim(), tensor.dim() - 1)):
                if tensor.shape[place] == has:
                    return {**{key: dict(value) for key, value in sizes.items()}, name: {place: wants}}
    return None


def first_line(error: BaseException) -> str:
    """Return the class and first line of what went wrong, short enough for a table."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
