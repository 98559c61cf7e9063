"""Feature extractors for small random checkpoints: as many bands in a row as the configuration says."""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import Any

from ipfs_accelerate_py.evidence.comparison import Array
from ipfs_accelerate_py.evidence.sounds import sounds
from ipfs_accelerate_py.evidence.tiny import trained

_PAIR = 320  # samples of two rows, which some extractors join
_BANDS = ("num_mel_bins", "input_feat_per_channel", "feature_size")  # what configurations call them
_JOINED = "feature_projection_input_dim"  # the numbers of a row in which several frames are joined


def framing(extractor_class: Any, config: Any) -> Any:
    """Return a feature extractor of `extractor_class` whose rows fit a model of `config`, a configuration."""
    known = signature(extractor_class).parameters
    parts = [config, *(each for each in vars(config).values() if hasattr(each, "to_dict"))]
    settings: dict[str, Any] = {}
    bands = next((getattr(part, name) for name in _BANDS for part in parts if hasattr(part, name)), None)
    if bands is not None:
        settings.update((name, bands) for name in ("num_mel_bins", "feature_size") if name in known)
    if "stride" in known and hasattr(config, _JOINED):
        bands = getattr(config, _JOINED) // known["stride"].default
        settings.update(num_mel_bins=bands, feature_size=bands)
    if "max_length" in known and hasattr(config, "max_length"):
        settings["max_length"] = config.max_length
    return extractor_class(**settings)


def writing_pieces(tokenizer_class: Any) -> Any:
    """Return a tokenizer of `tokenizer_class` that knows pieces of the texts of the tests, and a token for padding.

    Where the class has no model of its own to train, it is one of bytes.
    """
    from transformers import TokenizersBackend

    own = issubclass(tokenizer_class, TokenizersBackend) and "model" in vars(tokenizer_class)
    if own or not issubclass(tokenizer_class, TokenizersBackend):
        return trained(tokenizer_class)
    general = trained(TokenizersBackend)
    special = {name: getattr(general, name) for name in ("unk_token", "bos_token", "eos_token")}
    tokenizer = tokenizer_class(tokenizer_object=general.backend_tokenizer, **special)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    return tokenizer


@cache
def sounds_of_whole_frames() -> tuple[Array, ...]:
    """Return the sounds of the tests without what is left at their ends: no row is half filled."""
    return tuple(sound[: len(sound) // _PAIR * _PAIR] for sound in sounds())
