"""Small random checkpoints with real tokenizers and sensitive weights, made offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.skills.checkpoint import Checkpoint

SEED = 20260307  # any number does; a fixed one makes every run the same
VOCABULARY = 200
BYTES = 256  # pieces that a tokenizer of bytes has before it learns any
MASK = "[MASK]"  # what texts of the generated tests hide a word with
_SHORT = 8  # letters of the longest word that is one piece; longer ones are taken apart

# Enough words to train a tokenizer on, and the inputs of the generated tests: of unequal length, and one with words
# that the tokenizer has to take apart.
TEXTS = (
    "A cat sat on the mat.",
    "Two dogs ran over the green hill, and a third one slept in the sun until the evening came.",
    "Rain.",
    "Why would anybody measure unbelievably small numbers twice?",
)


def trained(tokenizer_class: Any) -> Any:
    """Return a tokenizer of `tokenizer_class` that knows the words of `TEXTS`.

    The trainer of WordPiece breaks ties by chance: with its vocabulary no two checkpoints, and no two bundles made
    from them, would be the same. So the pieces are chosen here.
    """
    if tokenizer_class.__name__ == "TokenizersBackend":  # it has no model of its own to train
        return _of_bytes(tokenizer_class)
    fresh = tokenizer_class()
    library = getattr(fresh, "backend_tokenizer", None)
    size = VOCABULARY + (BYTES if "ByteLevel" in str(getattr(library, "pre_tokenizer", "")) else 0)
    renamed = {str(fresh.mask_token): MASK} if fresh.mask_token else {}
    tokenizer = fresh.train_new_from_iterator(TEXTS, vocab_size=size, special_tokens_map=renamed)
    library = getattr(tokenizer, "backend_tokenizer", None)
    if library is not None and type(library.model).__name__ == "WordPiece":
        prefix = library.model.continuing_subword_prefix
        vocabulary = _pieces(library, prefix, list(tokenizer.all_special_tokens))
        library.model = type(library.model)(
            vocabulary, unk_token=library.model.unk_token, continuing_subword_prefix=prefix
        )
    return tokenizer


def special_ids(tokenizer: Any) -> dict[str, int | None]:
    """Return the ids that a configuration must share with `tokenizer`, by the names of its fields."""
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}


def _of_bytes(tokenizer_class: Any) -> Any:
    """Return a tokenizer of byte pairs that begins each text with a token of its own, and has none for padding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    special = ["<unk>", "<s>", "</s>"]
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY + BYTES,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(TEXTS, trainer)
    begin = ("<s>", library.token_to_id("<s>"))
    library.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[begin]
    )
    known = dict(zip(("unk_token", "bos_token", "eos_token"), special, strict=True))
    return tokenizer_class(tokenizer_object=library, **known)


def _pieces(library: Any, prefix: str, special: Sequence[str]) -> dict[str, int]:
    """Return the special tokens with their ids, each character alone and as a continuation, and the short words."""
    plain = [library.normalizer.normalize_str(text) if library.normalizer else text for text in TEXTS]
    words = {word for text in plain for word, _ in library.pre_tokenizer.pre_tokenize_str(text)}
    characters = sorted({character for word in words for character in word})
    short = sorted(word for word in words if 1 < len(word) <= _SHORT)
    known = sorted(special, key=library.token_to_id)
    pieces = [*known, *characters, *(prefix + character for character in characters), *short]
    return {piece: place for place, piece in enumerate(pieces)}


def saved(
    folder: Path, build: Callable[[], Any], processors: Sequence[Any], *, gain: float = 1.0
) -> Checkpoint:
    """Write the model that `build` makes, from a fixed seed, and its processors; weights are multiplied by `gain`.

    Buffers, biases and the scales of normalisation stay as they are: only matrices make a model sensitive.
    """
    import torch

    torch.manual_seed(SEED)
    model = build().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(gain)
    model.save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return Checkpoint(str(folder))
