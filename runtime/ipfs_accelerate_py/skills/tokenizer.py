"""The tokenizer of a checkpoint, as the `tokenizers` library has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.skills.checkpoint import VOCABULARIES, Checkpoint

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def opened(checkpoint: Checkpoint) -> Tokenizer:
    """Return the tokenizer of tokenizer.json, or the one that transformers makes from older files.

    Raises:
        CheckpointError: tokenizer.json is damaged; or there is none, and none could be made.
    """
    from tokenizers import Tokenizer

    path = checkpoint.folder / "tokenizer.json"
    if not path.is_file():
        return _converted(checkpoint)
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise CheckpointError(f"{path}: is no tokenizer: {error}; fetch the file again") from error


def _converted(checkpoint: Checkpoint) -> Tokenizer:
    """Return the tokenizer that transformers builds from a checkpoint without a tokenizer.json."""
    if not any((checkpoint.folder / name).is_file() for name in VOCABULARIES):
        raise CheckpointError(  # transformers would make one that knows five tokens
            f"{checkpoint.folder}: has no tokenizer: neither tokenizer.json nor one of {', '.join(VOCABULARIES)}; "
            "fetch it again"
        )
    try:
        from transformers import AutoTokenizer
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{checkpoint.folder}: tokenizer.json is missing, and transformers, which could make it, is not installed; "
            "install ipfs_accelerate_py[torch]"
        ) from error
    from tokenizers import Tokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:  # some classes need a library of a language
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(
            f"{checkpoint.folder}: no tokenizer could be made: {first}; add tokenizer.json"
        ) from error
    backend: Any = getattr(loaded, "backend_tokenizer", None)
    try:
        return Tokenizer.from_str(backend.to_str())
    except Exception as error:  # there is none, or it is in part Python; the library raises nothing narrower
        raise CheckpointError(
            f"{checkpoint.folder}: {type(loaded).__name__} has no tokenizer.json form; save a fast tokenizer"
        ) from error
