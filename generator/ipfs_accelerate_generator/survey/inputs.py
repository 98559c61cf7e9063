"""The inputs of a head: which ones its task feeds, and tensors of the right shape to try it with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ipfs_accelerate_generator.survey import pictured, shown
from ipfs_accelerate_generator.survey.subject import Candidate, NoInput

IMAGE_SIZES: Final = ("image_size", "img_size")
BATCH: Final = 2
CHOICES: Final = 3
SAMPLES: Final = 8000  # half a second of audio, enough for every kernel of a speaker model

# Beside what the type's processors return.
_ALSO_FED: Final[Mapping[str, tuple[str, ...]]] = {"masked-image-modeling": ("bool_masked_pos",)}
# generate() is given these and no more: transformers' pipeline drops what else the tokenizer returns.
_FED_ALONE: Final[Mapping[str, tuple[str, ...]]] = {"text-generation": ("input_ids", "attention_mask")}


def fed(candidate: Candidate, returned: Iterable[str]) -> tuple[str, ...]:
    """Return the inputs that the task feeds, in the order of the forward signature.

    They are what the type's processors return and the signature takes, and what the signature requires.
    """
    offered = _FED_ALONE.get(
        candidate.task,
        (
            *pictured.one_modality(pictured.offered(candidate.model, returned)),
            *_ALSO_FED.get(candidate.task, ()),
        ),
    )
    signature = inspect.signature(candidate.call).parameters
    return tuple(
        name
        for name, parameter in signature.items()
        if name != "self"
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and (name in offered or parameter.default is parameter.empty)
    )


def parts(config: Any) -> Iterator[Any]:
    """Yield a configuration and those it is made of, outermost first."""
    from transformers import PreTrainedConfig

    yield config
    for value in list(vars(config).values()):
        if isinstance(value, PreTrainedConfig):
            yield from parts(value)


def number(config: Any, names: Iterable[str], otherwise: int) -> int:
    """Return the first of `names` that a part of `config` has, as a whole number; of a pair its last."""
    for name in names:
        for part in parts(config):
            value = vars(part).get(name)
            if isinstance(value, (list, tuple)) and value:
                value = value[-1]
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return otherwise


@dataclass(frozen=True)
class Shape:
    """What inputs are made for: a task, a configuration, a number of tokens and a seed."""

    task: str
    config: Any
    tokens: int
    seed: int = 0
    left: bool = False
    """Padding stands at the left, as in a batch for generation."""
    masked: int = 0
    """How many places the attention mask has: tokens, samples or frames."""
    pictured: int = 0
    """How many tokens of each text, beside `tokens`, stand for a picture."""
    form: str = ""
    """How the numbers of a picture lie, one of `shown.FORMS`; "" says: as the rules of its inputs have it."""

    @property
    def rows(self) -> tuple[int, ...]:
        """The leading sizes: the batch, and the choices where the task has some."""
        return (BATCH, CHOICES) if self.task == "multiple-choice" else (BATCH,)

    @property
    def last(self) -> tuple[int, int]:
        """The last place of each row that is no padding."""
        return self.tokens - 1, self.tokens - 1 - (0 if self.left else self.tokens // 3)


def make(names: Iterable[str], shape: Shape) -> dict[str, Any]:
    """Return tensors for `names`: two rows, the second of them shorter where a mask can say so.

    Raises:
        NoInput: there is no rule for one of the names.
    """
    import torch

    wanted = tuple(names)
    if "input_ids" in wanted:  # beside a sound or a picture the mask is the text's
        shape = replace(shape, masked=shape.tokens + shape.pictured)
    elif "input_values" in wanted:
        shape = replace(shape, masked=SAMPLES)
    elif "input_features" in wanted:
        shape = replace(shape, masked=_frames(shape))
    else:
        shape = replace(shape, masked=shape.tokens + shape.pictured)
    generator = torch.Generator().manual_seed(shape.seed)
    made: dict[str, Any] = {}
    if shape.form in ("", shown.PROCESSOR) and not pictured.PROCESSED.isdisjoint(wanted):
        made |= pictured.processed(shape.config, shape.seed, BATCH)
    elif shape.form:
        frame = _frame(shape)
        made |= {name: shown.drawn(name, frame, generator) for name in wanted if shown.known(name)}
    told = [name for name in wanted if pictured.told_by(name, shape.pictured)]
    for name in wanted:
        if name in made or name in told:
            continue
        if name not in _RULES:
            raise NoInput(f"no rule makes the input {name!r}")
        made[name] = _RULES[name](shape, generator)
    for name in told:
        made[name] = pictured.kinds(made["input_ids"], shape.config)
    return {name: made[name] for name in wanted}


def makeable(name: str) -> bool:
    """Whether there is a rule for the input `name`."""
    return name in _RULES or name == pictured.KINDS or shown.known(name)


def _ids(shape: Shape, generator: Any) -> Any:
    """Ids from 20 up, as special ones have the smallest numbers; a row ends with the end token, if any."""
    import torch

    text = shape.config.get_text_config()
    highest = number(text, ("vocab_size",), number(shape.config, ("vocab_size",), 64))
    ids = torch.randint(min(20, highest // 2), highest, (*shape.rows, shape.tokens), generator=generator)
    if end := number(text, ("eos_token_id",), number(shape.config, ("eos_token_id",), 0)):
        for row, place in enumerate(shape.last):
            ids[row, ..., place] = end
    if shape.pictured:  # between the thirds that a mask may hide
        third = shape.tokens // 3
        picture = torch.full((*shape.rows, shape.pictured), pictured.image_token(shape.config))
        ids = torch.cat([ids[..., :third], picture, ids[..., third:]], dim=-1)
    return ids


def _mask(shape: Shape, _generator: Any) -> Any:
    """Ones, with the second row a third shorter; a picture is never hidden."""
    import torch

    mask = torch.ones(*shape.rows, shape.masked, dtype=torch.long)
    third = (shape.masked - shape.pictured) // 3
    if shape.left:
        mask[1, ..., :third] = 0
    else:
        mask[1, ..., shape.masked - third :] = 0
    return mask


def _segments(shape: Shape, _generator: Any) -> Any:
    import torch

    kinds = number(shape.config, ("type_vocab_size",), 2)
    return torch.arange(shape.tokens).ge(shape.tokens // 2).long().clamp(max=kinds - 1).repeat(*shape.rows, 1)


def _boxes(shape: Shape, generator: Any) -> Any:
    import torch

    corners = torch.randint(0, 500, (*shape.rows, shape.tokens, 2), generator=generator)
    return torch.cat([corners, corners + 100], dim=-1)


def _image_size(shape: Shape) -> int:
    return number(shape.config, IMAGE_SIZES, 64)


def _frame(shape: Shape) -> shown.Frame:
    """Return what a picture for the configuration is like."""
    config = shape.config
    channels = number(config, ("num_channels", "in_channels", "in_chans"), 3)
    return shown.Frame(
        form=shape.form,
        count=BATCH,
        channels=channels if channels in (1, 3, 4) else 3,
        side=_image_size(shape),
        patch=number(config, ("patch_size",), 8),
        depth=number(config, ("temporal_patch_size",), 1),
        merge=number(
            config, ("spatial_merge_size", "merge_size", "merge_kernel_size", "downsample_factor"), 2
        ),
    )


def _pixels(shape: Shape, generator: Any) -> Any:
    import torch

    if number(shape.config, ("num_frames",), 0):
        return _video(shape, generator)
    size, channels = _image_size(shape), number(shape.config, ("num_channels", "in_channels", "in_chans"), 3)
    return torch.randn(BATCH, channels if channels in (1, 3, 4) else 3, size, size, generator=generator)


def _pixel_mask(shape: Shape, _generator: Any) -> Any:
    import torch

    size = _image_size(shape)
    mask = torch.ones(BATCH, size, size, dtype=torch.long)
    mask[1, :, size - size // 4 :] = 0
    return mask


def _masked_patches(shape: Shape, generator: Any) -> Any:
    import torch

    patches = (_image_size(shape) // number(shape.config, ("patch_size",), 8)) ** 2
    return torch.rand(BATCH, patches, generator=generator) < 0.5


def _video(shape: Shape, generator: Any) -> Any:
    import torch

    size, frames = _image_size(shape), number(shape.config, ("num_frames", "frames_per_clip"), 4)
    return torch.randn(BATCH, frames, 3, size, size, generator=generator)


def _wave(_shape: Shape, generator: Any) -> Any:
    import torch

    return torch.randn(BATCH, SAMPLES, generator=generator)


def _frames(shape: Shape) -> int:
    return 2 * number(shape.config, ("max_source_positions",), 50)  # speech encoders halve them


def _spectrogram(shape: Shape, generator: Any) -> Any:
    import torch

    bands = number(shape.config, ("num_mel_bins", "input_feat_per_channel", "feature_size"), 80)
    if size := number(
        shape.config, ("spec_size",), 0
    ):  # one that is folded into a square picture, and seen as one
        views = number(shape.config, ("patch_embed_input_channels",), 1)
        return torch.randn(BATCH, views, size * (size // bands), bands, generator=generator)
    return torch.randn(BATCH, bands, _frames(shape), generator=generator)


def _whole(_shape: Shape, _generator: Any) -> Any:
    import torch

    return torch.zeros(BATCH, 1, dtype=torch.bool)


_Rule = Callable[[Shape, Any], Any]
_RULES: Final[Mapping[str, _Rule]] = {
    "input_ids": _ids,
    "attention_mask": _mask,
    "token_type_ids": _segments,
    "decoder_input_ids": _ids,
    "bbox": _boxes,
    "pixel_values": _pixels,
    "pixel_mask": _pixel_mask,
    "bool_masked_pos": _masked_patches,
    "pixel_values_videos": _video,
    "input_values": _wave,
    "input_features": _spectrogram,
    "is_longer": _whole,
}
