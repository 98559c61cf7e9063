"""Texts to token ids through the `tokenizers` library, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ipfs_accelerate_py.errors import CheckpointError, InputError
from ipfs_accelerate_py.skills import token_ids
from ipfs_accelerate_py.skills.arrays import Array
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.tokenizer import opened

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

NO_LIMIT = 1_000_000  # transformers writes 10**30 for "none"; no model reads as much as this
_FIELDS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
# Forms of special tokens by which they are known where a checkpoint does not name them, as older ones do not.
_USUAL = {"mask_token": ("[MASK]", "<mask>"), "pad_token": ("[PAD]", "<pad>")}
Text = str | tuple[str, str]
TextOrIds = Text | Mapping[str, Any]  # {"input_ids": ..., "attention_mask": ...}


@dataclass(frozen=True)
class Tokens:
    """One encoded text, or pair of texts."""

    arrays: dict[str, Array]  # (tokens,) int64 each
    encoding: Any  # the library's own form; None where ids were given instead of a text
    notice: str | None
    marks: Array | None = None  # what `special` is where ids were given

    @property
    def ids(self) -> Array:
        """Token ids, (tokens,)."""
        return self.arrays["input_ids"]

    @property
    def special(self) -> Array:
        """1 where a token was added by the tokenizer or does not count, (tokens,)."""
        return self.marks if self.marks is not None else np.asarray(self.encoding.special_tokens_mask)

    @property
    def sequence(self) -> Array:
        """0 where a token is of the first text, 1 of the second, -1 of neither, (tokens,)."""
        return np.asarray([-1 if place is None else place for place in self.encoding.sequence_ids])


@dataclass(frozen=True)
class TextInput:
    """The tokenizer of a checkpoint, for a model whose forward takes `names`.

    `limit_field` names the field of config.json that bounds the length; the tokenizer's own limit counts too, and for
    sentence embeddings the one of sentence_bert_config.json. `after_field` names the field with the id after which
    positions are counted, where they do not begin at 0.
    """

    checkpoint: Checkpoint
    names: tuple[str, ...]
    limit_field: str
    after_field: str = ""

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer, with neither truncation nor padding of its own."""
        tokenizer = opened(self.checkpoint)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def limit(self) -> int:
        """The number of tokens that the checkpoint takes, special ones included."""
        places = self.checkpoint.number(self.limit_field)
        if places is not None and self.after_field:
            places -= int(self.checkpoint.config.get(self.after_field) or 0) + 1
        written = (
            places,
            self.checkpoint.json("tokenizer_config.json").get("model_max_length"),
            self.checkpoint.json("sentence_bert_config.json").get("max_seq_length"),
        )
        return min(
            (int(value) for value in written if isinstance(value, int | float) and 0 < value < NO_LIMIT),
            default=NO_LIMIT,
        )

    def special_token(self, name: str) -> tuple[str, int]:
        """Return the text and the id of the special token called `name`, such as "mask_token".

        Raises:
            CheckpointError: the checkpoint names none, or it is not in the vocabulary.
        """
        for file in ("tokenizer_config.json", "special_tokens_map.json"):
            written = self.checkpoint.json(file).get(name)
            text = written.get("content") if isinstance(written, dict) else written
            if isinstance(text, str):
                found = self.tokenizer.token_to_id(text)
                if found is None:
                    raise CheckpointError(
                        f"{self.checkpoint.folder / file}: {name} {text!r} is not in the vocabulary"
                    )
                return text, int(found)
        for place, text in self.special_tokens.items():
            if text in _USUAL.get(name, ()):
                return text, place
        raise CheckpointError(
            f"{self.checkpoint.folder}: neither tokenizer_config.json nor special_tokens_map.json names a {name}"
        )

    @cached_property
    def special_tokens(self) -> dict[int, str]:
        """The tokens that stand for no text, by id."""
        added = self.tokenizer.get_added_tokens_decoder()
        return {int(place): str(token.content) for place, token in added.items() if token.special}

    @cached_property
    def padding(self) -> dict[str, int]:
        """What each input is filled up with; masked positions never count, so without a pad token any id will do."""
        try:
            pad = self.special_token("pad_token")[1]
        except CheckpointError:
            pad = self.checkpoint.config.get("pad_token_id") or 0
        return {name: pad if name == "input_ids" else 0 for name in self.names}

    def encode(
        self,
        texts: Sequence[TextOrIds],
        *,
        shorten: str = "longest_first",
        index: int | None = None,
        ids: bool = True,
        special: bool = True,
    ) -> list[Tokens]:
        """Return each text, or pair of texts, as tokens; what is over the limit is cut off, and the notice says so.

        Token ids, {"input_ids": ...} and what else the model takes, are checked and passed on, unless `ids` is false.
        Unless `special`, the tokenizer adds no tokens of its own. Errors name an item by its place among `texts`, or
        by `index` where all of them belong to one input.

        Raises:
            InputError: an item is not a text, is empty, or leaves no room beside its partner; ids cannot be used.
        """
        places = range(len(texts)) if index is None else [index] * len(texts)
        ready = [ids and token_ids.given(text) for text in texts]
        for place, text, done in zip(places, texts, ready, strict=True):
            for part in () if done else text if isinstance(text, tuple) else (text,):
                _check(part, place)
        plain = [text for text, done in zip(texts, ready, strict=True) if not done]
        encodings = iter(self.tokenizer.encode_batch(plain, add_special_tokens=special))
        return [
            self._given(text, place) if done else self._tokens(next(encodings), text, place, shorten)
            for text, place, done in zip(texts, places, ready, strict=True)
        ]

    def _given(self, item: Any, index: int) -> Tokens:
        number = self.checkpoint.number
        below = {
            "input_ids": number("vocab_size") or self.tokenizer.get_vocab_size(),
            "token_type_ids": number("type_vocab_size"),
            "attention_mask": 2,
        }
        arrays = token_ids.arrays(item, self.names, below=below, longest=self.limit, index=index)
        added = np.isin(arrays["input_ids"], self.tokenizer.encode("").ids)  # what frames any text
        unread = arrays.get("attention_mask", np.ones(1)) == 0
        return Tokens(arrays, None, None, marks=np.asarray(added | unread, dtype=np.int64))

    def _tokens(self, encoding: Encoding, text: Any, index: int, shorten: str) -> Tokens:
        notice = None
        if len(encoding) > self.limit:
            notice = f"truncated: {len(encoding)} tokens, of which the checkpoint takes {self.limit}"
            encoding = self._shortened(text, index, shorten)
        arrays = {name: np.asarray(getattr(encoding, _FIELDS[name]), dtype=np.int64) for name in self.names}
        return Tokens(arrays, encoding, notice)

    def _shortened(self, text: Any, index: int, shorten: str) -> Encoding:
        from copy import deepcopy

        # The strategy is a state of the tokenizer, and another thread may be using it.
        tokenizer = deepcopy(self.tokenizer)
        side = self.checkpoint.json("tokenizer_config.json").get("truncation_side")
        tokenizer.enable_truncation(
            self.limit, strategy=shorten, direction="left" if side == "left" else "right"
        )
        try:
            return tokenizer.encode(*text) if isinstance(text, tuple) else tokenizer.encode(text)
        except Exception as error:  # the tokenizers library raises nothing narrower
            raise InputError(
                f"cannot be cut to the {self.limit} tokens that the checkpoint takes: {error}", index=index
            ) from error

    def decode(self, ids: Sequence[int] | Array, *, skip_special: bool) -> str:
        """Return the text of `ids`."""
        return str(self.tokenizer.decode([int(token) for token in ids], skip_special_tokens=skip_special))

    def join(self, words: Sequence[str]) -> str:
        """Return pieces of the vocabulary as running text."""
        decoder = self.tokenizer.decoder
        return str(decoder.decode(list(words))) if decoder is not None else " ".join(words)


def _check(text: Any, index: int) -> None:
    if not isinstance(text, str):
        raise InputError(f"is a {type(text).__name__}; this task takes a text", index=index)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"character {error.start} is half of a pair (a surrogate), which is no text; decode it anew",
            index=index,
        ) from error
    if not text.strip():
        raise InputError("the text is empty; give at least one word", index=index)


def texts_or_pairs(items: Sequence[Any]) -> list[TextOrIds]:
    """Return `items`, each a text or {"text", "text_pair"}, as texts and pairs; token ids stay what they are.

    Raises:
        InputError: an item is none of these.
    """
    texts: list[TextOrIds] = []
    for index, item in enumerate(items):
        if isinstance(item, str) or token_ids.given(item):
            texts.append(item)
        elif isinstance(item, dict) and item.get("text") is not None and set(item) <= {"text", "text_pair"}:
            texts.append(
                (item["text"], item["text_pair"]) if item.get("text_pair") is not None else item["text"]
            )
        else:
            raise InputError('is neither a text nor {"text": ..., "text_pair": ...}', index=index)
    return texts
