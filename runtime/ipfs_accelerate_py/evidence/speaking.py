"""The words of a small random model of speech: a real tokenizer with languages, tasks and marks of time."""

from __future__ import annotations

from typing import Any

from ipfs_accelerate_py.evidence.tiny import TEXTS

# As checkpoints have them, in their order: text, the end, how to ask, the times.
_END = "<|endoftext|>"
_LANGUAGES = ("<|en|>", "<|de|>", "<|fr|>")
_TASKS = ("translate", "transcribe")
_OTHERS = ("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")
_ASKED = ("<|startoftranscript|>", *_LANGUAGES, *(f"<|{task}|>" for task in _TASKS), *_OTHERS)
_MARKS = tuple(f"<|{place * 0.02:.2f}|>" for place in range(51))  # of a second
_PIECES = 300  # 256 bytes and a few words


def speaking(tokenizer_class: Any) -> Any:
    """Return a tokenizer of `tokenizer_class` that knows the words of `TEXTS` and how to ask a model of speech."""
    import json

    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=_PIECES, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    model = json.loads(library.to_str())["model"]
    vocabulary = {**model["vocab"], _END: len(model["vocab"])}
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = tokenizer_class(vocab=vocabulary, merges=merges, pad_token=_END)
    tokenizer.add_special_tokens({"additional_special_tokens": list(_ASKED)})
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in _MARKS])
    tokenizer.set_prefix_tokens()  # what stands before a text had no ids when the tokenizer was made
    return tokenizer


def ids(size: int) -> dict[str, int]:
    """Return the ids of all but the pieces of text, in a vocabulary of `size` tokens."""
    names = (_END, *_ASKED, *_MARKS)
    return {name: size - len(names) + place for place, name in enumerate(names)}


def speaker(model_class: Any, config: Any) -> Any:
    """Return a random model that wants to be asked as `speaking` tokenizers do; its `generation_config` says so."""
    from transformers import GenerationConfig

    known = ids(config.vocab_size)
    config.decoder_start_token_id = known[_ASKED[0]]
    config.bos_token_id = config.eos_token_id = config.pad_token_id = known[_END]
    model = model_class(config)
    asked = {
        "decoder_start_token_id": known[_ASKED[0]],
        "bos_token_id": known[_END],
        "eos_token_id": known[_END],
        "pad_token_id": known[_END],
        "is_multilingual": True,
        "lang_to_id": {name: known[name] for name in _LANGUAGES},
        "task_to_id": {task: known[f"<|{task}|>"] for task in _TASKS},
        "no_timestamps_token_id": known["<|notimestamps|>"],
        "max_initial_timestamp_index": 10,
        "suppress_tokens": [1, 2, 7, *(known[name] for name in _ASKED)],
        "begin_suppress_tokens": [32, known[_END]],
        "return_timestamps": False,
        "prev_sot_token_id": known["<|startofprev|>"],
        "alignment_heads": [[0, 1], [1, 0], [1, 3]],
    }
    model.generation_config = GenerationConfig(
        **asked
    )  # a new one: one made of a model's config is made anew of it
    return model
