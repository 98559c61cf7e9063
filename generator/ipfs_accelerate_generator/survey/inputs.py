"""The inputs of a head: which ones its task feeds, and tensors of the right shape to try it with."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any, Final

from ipfs_accelerate_generator.survey import pictured, shown, spoken, structured
from ipfs_accelerate_generator.survey.narrowed import narrower
from ipfs_accelerate_generator.survey.rules import sounds
from ipfs_accelerate_generator.survey.rules.crops import VIEWS
from ipfs_accelerate_generator.survey.rules.grids import channels, edges, whole
from ipfs_accelerate_generator.survey.rules.molecules import MOLECULES
from ipfs_accelerate_generator.survey.rules.table import RULES, SOUNDS, Rule, rules
from ipfs_accelerate_generator.survey.shape import Shape, number, text
from ipfs_accelerate_generator.survey.subject import Candidate, NoInput

# Beside what the type's processors return.
_ALSO_FED: Final[Mapping[str, tuple[str, ...]]] = {
    # Where a mask is wanted: its processor makes them if it is told.
    "mask-generation": ("input_points", "input_labels"),
    "masked-image-modeling": ("bool_masked_pos",),
}
# What a text is about, where no processor says by name what it returns.
_ABOUT: Final = ("protein_input_ids", "protein_attention_mask", *MOLECULES)
# generate() is given these and no more: transformers' pipeline drops what else the tokenizer returns.
_FED_ALONE: Final[Mapping[str, tuple[str, ...]]] = {"text-generation": ("input_ids", "attention_mask")}
# A mask of tokens goes along with one of these, and with pixels only where one of these is there, too.
_MASKED: Final = frozenset({"input_ids", "inputs_embeds", "input_values", "input_features"})
_HEARD: Final = ("input_values", "input_features")
PIXELS: Final = frozenset({"pixel_values", "pixel_values_videos", "image", "pixel_values_images", VIEWS})
"""Pictures, and the pictures of films."""
_PICTURES: Final = frozenset({*PIXELS, pictured.PATCHES})
_COUNTING: Final = ("mask", "len", "sizes")
"""Parts of the names of inputs that say how long or large others are."""
_MERGES: Final = (
    "spatial_merge_size",
    "merge_size",
    "merge_kernel_size",
    "downsample_factor",
    "pooling_kernel_size",
)
# Ids may be codes of several books or channels, and kinds of tokens several, where a configuration has one of these.
_WHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "input_ids": ("num_codebooks", "num_quantizers", "num_channels"),
    "decoder_input_ids": ("num_codebooks",),
    "token_type_ids": ("type_vocab_sizes",),
}


def fed(candidate: Candidate, returned: Iterable[str]) -> tuple[str, ...]:
    """Return the inputs that the task feeds, in the order of the forward signature.

    They are what the type's processors return and the signature takes, and what the signature requires.
    """
    offered = _FED_ALONE.get(
        candidate.task,
        (
            *spoken.offered(
                candidate.model, pictured.one_modality(pictured.offered(candidate.model, returned))
            ),
            *_ALSO_FED.get(candidate.task, ()),
            *_ABOUT,
        ),
    )
    signature = inspect.signature(candidate.call).parameters
    names = tuple(
        name
        for name, parameter in signature.items()
        if name != "self"
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and (parameter.default is parameter.empty or (name in offered and not _setting(parameter)))
    )
    optional = "attention_mask" in names and signature["attention_mask"].default is None
    if optional and PIXELS & {*names} and not _MASKED & {*names}:
        return tuple(name for name in names if name != "attention_mask")
    return names


def sees(candidate: Candidate) -> bool:
    """Whether the signature has an input for a picture, a film or a sound, or ids of what is no text, by any name."""
    return any(
        not {"pixel", "image", "video", "audio", "patches", "features"}.isdisjoint(name.split("_"))
        or (name.endswith("_input_ids") and name != "decoder_input_ids")
        for name in inspect.signature(candidate.call).parameters
    )


def _setting(parameter: inspect.Parameter) -> bool:
    """Whether the signature says that this is a number of Python's own, which sets something, and no tensor."""
    said = str(parameter.annotation)
    return "Tensor" not in said and any(kind in said for kind in ("int", "float", "bool"))


def wider(candidate: Candidate, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` and all others of the signature that can be made, but for second spellings of one thing.

    Some models take everything as an option and fail without it.
    """
    signature = inspect.signature(candidate.call).parameters
    read = () if {*names} & (_MASKED | PIXELS | {*RULES}) else ("input_ids",)
    return tuple(
        name
        for name in signature
        if name in (*names, *read)
        or (
            name in RULES
            and (
                not name.endswith("mask") or name.removesuffix("_mask") in names or name in _goes_with(names)
            )
            and not (name == "inputs_embeds" and "input_ids" in names)
        )
    )


def _goes_with(names: tuple[str, ...]) -> frozenset[str]:
    """Return the masks that go with a sound or a picture among `names` and are not called after it."""
    sounds = {"feature_attention_mask"} if SOUNDS & {*names} else set()
    pictures = {"image_attention_mask", pictured.MARKED} if _PICTURES & {*names} else set()
    return frozenset({"padding_mask", *sounds, *pictures})


def embedded(candidate: Candidate, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` with vectors instead of ids, if the signature has them: some decoders take no ids."""
    signature = inspect.signature(candidate.call).parameters
    if "input_ids" not in names or "inputs_embeds" not in signature:
        return names
    return tuple(
        name for name in signature if name == "inputs_embeds" or (name in names and name != "input_ids")
    )


def either(candidate: Candidate, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield `names` with one way alone to say the same: samples, bands or vectors, and no ids of text beside them.

    Some models take any of these and refuse two. What writes a sound of a text is given the text alone.
    """
    heard = [name for name in _HEARD if name in names]
    if candidate.task == "text-to-audio" and "input_ids" in names:
        unheard = {*names, "decoder_input_ids"} - {*_HEARD, "padding_mask"}
        yield tuple(name for name in inspect.signature(candidate.call).parameters if name in unheard)
    for one in heard:
        others = {*_HEARD, "inputs_embeds", "input_ids"} - {one}
        yield (kept := tuple(name for name in names if name not in others))
        yield narrower(candidate, kept)


def seeing(candidate: Candidate, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` and the pictures and films of the signature, without masks that it does not require.

    Some models hear and see at once, and have each as an option.
    """
    signature = inspect.signature(candidate.call).parameters
    return narrower(candidate, tuple(name for name in signature if name in {*names, *PIXELS}))


def make(names: Iterable[str], shape: Shape) -> dict[str, Any]:
    """Return tensors for `names`: some rows, the last of them shorter where a mask can say so.

    Raises:
        NoInput: there is no rule for one of the names.
    """
    import torch

    wanted = tuple(names)
    masked = shape.whole
    if "input_ids" in wanted:
        pass  # beside a sound or a picture the mask is the text's
    elif "input_values" in wanted:
        masked = sounds.samples(shape)
    elif "input_features" in wanted:
        masked = _frames(shape)
    shape = replace(shape, names=wanted, masked=masked)
    generator = torch.Generator().manual_seed(shape.seed)
    made: dict[str, Any] = {}
    if "input_ids" not in wanted:
        pass  # a part of a model, which takes patches rather than what a processor makes
    elif VIEWS in wanted:
        pass  # rules make the crops of a picture, and their sizes: the class that does so otherwise needs torchvision
    elif shape.form in ("", shown.PROCESSOR) and not pictured.PROCESSED.isdisjoint(wanted):
        made |= pictured.processed(shape.config, shape.seed, shape.batch)
    elif shape.form:
        frame = _frame(shape)
        made |= {name: shown.drawn(name, frame, generator) for name in wanted if shown.known(name)}
    told = [name for name in wanted if pictured.told_by(name, shape.pictured)]
    # What says how long a sound is comes after it.
    for name in sorted(wanted, key=lambda each: any(part in each for part in _COUNTING)):
        if name in made or name in told:
            continue
        rule = choices(name, wanted)[shape.chosen.get(name, 0)]
        made[name] = _sized(name, rule(shape, generator), shape, generator)
        if (
            name == "input_ids" and shape.chosen.get(name) and made[name].dim() == 2
        ):  # as many codes as there are
            shape = replace(shape, masked=made[name].shape[-1])
        if name in SOUNDS:
            heard = made[name].shape[1 if rule.__name__.endswith(("last", "band")) else -1]
            shape = replace(shape, heard=heard, masked=shape.masked if "input_ids" in wanted else heard)
    for name in told:
        if "input_ids" not in made:
            raise NoInput(f"{name} says which tokens stand for pictures, and there are no tokens")
        made[name] = pictured.kinds(made["input_ids"], shape.config)
    return {part: tensor for name in wanted for part, tensor in structured.flat(name, made[name])}


def choices(name: str, names: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules that may make `name` beside the other `names`, the usual one first.

    Raises:
        NoInput: there is none.
    """
    if found := rules(name, _RULES.get(name), names):
        return found
    raise NoInput(f"no rule makes the input {name!r}")


def ways(name: str, names: tuple[str, ...], config: Any, *, formed: bool = True) -> int:
    """Return how many rules are worth a try for `name` beside the other `names`.

    One of a text's mask and of the pictures beside it, if they are `formed`: tried in forms. One of ids and kinds of
    tokens where nothing says that there are several.
    """
    if "input_ids" in names and (name == "attention_mask" or (formed and shown.known(name))):
        return 1
    if name in _WHERE and (PIXELS & {*names} or not number(config, _WHERE[name], 0)):
        return 1  # beside a picture the channels are its own
    return len(rules(name, _RULES.get(name), names)) or 1  # of none it is said when it is made


def makeable(name: str) -> bool:
    """Whether there is a rule for the input `name`."""
    return name in _RULES or name in RULES or name == pictured.KINDS or shown.known(name)


def _sized(name: str, made: Any, shape: Shape, generator: Any) -> Any:
    """Return `made`, or random numbers of its shape with the sizes that a layer asked for."""
    import torch

    if name not in shape.sizes:
        return made
    sizes = list(made.shape)
    for axis, size in shape.sizes[name].items():
        sizes[axis] = size
    return torch.randn(*sizes, generator=generator)


def _ids(shape: Shape, generator: Any) -> Any:
    """Ids from 20 up, as special ones have the smallest numbers; a row ends with the end token, if any."""
    import torch

    read = text(shape.config)
    highest = number(read, ("vocab_size",), number(shape.config, ("vocab_size",), 64))
    ids = torch.randint(min(20, highest // 2), highest, (*shape.rows, shape.tokens), generator=generator)
    if end := number(read, ("eos_token_id",), number(shape.config, ("eos_token_id",), 0)):
        for row, place in enumerate(shape.last):
            ids[row, ..., place] = end
    third = shape.tokens // 3
    stand = (
        (shape.pictured, pictured.image_token(shape.config)),
        (shape.spoken, spoken.sound_token(shape.config)),
    )
    # between the thirds that a mask may hide; a mask of its own says where a token without an id stands
    some = [
        torch.full((*shape.rows, count), pictured.nameless(shape.config) if token is None else token)
        for count, token in stand
    ]
    return torch.cat([ids[..., :third], *some, ids[..., third:]], dim=-1) if shape.placed else ids


def _begun(shape: Shape, generator: Any) -> Any:
    """Ids that a decoder has written: like those of a text, or a few that are not its end, neither."""
    import torch

    if not shape.begun:
        return _ids(shape, generator)
    highest = number(text(shape.config), ("vocab_size",), number(shape.config, ("vocab_size",), 64))
    return torch.randint(min(20, highest // 2), highest, (*shape.rows, shape.begun), generator=generator)


def _mask(shape: Shape, _generator: Any) -> Any:
    """Ones, with the last row a third shorter; a picture is never hidden."""
    import torch

    mask = torch.ones(*shape.rows, shape.masked, dtype=torch.long)
    third = (shape.masked - shape.placed) // 3
    if shape.left:
        mask[-1, ..., :third] = 0
    else:
        mask[-1, ..., shape.masked - third :] = 0
    return mask


def _segments(shape: Shape, _generator: Any) -> Any:
    import torch

    kinds = number(shape.config, ("type_vocab_size",), 2)
    return torch.arange(shape.tokens).ge(shape.tokens // 2).long().clamp(max=kinds - 1).repeat(*shape.rows, 1)


def _frame(shape: Shape) -> shown.Frame:
    """Return what a picture for the configuration is like."""
    return shown.Frame(
        form=shape.form,
        count=shape.batch,
        channels=channels(shape),
        side=edges(shape)[1],
        patch=number(shape.config, ("patch_size",), 8),
        depth=number(shape.config, ("temporal_patch_size", "patch_temporal"), 1),
        merge=number(shape.config, ("window_kernel_size",), 1) * number(shape.config, _MERGES, 2),
        aims=shown.AIMED in shape.names,
        stretch=shape.stretch,
    )


def _pixels(shape: Shape, generator: Any) -> Any:
    if number(shape.config, ("num_frames",), 0):
        return _video(shape, generator)
    return whole(shape, generator)


def _pixel_mask(shape: Shape, _generator: Any) -> Any:
    import torch

    high, wide = edges(shape)
    mask = torch.ones(shape.batch, high, wide, dtype=torch.long)
    mask[-1, :, wide - wide // 4 :] = 0
    return mask


def _masked_patches(shape: Shape, generator: Any) -> Any:
    import torch

    patch = number(shape.config, ("patch_size",), 8)
    patches = prod(edge // patch for edge in edges(shape))
    return torch.rand(shape.batch, patches, generator=generator) < 0.5


def _video(shape: Shape, generator: Any) -> Any:
    import torch

    frames = number(shape.config, ("num_frames", "frames_per_clip"), 4)
    return torch.randn(shape.batch, frames, 3, *edges(shape), generator=generator)


def _wave(shape: Shape, generator: Any) -> Any:
    import torch

    return torch.randn(shape.batch, sounds.samples(shape), generator=generator)


def _frames(shape: Shape) -> int:
    return 2 * number(shape.config, ("max_source_positions",), 50)  # speech encoders halve them


def _spectrogram(shape: Shape, generator: Any) -> Any:
    import torch

    bands = number(shape.config, ("num_mel_bins", "input_feat_per_channel", "feature_size"), 80)
    if size := number(shape.config, ("spec_size",), 0):  # folded into a square picture, and seen as one
        views = number(shape.config, ("patch_embed_input_channels",), 1)
        return torch.randn(shape.batch, views, size * (size // bands), bands, generator=generator)
    return torch.randn(shape.batch, bands, _frames(shape), generator=generator)


def _whole(shape: Shape, _generator: Any) -> Any:
    import torch

    return torch.zeros(shape.batch, 1, dtype=torch.bool)


_RULES: Final[Mapping[str, Rule]] = {
    "input_ids": _ids,
    "attention_mask": _mask,
    "token_type_ids": _segments,
    "decoder_input_ids": _begun,
    "pixel_values": _pixels,
    "pixel_mask": _pixel_mask,
    "bool_masked_pos": _masked_patches,
    "pixel_values_videos": _video,
    "input_values": _wave,
    "input_features": _spectrogram,
    "is_longer": _whole,
}
