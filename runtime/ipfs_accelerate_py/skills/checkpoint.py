"""A checkpoint: weights and the small files beside them, in a folder or on the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import CheckpointError
from ipfs_accelerate_py.files import write_atomic
from ipfs_accelerate_py.locations import home
from ipfs_accelerate_py.skills import weights

SETTINGS_OF_A_TOKENIZER = "tokenizer_config.json"
# What a handler reads besides weights; a bundle carries copies, so that it needs no checkpoint any more.
SMALL_FILES = (
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "modules.json",
    "1_Pooling/config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    SETTINGS_OF_A_TOKENIZER,
    "vocab.json",
)
VOCABULARIES = (
    "prophetnet.tokenizer",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
    "vocab-src.json",
    "vocab.json",
    "vocab.txt",
)
SOURCES_OF_A_TOKENIZER = (
    *(name for name in VOCABULARIES if name not in SMALL_FILES),
    "added_tokens.json",
    "emoji.json",
    "merges.txt",
    "vocab-tgt.json",
    "word_pronunciation.json",
    "word_shape.json",
)
_MANIFEST = {"format", "checkpoint", "task", "backend", "files"}  # what tells a bundle's manifest from others
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def inside(settings: Mapping[str, Any], field: str) -> Any:
    """Return what `settings` hold under `field`, or None; a dot leads into a part: "text_config.dim".

    A number behind it is a place in a list: "image_size.1". One number stands for all of them.
    """
    found: Any = settings
    for key in field.split("."):
        if isinstance(found, dict):
            found = found.get(key)
        elif not key.isdecimal():
            found = None
        elif isinstance(found, list):
            found = found[int(key)] if int(key) < len(found) else None
    return found


def whole_number(value: Any) -> int | None:
    """Return `value` if it is a positive whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


@dataclass(frozen=True)
class Checkpoint:
    """A model's files: `repo` is a folder or a Hub id; a `revision` belongs to a Hub id."""

    repo: str
    revision: str | None = None

    @cached_property
    def folder(self) -> Path:
        """The local folder; for a Hub id, huggingface_hub's snapshot, fetched if it is not there.

        Raises:
            CheckpointError: there is no such folder, or the Hub did not give it.
        """
        path = Path(os.path.expanduser(self.repo))
        if self.repo and path.is_dir():
            return path.resolve()
        if path.exists():
            raise CheckpointError(
                f"{path}: a checkpoint is a folder, and this is a file; give the folder that holds it"
            )
        if not _HUB_ID.fullmatch(self.repo):
            raise CheckpointError(
                f"{self.repo!r}: no such folder; give a checkpoint's folder or a Hub id such as org/name"
            )
        return _snapshot(self.repo, self.revision)

    @cached_property
    def name(self) -> str:
        """The name that results carry: the Hub id, or the folder as it was given."""
        return str(self.manifest.get("checkpoint") or self.repo)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What a bundle's folder says of itself; empty for a folder with weights, whatever manifest that one has."""
        written = self.json_value("manifest.json")
        own = isinstance(written, dict) and written.keys() >= _MANIFEST
        return dict(written) if own else {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """The contents of `config.json`.

        Raises:
            CheckpointError: it is missing, is not JSON, or names no model type.
        """
        if not (self.folder / "config.json").exists():
            raise CheckpointError(
                f"{self.folder}: config.json is missing; without it the model type is not known"
            )
        config = self.json("config.json")
        if not isinstance(config.get("model_type"), str):
            raise CheckpointError(
                f"{self.folder / 'config.json'}: names no model_type; add the one it belongs to"
            )
        return config

    @property
    def model_type(self) -> str:
        """The model type that the configuration names."""
        return str(self.config["model_type"])

    def json(self, name: str) -> dict[str, Any]:
        """Return the object in the JSON file `name`, or an empty one if there is no such file."""
        value = self.json_value(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise CheckpointError(
                f"{self.folder / name}: holds a {type(value).__name__} where an object is expected"
            )
        return value

    def json_value(self, name: str) -> Any:
        """Return what the JSON file `name` holds, or None if there is no such file."""
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: cannot be read as JSON: {error}; fetch the file again") from error

    def number(self, field: str) -> int | None:
        """Return the positive whole number in the configuration's `field`, if it holds one; a dot leads into a part."""
        return whole_number(self.value(field))

    def value(self, field: str) -> Any:
        """Return what the configuration holds under `field`, or None: see `inside`."""
        return inside(self.config, field)

    def weights(self) -> tuple[Path, ...]:
        """Return the safetensors files with the weights, checked for completeness but not read through.

        Raises:
            CheckpointError: there are none, only pickled ones, one is missing, or one is cut off or damaged.
        """
        return weights.files(self.folder, self.json(weights.INDEX))

    def digest(self) -> str:
        """Return 64 hex digits of all files that shape a result; they are read once and remembered by size and time."""
        files = [self.folder / name for name in (*SMALL_FILES, *SOURCES_OF_A_TOKENIZER)]
        present = [path for path in files if path.is_file()] + list(self.weights())
        stats = [(path, path.stat()) for path in present]
        stamp = hashlib.sha256(
            repr([(str(p), s.st_size, s.st_mtime_ns, s.st_ino) for p, s in stats]).encode()
        ).hexdigest()
        memory = home() / "digests" / stamp[:32]
        if memory.is_file() and _DIGEST.fullmatch(known := memory.read_bytes()):
            return known.decode()
        whole = hashlib.sha256()
        for path in present:
            with path.open("rb") as file:
                whole.update(
                    f"{path.relative_to(self.folder)}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode()
                )
        write_atomic(memory, whole.hexdigest())
        return whole.hexdigest()


def _snapshot(repo: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.constants import HF_HUB_OFFLINE
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{repo!r} is no folder here, and to fetch it from the Hub huggingface_hub is needed: "
            "python -m pip install huggingface_hub"
        ) from error
    wanted = [*SMALL_FILES, *SOURCES_OF_A_TOKENIZER, "*.safetensors", "*.safetensors.index.json"]
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=wanted)).resolve()
    except LocalEntryNotFoundError as error:
        state = "HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else "the Hub did not answer"
        raise CheckpointError(
            f"{repo!r} is no folder here and not in the Hub's cache, and {state}"
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"{repo!r}: the Hub refused it: {first}") from error
