"""The tokenizer of a checkpoint as transformers has it, where it stands for a whole processor: of a text alone."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.errors import BackendError, CheckpointError
from ipfs_accelerate_py.skills.checkpoint import SETTINGS_OF_A_TOKENIZER, VOCABULARIES, Checkpoint


def tokenizer_of(checkpoint: Checkpoint) -> Any:
    """Return the tokenizer in the folder of `checkpoint`, of whatever class it says.

    Raises:
        BackendError: transformers is not installed.
        CheckpointError: the checkpoint has no tokenizer, or a library that its class needs is not installed.
    """
    folder = checkpoint.folder
    files = ("tokenizer.json", SETTINGS_OF_A_TOKENIZER, *VOCABULARIES)
    # Of none of them transformers would make one that knows five tokens.
    if not any((folder / name).is_file() for name in files):
        raise CheckpointError(
            f"{folder}: has no tokenizer, none of {', '.join(files)}; fetch it again, or give arrays"
        )
    try:
        from transformers import AutoTokenizer
    except ModuleNotFoundError as error:
        raise BackendError(
            f"{error.name} is not installed, and the tokenizer of {checkpoint.name} needs it; "
            "python -m pip install 'ipfs_accelerate_py[torch]', or give arrays"
        ) from error
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ImportError, ValueError, TypeError, KeyError, AttributeError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(f"{folder}: its tokenizer cannot be loaded: {first}, or give arrays") from error
