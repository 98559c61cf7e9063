"""A head built from a tiny configuration and run: what comes out, and whether what goes in matters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from huggingface_hub.errors import StrictDataclassError

from ipfs_accelerate_generator.survey import shown
from ipfs_accelerate_generator.survey.inputs import IMAGE_SIZES, Shape, fed, make, makeable, number
from ipfs_accelerate_generator.survey.pictured import GRIDS, PROCESSED, placeholders
from ipfs_accelerate_generator.survey.stages import all_stages
from ipfs_accelerate_generator.survey.subject import Candidate, NoInput, SurveyError
from ipfs_accelerate_generator.survey.tables import LABELS, OTHER_LABELS
from ipfs_accelerate_generator.values import Value

MOST_PARAMETERS: Final = 20_000_000
TOKENS: Final = (12, 7)
"""Every head runs at both lengths, so that nothing fixed to the first goes unseen."""

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
    control: float = 0.0
    """The least that another input, or an ignored mask, changed, relative to the largest value."""


def prove(candidate: Candidate, config: Any, arguments: dict[str, Any], returned: tuple[str, ...]) -> Proof:
    """Return what the head does when built from `config(**arguments)`.

    A head that fails while its backbone gives one feature map is tried with those of all stages, which then belong to
    its configuration: one that draws masks needs the finer ones.

    Raises:
        SurveyError: it cannot be built or run; the message is the model's own first line.
    """
    try:
        return _labelled(candidate, config, arguments, returned)
    except SurveyError:
        if not (whole := all_stages(config, arguments)):
            raise
        proof = _labelled(candidate, config, arguments | whole, returned)
        return replace(proof, config=proof.config | whole)


def _labelled(
    candidate: Candidate, config: Any, arguments: dict[str, Any], returned: tuple[str, ...]
) -> Proof:
    if _weighs_labels(candidate, config, arguments):
        try:
            return _prove(candidate, config, arguments, returned, LABELS.get(candidate.task, OTHER_LABELS))
        except (
            SurveyError
        ):  # question answering counts its two ends as labels: it works with its own number only
            return _prove(candidate, config, arguments, returned, ())
    return _prove(candidate, config, arguments, returned, ())


def _prove(
    candidate: Candidate,
    config: Any,
    arguments: dict[str, Any],
    returned: tuple[str, ...],
    labels: tuple[str, ...],
) -> Proof:
    if labels:
        arguments = arguments | {"num_labels": len(labels)}
    model = _built(candidate, config, arguments)
    names, output = _run(candidate, model, fed(candidate, returned))
    extra: dict[str, Value] = {}
    if candidate.task == "text-generation" and not _causal(model, names, output):
        if "is_decoder" not in vars(model.config):
            raise SurveyError(
                "a later token changes an earlier result, and there is no is_decoder to prevent it"
            )
        extra["is_decoder"] = True
        model = _built(candidate, config, arguments | extra)
        if not _causal(model, names, output):
            raise SurveyError("a later token changes an earlier result, even with is_decoder = true")
    pooling = _pooling(candidate, model, names, output)
    pictures = _pictures(candidate, model, names)
    return Proof(names, output, extra, labels, pooling, pictures, _control(candidate, model, names, output))


def reads(
    candidate: Candidate, config: Any, arguments: dict[str, Any], names: tuple[str, ...], tokens: int
) -> bool:
    """Whether the head, built from `config(**arguments)`, takes this many tokens."""
    model = _built(candidate, config, arguments)
    try:
        inputs = make(names, Shape(candidate.task, model.config, tokens))
        if "attention_mask" in inputs:  # padding has no place, so that more of it would be taken
            inputs["attention_mask"].fill_(1)
        _forward(model, inputs)
    except FOREIGN:
        return False
    return True


# --- building


def _built(candidate: Candidate, config: Any, arguments: dict[str, Any]) -> Any:
    """Return the model with random weights, the same ones each time, in eager float32."""
    import torch

    size = sum(each.numel() for each in _weightless(candidate, config, arguments).parameters())
    if size > MOST_PARAMETERS:
        raise SurveyError(
            f"{size / 1e6:.0f} million parameters, more than the {MOST_PARAMETERS / 1e6:.0f} tried"
        )
    torch.manual_seed(0)
    try:
        return candidate.model(config(**arguments, attn_implementation="eager")).float().eval()
    except FOREIGN as error:
        raise SurveyError(first_line(error)) from error


def _weightless(candidate: Candidate, config: Any, arguments: dict[str, Any]) -> Any:
    import torch

    try:
        with torch.device("meta"):
            return candidate.model(config(**arguments, attn_implementation="eager"))
    except FOREIGN as error:
        raise SurveyError(first_line(error)) from error


def _weighs_labels(candidate: Candidate, config: Any, arguments: dict[str, Any]) -> bool:
    """Whether any number of labels is taken, and changes the shapes of the weights."""
    try:
        models = [_weightless(candidate, config, arguments | {"num_labels": count}) for count in (3, 5)]
    except SurveyError:
        return False
    shapes = [[tuple(each.shape) for each in model.parameters()] for model in models]
    return shapes[0] != shapes[1]


# --- running


def _forward(model: Any, inputs: dict[str, Any], method: str = "") -> dict[str, Any]:
    """Return the real-valued tensors of the output by field, in the order of the output class."""
    import torch

    with torch.no_grad():
        output = getattr(model, method)(**inputs) if method else model(**inputs)
    fields = output.items() if hasattr(output, "items") else enumerate(output)
    return {
        str(name): value for name, value in fields if torch.is_tensor(value) and value.is_floating_point()
    }


def _run(candidate: Candidate, model: Any, names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the inputs that the head needed and the field that the task reads: the first that is no loss.

    Of one tower it is the vector that is compared with the other's. An optional input that the model asks for by name
    is fed as well.
    """
    import torch

    signature = tuple(inspect.signature(candidate.call).parameters)

    found = None
    for tokens in TOKENS:
        outputs = None
        while outputs is None:
            try:
                inputs = make(names, _shape(candidate.task, model, names, tokens))
                outputs = _forward(model, inputs, candidate.method)
            except FOREIGN as error:
                if (wanted := _asked_for(str(error), model, names, signature)) is None:
                    raise SurveyError(first_line(error)) from error
                names = tuple(name for name in signature if name in (*names, wanted))
        found = next((name for name in outputs if name != "loss"), None)
        if candidate.method and "pooler_output" in outputs:
            found = "pooler_output"
        if found is None or not found.isidentifier():
            raise SurveyError("its output has no named tensor")
        if not torch.isfinite(outputs[found]).all():
            raise SurveyError(f"{found} is not finite")
    assert found is not None  # TOKENS is not empty
    return names, found


def _shape(task: str, model: Any, names: tuple[str, ...], tokens: int) -> Shape:
    """Return what inputs are made for, with as many tokens for a picture as the model has vectors of it.

    Pictures are tried in several forms; where the model refuses all, the first that could be made says why.
    """
    shape = Shape(task, model.config, tokens)
    if "pixel_values" not in names:
        return shape
    refused: list[BaseException] = []
    for form in ("" if PROCESSED.isdisjoint(names) else shown.PROCESSOR, *shown.FORMS[1:]):
        formed = replace(shape, form=form)
        try:
            return replace(formed, pictured=placeholders(model, make(names, formed)))
        except FOREIGN as error:
            refused.append(error)
    raise next((error for error in refused if not isinstance(error, NoInput)), refused[0])


def _asked_for(message: str, model: Any, names: tuple[str, ...], signature: tuple[str, ...]) -> str | None:
    words = re.findall(r"\w+", message)
    if getattr(model.config, "is_encoder_decoder", False):  # a decoder without input says no more than that
        words.append("decoder_input_ids")
    wanted = (name for name in signature if name in words and name not in names and makeable(name))
    return next(wanted, None)


def _causal(model: Any, names: tuple[str, ...], output: str) -> bool:
    """Whether a changed last token leaves the results at earlier places as they were."""
    inputs = make(names, Shape("text-generation", model.config, TOKENS[0]))
    if "input_ids" not in inputs:
        return True
    if "attention_mask" in inputs:  # what comes out at padding would depend on everything
        inputs["attention_mask"].fill_(1)
    ids = inputs["input_ids"].clone()
    ids[:, -1] = ids[:, 0].where(ids[:, 0] != ids[:, -1], ids[:, 1])
    before = _forward(model, inputs)[output]
    after = _forward(model, inputs | {"input_ids": ids})[output]
    return bool((before - after)[:, :-1].abs().max() <= 1e-4 * before.abs().max())


def _pooling(candidate: Candidate, model: Any, names: tuple[str, ...], output: str) -> str:
    """Return how an image's vector comes from the output; "" where it is a vector, or the task wants none."""
    if candidate.task != "image-feature-extraction":
        return ""
    shape = _shape(candidate.task, model, names, TOKENS[0])
    found = _forward(model, make(names, shape), candidate.method)[output]
    if found.dim() == 4:
        return "map"
    patches = (number(model.config, IMAGE_SIZES, 0) // number(model.config, ("patch_size",), 1)) ** 2
    if found.dim() == 3:
        return "first" if found.shape[1] > patches > 0 else "mean"
    return ""


def _pictures(candidate: Candidate, model: Any, names: tuple[str, ...]) -> str:
    shape = _shape(candidate.task, model, names, TOKENS[0])
    if not shape.pictured:
        return ""
    made = make(names, shape)
    axes, cut = made["pixel_values"].dim(), any(name.endswith(GRIDS) for name in names)
    if axes == 5:
        return "tiled" if "image_sizes" in names else "nested"
    return {4: "cut" if cut else "whole", 3: "rows", 2: "patches"}.get(axes, "")


def _control(candidate: Candidate, model: Any, names: tuple[str, ...], output: str) -> float:
    """Return the least relative change of the output: with other inputs, and with the mask ignored."""
    shape = _shape(candidate.task, model, names, TOKENS[0])
    inputs = make(names, shape)
    call = partial(_forward, model, method=candidate.method)
    others = make(names, replace(shape, seed=1))
    changes = [_change(call, inputs, others, output)]
    if shape.pictured:  # and the pictures alone
        changes.append(_change(call, inputs, inputs | {"pixel_values": others["pixel_values"]}, output))
    if "attention_mask" in inputs and "input_ids" in inputs:
        # To a causal model padding at the right is nothing, so the side where the mask matters counts.
        sides = [inputs, make(names, replace(shape, left=not shape.left))]
        changes.append(max(_change(call, side, _unmasked(side), output) for side in sides))
    return min(changes)


def _unmasked(inputs: dict[str, Any]) -> dict[str, Any]:
    import torch

    return inputs | {"attention_mask": torch.ones_like(inputs["attention_mask"])}


def _change(
    call: Callable[[dict[str, Any]], dict[str, Any]],
    inputs: dict[str, Any],
    others: dict[str, Any],
    output: str,
) -> float:
    """Return the largest change of the output, relative to its largest value."""
    before, after = (call(each)[output] for each in (inputs, others))
    if after.shape != before.shape:  # as many results as the model found: another number is a change
        return float("inf")
    change, mask = (after - before).abs(), inputs.get("attention_mask")
    if mask is not None and change.shape[: mask.dim()] == mask.shape:
        change = change[mask.bool()]  # what comes out at padding matters to nobody
    return float(change.max() / before.abs().max().clamp(min=1e-12))


def first_line(error: BaseException) -> str:
    """Return the class and first line of what went wrong, short enough for a table."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."


def printable(text: str) -> str:
    """Return `text` on one line and short enough for a file, as the texts of a spec have to be."""
    line = "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
    return line if len(line) <= 400 else f"{line[:397]}..."
