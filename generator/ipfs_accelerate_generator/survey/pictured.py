"""Pictures in a text: what a type's own image processor makes of some, and how many tokens stand for one of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from ipfs_accelerate_generator.survey import shown
from ipfs_accelerate_generator.survey.placed import maker, named, pooled, vectors
from ipfs_accelerate_generator.survey.rules import crops
from ipfs_accelerate_generator.survey.shape import number
from ipfs_accelerate_generator.survey.subject import NoInput
from ipfs_accelerate_py.evidence.pictured import image_settings

# Inputs that fit each other only as the processor makes them: a grid of patches, the size before it was cut.
PROCESSED: Final = frozenset(shown.names()) - {"pixel_values"}
GRIDS: Final = ("_grid_thw", "_grid_hw", "target_sizes")
"""How the names of inputs end that say how many patches a picture has."""
_COUNTED: Final = {"pixel_values_local": "num_local_patches"}
"""Closer views of a picture, and the input that counts them: a processor gives them where a picture is large."""
KINDS: Final = "mm_token_type_ids"
"""The input that tells tokens of a text from those that stand for a picture."""
_OLDER_KINDS: Final = "token_type_ids"
TOKEN_KINDS: Final = frozenset({KINDS, _OLDER_KINDS})
_HEIGHT, _WIDTH = 40, 24  # pixels of a picture; not square, so that no axis can stand for another
_NAMELESS: Final = (1, 3)  # no padding, whose places some classes do not count
PATCHES: Final = "flattened_patches"
"""The input that holds the patches of a picture, each behind the numbers of its row and column."""
SEEN: Final = frozenset({"pixel_values", PATCHES, crops.VIEWS})
"""The inputs that a picture in a text comes as: each class has one of these."""
MARKED: Final = "image_embeds_position_mask"
"""The input that says which tokens of a text stand for a picture, whatever they are."""
_TOGETHER: Final = ((PATCHES, MARKED), (crops.VIEWS, crops.SIZES, crops.SEEN))
"""Inputs about pictures that a class takes beside a text, all or none."""
_RENAMED: Final = {"image_patches": "pixel_values"}
"""Inputs that have another name now."""
_METHOD: Final = "get_image_features"
_ASKED: Final = ("num_query_tokens", "latent_query_num", "mm_tokens_per_image")
_FILMS: Final = 5  # axes


def processed(config: Any, seed: int, count: int) -> dict[str, Any]:
    """Return what the image processor of the type of `config` makes of `count` random pictures of one size.

    Raises:
        NoInput: the type has no image processor that runs without torchvision.
    """
    pictures = np.random.default_rng(seed).integers(0, 256, (count, _HEIGHT, _WIDTH, 3), dtype=np.uint8)
    process = image_processor(config)
    made = dict(process(list(pictures), return_tensors="pt"))
    if count > 1 and made["pixel_values"].dim() >= _FILMS and len(made["pixel_values"]) == 1:
        # It took them for the pictures of one text: a list for each text says that they are not.
        made = dict(process([[each] for each in pictures], return_tensors="pt"))
    return made


def image_processor(config: Any) -> Any:
    """Return the image processor of the type of `config`, set to the sizes that the configuration has."""
    import transformers
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

    entry = IMAGE_PROCESSOR_MAPPING_NAMES.get(config.model_type)
    name = entry.get("pil") if isinstance(entry, dict) else None
    if name is None:
        raise NoInput(f"no image processor makes the pictures of {config.model_type}")
    kind = getattr(transformers, name)
    if not hasattr(kind, "size"):
        raise NoInput(f"{name} makes pictures as large as it likes, and no small ones")
    return kind(**image_settings(kind, config.to_dict(), most_pixels=_HEIGHT * _WIDTH * 4))


def offered(model: Any, returned: Iterable[str]) -> tuple[str, ...]:
    """Return the inputs about pictures that a model class takes, beside those that its processors are known to return.

    The method that turns pictures into vectors of the text tells them, where no image processor can be asked.
    """
    names = tuple(returned)
    takes = inspect.signature(model.forward).parameters
    for together in _TOGETHER:
        if {"input_ids", *together} <= {*takes}:
            return (*names, "input_ids", "attention_mask", *together)
    if "input_ids" not in takes or "pixel_values" not in takes or not _towered(model):
        return names
    if KINDS in names and KINDS not in takes and _OLDER_KINDS in takes:
        names = (*names, _OLDER_KINDS)
    method = getattr(model, _METHOD, None)
    wanted = inspect.signature(method).parameters if method else {}
    needed = (
        name
        for name, each in wanted.items()
        if name in takes
        and shown.known(name)
        and (
            each.default is each.empty
            or name.endswith(GRIDS)
            or "pixel_values" not in names
            or _COUNTED.get(name, "") in names
        )
    )
    return (*names, "input_ids", "attention_mask", "pixel_values", KINDS, *needed)


def _towered(model: Any) -> bool:
    return hasattr(model, _METHOD) or "mm_encoder_outputs" in inspect.signature(model.forward).parameters


def placeholders(model: Any, made: Mapping[str, Any]) -> int:
    """Return how many tokens of a text stand for one picture of `made`; 0 where the model puts none into its text."""
    if SEEN.isdisjoint(made) or "input_ids" not in made:
        return 0
    if image_token(model.config) is None and MARKED not in made:
        return 0
    if crops.VIEWS in made:
        return crops.vectors(made)
    if (found := vectors(model, _METHOD, made)) is not None:
        return found // int(made["input_ids"].shape[0])
    seen = made.get("pixel_values", made.get(PATCHES))
    films = seen.dim() == _FILMS  # one that asks for a number of vectors, of each frame
    return number(model.config, _ASKED, 0) * (seen.shape[1] if films else 1)


def nameless(config: Any) -> int:
    """Return the id that stands in a text for what no id stands for: a mask says where."""
    return next(each for each in _NAMELESS if each != number(config, ("pad_token_id",), 0))


def usual(model: Any, made: Mapping[str, Any]) -> bool:
    """Whether the vectors of pictures come from where templates look for them, and films are cut as they know it.

    A mask of pictures is as they know it if it is about their pixels: some are about whole tiles.
    """
    mask = made.get("pixel_attention_mask")
    fits = mask is None or mask.dim() == made["pixel_values"].dim() - 1
    return fits and pooled(model, _METHOD, made) and not number(model.config, ("patch_temporal",), 0)


def towered(model: Any) -> bool:
    """Whether the model has a method for its pictures alone, which tells how many vectors it makes of them."""
    return maker(model, _METHOD) is not None


def image_token(config: Any) -> int | None:
    """Return the id of the token that stands for a part of a picture, or else of a film, if there is one."""
    found = named(config, ("image_token_id", "image_token_index"))
    return named(config, ("video_token_id", "video_token_index")) if found is None else found


def kinds(ids: Any, config: Any) -> Any:
    """Return 1 where a token of `ids` stands for a part of a picture, and 0 elsewhere."""
    token = image_token(config)
    return (ids == token).int() if token is not None else (ids < 0).int()


def told_by(name: str, tokens: int) -> bool:
    """Whether the input `name` says of each token whether it is one of a picture, in a text with `tokens` such ones."""
    return name == KINDS or (name == _OLDER_KINDS and tokens > 0)


def one_modality(names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` without those of films, if there are pictures: a text is asked about one of the two.

    Of pictures under an older name and the usual one the older is left out, as classes that take both warn of it.
    """
    every = tuple(names)
    given = tuple(name for name in every if _RENAMED.get(name) not in every)
    films = {"pixel_values_videos", "video_grid_thw"} if "pixel_values" in given else set()
    return tuple(name for name in given if name not in films)
