"""A head built from a tiny configuration, with random weights."""

from __future__ import annotations

from typing import Any, Final

from ipfs_accelerate_generator.survey.foreign import FOREIGN, first_line
from ipfs_accelerate_generator.survey.shape import text
from ipfs_accelerate_generator.survey.subject import Candidate, SurveyError
from ipfs_accelerate_generator.values import Value
from ipfs_accelerate_py.skills.forgetting import forgetful

MOST_PARAMETERS: Final = 20_000_000


def built(candidate: Candidate, config: Any, arguments: dict[str, Any], *, usual: bool = False) -> Any:
    """Return the model with random weights, the same ones each time, in eager float32.

    The `usual` one is the one that users get who say nothing.
    """
    import torch

    size = sum(each.numel() for each in weightless(candidate, config, arguments).parameters())
    if size > MOST_PARAMETERS:
        raise SurveyError(
            f"{size / 1e6:.0f} million parameters, more than the {MOST_PARAMETERS / 1e6:.0f} tried"
        )
    torch.manual_seed(0)
    try:
        model = candidate.model(_described_by(candidate, config, arguments, usual=usual))
    except FOREIGN as error:
        raise SurveyError(first_line(error)) from error
    return forgetful(model.float().eval())


def _described_by(
    candidate: Candidate, config: Any, arguments: dict[str, Any], *, usual: bool = False
) -> Any:
    """Return the configuration that the class takes: of a whole that it is a part of, the part about text."""
    made = config(**arguments, attn_implementation=None if usual else candidate.attention)
    wants = getattr(candidate.model, "config_class", None)
    if wants is None or isinstance(made, wants):
        return made
    inner = text(made)
    return inner if isinstance(inner, wants) else made


def named_as(candidate: Candidate, model: Any) -> dict[str, Value]:
    """Return the type by whose rules the weights of `model` have to be named, where its class belongs to another.

    transformers names them by the type of the configuration alone: one whose own class holds another (`shieldgemma2`)
    puts a name before each, which the class that is held, loaded by itself, does not have.
    """
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    own = getattr(candidate.model, "config_class", None)
    if own is None or isinstance(model.config, own) or not own.model_type:
        return {}
    renamed = get_checkpoint_conversion_mapping(model.config.model_type)
    held = any(getattr(each, "prefix_to_add", None) for each in renamed or ())
    return {"model_type": own.model_type} if held else {}


def weightless(candidate: Candidate, config: Any, arguments: dict[str, Any]) -> Any:
    """Return the model without memory for its weights, of whatever size.

    Raises:
        SurveyError: its class refuses the configuration; the message is its own first line.
    """
    import torch

    try:
        with torch.device("meta"):
            return candidate.model(_described_by(candidate, config, arguments))
    except FOREIGN as error:
        raise SurveyError(first_line(error)) from error


def weighs_labels(candidate: Candidate, config: Any, arguments: dict[str, Any]) -> bool:
    """Whether any number of labels is taken, and changes the shapes of the weights."""
    try:
        models = [weightless(candidate, config, arguments | {"num_labels": count}) for count in (3, 5)]
    except SurveyError:
        return False
    shapes = [[tuple(each.shape) for each in model.parameters()] for model in models]
    return shapes[0] != shapes[1]
