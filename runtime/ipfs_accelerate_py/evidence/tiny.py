"""Small random checkpoints with real tokenizers and sensitive weights, made offline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from string import ascii_lowercase
from tempfile import TemporaryDirectory
from typing import Any

from ipfs_accelerate_py.evidence.gains import Gain
from ipfs_accelerate_py.evidence.merges import merges
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

VOCABULARY = 200
_MERGES = 40  # of byte pairs: some words become one piece, and others do not
_MERGES_OF_BYTES = 120  # where each byte is a letter, and the texts must still fit into a tiny context
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


_SPACE = "\u2581"  # what SentencePiece writes for a space


def trained(tokenizer_class: Any, *, masks: bool = False, ends: bool = False) -> Any:
    """Return a tokenizer of `tokenizer_class` that knows the words of `TEXTS`.

    With `masks` it has tokens for a hidden word and for padding, and with `ends` it ends each text, also where the
    class says nothing of these.

    The trainers of WordPiece, byte pairs and Unigram break ties by chance: with their vocabularies no two checkpoints,
    and no two bundles made from them, would be the same. So the pieces are chosen here. A class that cannot be without
    a file of its vocabulary has one token for each letter, as those of speech recognition do.
    """
    needed = [
        name for name, each in signature(tokenizer_class).parameters.items() if each.default is each.empty
    ]
    if "vocab_file" in needed:
        return _spelling(tokenizer_class)
    if tokenizer_class.__name__ == "TokenizersBackend":  # it has no model of its own to train
        return _of_bytes(tokenizer_class, masks=masks, ends=ends)
    try:
        fresh = tokenizer_class()
    except ValueError:
        if "vocab" not in signature(tokenizer_class).parameters:
            raise
        return _of_scores(tokenizer_class)
    if _letters(fresh) > 1:  # its vocabulary stands in its class, as that of proteins: it learns no other
        return fresh
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
    if library is not None and type(library.model).__name__ == "BPE":
        library.model = _byte_pairs(library, list(tokenizer.all_special_tokens))
    if library is not None and type(library.model).__name__ == "Unigram":
        special = list(tokenizer.all_special_tokens)
        pieces = _pieces(library, "", special)
        if (
            tokenizer.bos_token and not tokenizer.mask_token
        ):  # it writes: transformers asks it for other letters
            for letter in ascii_lowercase:
                pieces.setdefault(letter, len(pieces))
        likely = _likely(pieces, special)
        library.model = type(library.model)(likely, pieces.get(tokenizer.unk_token))
        _place_unknown(tokenizer, likely)
    if hasattr(tokenizer, "set_src_lang_special_tokens"):  # as its class does when it is loaded
        tokenizer.set_src_lang_special_tokens(tokenizer.src_lang)
    if masks and not tokenizer.mask_token:
        tokenizer.add_special_tokens({"mask_token": MASK})
    return tokenizer


def _of_scores(tokenizer_class: Any) -> Any:
    """Return a tokenizer of a class that takes neither its own empty vocabulary nor one that the library trains.

    It looks for the token of what it does not know behind the first (`models/pegasus`), as its files have it.
    """
    named = ("pad_token", "eos_token", "mask_token", "unk_token")
    parameters = signature(tokenizer_class).parameters
    special = [parameters[name].default for name in named if name in parameters]
    empty = tokenizer_class(vocab=_likely(special, special))
    return tokenizer_class(vocab=_likely(_pieces(empty.backend_tokenizer, "", special), special))


def _likely(pieces: Iterable[str], special: Sequence[str]) -> list[tuple[str, float]]:
    """Return `pieces` with scores: special ones have 0 in files of SentencePiece, and some classes look for it."""
    return [(piece, 0.0 if piece in special else -10.0 if len(piece) == 1 else -1.0) for piece in pieces]


def _place_unknown(tokenizer: Any, pieces: Sequence[tuple[str, float]]) -> None:
    """Put the token for what `tokenizer`, made of `pieces`, does not know where its class looks for it.

    A class that has a number for it, whatever its pieces are (`models/rembert`), takes another token for that one when
    it is loaded again.
    """
    if "vocab" not in signature(type(tokenizer)).parameters:
        return
    again = type(tokenizer)(vocab=list(pieces))
    place = json.loads(again.backend_tokenizer.to_str())["model"].get("unk_id")
    found = next((at for at, (piece, _) in enumerate(pieces) if piece == tokenizer.unk_token), None)
    if place is None or found is None or place == found:
        return
    library = tokenizer.backend_tokenizer
    written, moved = json.loads(library.to_str()), {found: place, place: found}
    known = written["model"]["vocab"]
    known[place], known[found], written["model"]["unk_id"] = known[found], known[place], place
    for added in written["added_tokens"]:
        added["id"] = moved.get(added["id"], added["id"])
    for added in (written["post_processor"] or {}).get("special_tokens", {}).values():
        added["ids"] = [moved.get(each, each) for each in added["ids"]]
    tokenizer._tokenizer = type(library).from_str(json.dumps(written))


def begun_above_zero(tokenizer: Any) -> Any:
    """Return `tokenizer` with another number for the token that begins a text, if that was 0: to some models 0 is none.

    It changes places with the first piece that is no special token.
    """
    if tokenizer.bos_token_id != 0:
        return tokenizer
    library = tokenizer.backend_tokenizer
    written = json.loads(library.to_str())
    begin, ids = tokenizer.bos_token, written["model"]["vocab"]
    place = next(place for piece, place in ids.items() if piece not in tokenizer.all_special_tokens)
    other = next(piece for piece, each in ids.items() if each == place)
    ids[begin], ids[other] = place, 0
    for added in written["added_tokens"]:
        if added["content"] == begin:
            added["id"] = place
    tokenizer._tokenizer = type(library).from_str(
        json.dumps(written).replace(json.dumps([begin, 0]), json.dumps([begin, place]))
    )
    return tokenizer


def _letters(tokenizer: Any) -> int:
    """Return how many letters `tokenizer` knows."""
    return sum(len(piece) == 1 and piece.isalpha() for piece in tokenizer.get_vocab())


def _spelling(tokenizer_class: Any) -> Any:
    """Return a tokenizer with the letters of `TEXTS` in capitals, after the tokens that its defaults name."""
    named = ("pad_token", "bos_token", "eos_token", "unk_token", "word_delimiter_token")
    parameters = signature(tokenizer_class).parameters
    special = [parameters[name].default for name in named if name in parameters]
    letters = sorted({letter for text in TEXTS for letter in text.upper() if letter.isalpha()})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.json"
        path.write_text(json.dumps({token: place for place, token in enumerate([*special, *letters])}))
        return tokenizer_class(str(path))


def _byte_pairs(library: Any, special: Sequence[str]) -> Any:
    """Return a model with the special tokens, the single characters that the trained one knows, and merges of words."""
    suffix = library.model.end_of_word_suffix or ""
    known = library.get_vocab()
    single = sorted(piece for piece in known if len(piece.removesuffix(suffix)) == 1 and piece not in special)
    if (
        library.model.byte_fallback
    ):  # a real one knows every byte, and transformers asks it for letters of its own
        single = sorted({*single, *ascii_lowercase})
    found = merges(_words(library), _MERGES if suffix else _MERGES_OF_BYTES, suffix)
    joined = ["".join(pair) for pair in found]
    pieces = dict.fromkeys([*sorted(special, key=library.token_to_id), *single, *joined])
    settings: dict[str, Any] = {"end_of_word_suffix": suffix} if suffix else {}
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    if library.model.byte_fallback:
        settings |= {"byte_fallback": True, "fuse_unk": library.model.fuse_unk}
    return type(library.model)(vocab=vocabulary, merges=found, unk_token=library.model.unk_token, **settings)


def _words(library: Any) -> list[str]:
    """Return the words of `TEXTS` as `library` parts them, and where it parts none, each with the space before it."""
    plain = [library.normalizer.normalize_str(text) if library.normalizer else text for text in TEXTS]
    parts = library.pre_tokenizer.pre_tokenize_str if library.pre_tokenizer else lambda text: [(text, None)]
    words = [word for text in plain for word, _ in parts(text)]
    return [each for word in words for each in re.findall(f"{_SPACE}*[^{_SPACE}]+", word)]


def special_ids(tokenizer: Any) -> dict[str, int]:
    """Return the ids that a configuration must share with `tokenizer`, by the names of its fields.

    A token that the tokenizer lacks is not among them: some models count positions from the id of their padding.
    """
    found = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    return {name: place for name, place in found.items() if place is not None}


def _of_bytes(tokenizer_class: Any, *, masks: bool, ends: bool) -> Any:
    """Return a tokenizer of byte pairs that begins each text with a token of its own.

    It has none for padding, unless it is to have one for hidden words as well.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    special = ["<unk>", "<s>", "</s>", *(("<pad>", MASK) if masks else ())]
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
    end = ("</s>", library.token_to_id("</s>"))
    if ends:
        framed = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[begin, end]
        )
    else:
        framed = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[begin]
        )
    library.post_processor = framed
    known = dict(
        zip(("unk_token", "bos_token", "eos_token", "pad_token", "mask_token"), special, strict=False)
    )
    return tokenizer_class(tokenizer_object=library, **known)


def _pieces(library: Any, prefix: str, special: Sequence[str]) -> dict[str, int]:
    """Return the special tokens with their ids, each character alone and as a continuation, and the short words."""
    words = set(_words(library))
    characters = sorted({character for word in words for character in word})
    short = sorted(word for word in words if 1 < len(word) <= _SHORT)
    known = sorted(special, key=library.token_to_id)
    pieces = [*known, *characters, *(prefix + character for character in characters), *short]
    return {piece: place for place, piece in enumerate(dict.fromkeys(pieces))}


def saved(
    folder: Path, build: Callable[[], Any], processors: Sequence[Any], *, gain: float = 1.0
) -> Checkpoint:
    """Write the model that `build` makes, from the seed of `gain`, and its processors; weights are multiplied by it.

    Biases and the scales of normalisation stay as they are: only matrices make a model sensitive. So do buffers, except
    the books of codes that training fills: while they are zeros, every sound has the same code. The gate of a mixture
    that begins with zeros (`models/afmoe`) is drawn as well: while all experts are alike, who is chosen is a tie.
    """
    import torch

    drawn = gain if isinstance(gain, Gain) else Gain(gain)
    torch.manual_seed(drawn.seed)
    model = build().eval()
    tables = {id(each.weight) for each in model.modules() if isinstance(each, torch.nn.Embedding)}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".gate.weight") and not parameter.any():
                parameter.normal_(0, 0.02)
            if parameter.dim() > 1:
                parameter.mul_(drawn.tables if id(parameter) in tables else float(drawn))
        kept = model.state_dict().keys()
        for name, buffer in model.named_buffers():
            if name in kept and buffer.is_floating_point() and buffer.dim() > 1 and not buffer.any():
                buffer.normal_(0, 0.02)  # small, so that the direction of a sound decides
    model.save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return Checkpoint(str(folder))


def told(tiny: Mapping[str, Any], vocabulary: str, tokenizer: Any) -> dict[str, Any]:
    """Return `tiny`, the fields of a configuration, with what `tokenizer` says beside the dotted field `vocabulary`.

    These are the number of its tokens, and the ids of those that begin, end and fill up a text.
    """
    part, _, field = vocabulary.rpartition(".")
    said = {field: len(tokenizer)}
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if (place := getattr(tokenizer, name, None)) is not None:
            said[name] = place
    if not part:
        return {**tiny, **said}
    first, _, rest = part.partition(".")
    inner = {**tiny.get(first, {})}
    return {**tiny, first: told(inner, f"{rest}.{field}" if rest else field, tokenizer)}


def widened(tiny: Mapping[str, Any], vocabulary: str, count: int) -> dict[str, Any]:
    """Return `tiny`, the fields of a configuration, with `count` wherever it says how many tokens there are.

    That is at the dotted field `vocabulary`, and at every field of such a name, in parts as well: an encoder and its
    decoder read the same tokens.
    """
    key, _, rest = vocabulary.partition(".")
    found: dict[str, Any] = {}
    for name, value in tiny.items():
        if isinstance(value, Mapping):
            found[name] = widened(value, "", count)
        else:
            found[name] = count if "vocab_size" in name and "type" not in name else value
    if key:
        found[key] = widened(found.get(key) or {}, rest, count) if rest else count
    return found


def side(config: Any, field: str) -> int:
    """Return the least side of the pictures that `config` takes, as its dotted `field` says it."""
    found = config
    for key in field.split("."):
        found = getattr(found, key)
    return int(min(found) if isinstance(found, list | tuple) else found)


def sized(processor_class: Any, size: int) -> Any:
    """Return an image processor of `processor_class` that makes images of `size` pixels where its own are larger.

    What its size names (a height and a width, an edge or two) stays; a longest edge is as much longer as it was. One
    that takes images as they are has no size.
    """
    own = processor_class()
    if not getattr(own, "size", None):
        return own
    shape = dict(own.size)
    least = min(shape.values())
    settings = {"size": {name: size * value // least for name, value in shape.items()}}
    if getattr(own, "crop_size", None):
        settings["crop_size"] = {"height": size, "width": size}
    return processor_class(**settings)


def hearing(extractor_class: Any) -> Any:
    """Return a feature extractor whose window is a second, and that makes one view of a sound, where it has windows."""
    wanted = {"max_length_s": 1, "truncation": "rand_trunc"}
    known = signature(extractor_class).parameters
    return extractor_class(**{name: value for name, value in wanted.items() if name in known})
