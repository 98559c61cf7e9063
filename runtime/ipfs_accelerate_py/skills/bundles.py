"""Bundles: exported models with all that a handler needs, in a content-addressed cache that processes share.

A bundle is a folder: the model files, the checkpoint's small files, and `manifest.json`, which is written last. Its
name is the digest of what it was made from, so that a change of weights, of the generated module's graph or of the
way of exporting makes another bundle. It is made in a child process, whose memory goes back, in a folder of its own
that is renamed when it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ipfs_accelerate_py.errors import BundleError, WorkspaceError
from ipfs_accelerate_py.files import folder_atomic, lock, sweep, write_atomic
from ipfs_accelerate_py.locations import cache_folder, home
from ipfs_accelerate_py.skills import failed_exports
from ipfs_accelerate_py.skills.checkpoint import SMALL_FILES, SOURCES_OF_A_TOKENIZER, Checkpoint
from ipfs_accelerate_py.skills.libraries import missing

log = logging.getLogger(__name__)

FORMAT = 1  # of the manifest and of the folder
EXPORT_TIMEOUT_S = (
    1800  # ten times the slowest export that was seen, of a 110 M decoder, on a busy two-core machine
)
_FULL = 1_000_000  # bytes; a disk with less has no room for any model
# The runtime's own sources that shape an exported graph.
_SHAPING = (
    "agreement.py",
    "begun_caches.py",
    "begun_places.py",
    "begun_scans.py",
    "boxed_patches.py",
    "cache.py",
    "calls.py",
    "chunked_sounds.py",
    "complex_numbers.py",
    "decaying_states.py",
    "deep_vectors.py",
    "drawn_places.py",
    "eager.py",
    "ended_rows.py",
    "engine_eager.py",
    "experts.py",
    "export.py",
    "forgetting.py",
    "heard.py",
    "indexed_places.py",
    "joint.py",
    "judging.py",
    "keeping.py",
    "kept.py",
    "kept_calls.py",
    "keypoints.py",
    "learned_places.py",
    "listening.py",
    "local_views.py",
    "merged_patches.py",
    "mixtures.py",
    "onnx_program.py",
    "openvino_program.py",
    "ordered_numbers.py",
    "outputs.py",
    "overlapped_frames.py",
    "packed_arrays.py",
    "packed_pictures.py",
    "packed_sounds.py",
    "paired_frames.py",
    "patch_squares.py",
    "patch_tower.py",
    "pooled_places.py",
    "prefixed_patches.py",
    "prompted_texts.py",
    "pruned_points.py",
    "quotients.py",
    "ranked_queries.py",
    "recurrences.py",
    "relative_places.py",
    "replacing.py",
    "resized_pictures.py",
    "rewrites.py",
    "routes.py",
    "rows.py",
    "seq2seq.py",
    "session.py",
    "shared_filters.py",
    "shown_session.py",
    "shown_tower.py",
    "sized_depths.py",
    "sized_pictures.py",
    "sliding_stretches.py",
    "sound_lengths.py",
    "speech_settings.py",
    "speeches.py",
    "spread_masks.py",
    "stretched.py",
    "tiled_towers.py",
    "torch_device.py",
    "towers.py",
    "turned_places.py",
    "windowed.py",
)


@dataclass(frozen=True)
class Bundle:
    """One exported model; `manifest` says what it is, what it was made from and with, and what each file must be."""

    folder: Path
    manifest: dict[str, Any]
    asked: str = ""  # the checkpoint as it was asked for: checkpoints with the same contents share a bundle

    @property
    def name(self) -> str:
        """The checkpoint's name in results."""
        return self.asked or str(self.manifest["checkpoint"])

    @property
    def checkpoint(self) -> Checkpoint:
        """The small files of the checkpoint that the bundle was made from; it has no weights."""
        return Checkpoint(str(self.folder))

    @property
    def route(self) -> str:
        """How the model was exported, as the exporter calls it."""
        return str(self.manifest["route"])

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(entry["bytes"] for entry in self.manifest["files"].values())

    @property
    def used(self) -> float:
        """When the bundle was last asked for, in seconds since 1970.

        It is the manifest's time of modification, which `bundle` sets. That of access would also change when a listing
        reads the manifest, and on most systems at most once a day.
        """
        return (self.folder / "manifest.json").stat().st_mtime

    def touch(self) -> None:
        """Note that the bundle is used now."""
        with contextlib.suppress(OSError):  # a cache that others fill may be read-only, or pruned just now
            os.utime(self.folder / "manifest.json")

    def path(self, name: str) -> Path:
        """Return the file `name` of the bundle.

        Raises:
            BundleError: it is gone.
        """
        file = self.folder / name
        if not file.is_file():
            raise BundleError(
                f"{self.folder}: {name} is gone; run `ipfs-accelerate cache prune` and try again"
            )
        return file

    def damage(self) -> list[str]:
        """Return what is wrong with the files, read through and compared with the manifest; nothing if all is well."""
        found = []
        for name, entry in self.manifest["files"].items():
            path = self.folder / name
            if not path.is_file():
                found.append(f"{path}: is missing")
            elif path.stat().st_size != entry["bytes"] or _digest(path) != entry["sha256"]:
                found.append(f"{path}: differs from what was exported")
        return found


def opened(folder: Path) -> Bundle | None:
    """Return the bundle in `folder`, or None if there is none.

    Raises:
        BundleError: its manifest cannot be read.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path}: cannot be read: {error}; delete the folder, and it is made again"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path}: is of another format; delete the folder, and it is made again")
    return Bundle(folder, manifest)


def bundle(checkpoint: Checkpoint, *, module: str, task: str, backend: str) -> Bundle:
    """Return the bundle of `checkpoint` for `task` on `backend`; the generated file `module` exports it if need be.

    Raises:
        BundleError: the export failed, and the message holds the exporter's own last words; or torch is not installed.
        CheckpointError: the checkpoint has no usable weights.
        WorkspaceError: the cache cannot be written, or another process holds it for longer than an export may take.
    """
    if checkpoint.manifest and (given := opened(checkpoint.folder)):
        if (given.manifest["task"], given.manifest["backend"]) != (task, backend):
            made = f"{given.manifest['task']} on {given.manifest['backend']}"
            raise BundleError(
                f"{given.folder}: is a bundle for {made}, not for {task} on {backend}; give the checkpoint"
            )
        if given.folder.is_relative_to(cache_folder()):  # elsewhere nothing is pruned by use
            given.touch()
        return given
    key = _key(checkpoint, Path(module), task, backend)
    folder = cache_folder() / key[:2] / key
    if found := opened(folder):
        found.touch()
        return replace(found, asked=checkpoint.name)
    with lock(folder.with_name(f"{key}.lock"), timeout_s=EXPORT_TIMEOUT_S):
        if found := opened(folder):  # another process made it while this one waited
            return replace(found, asked=checkpoint.name)
        if library := missing("cpu"):  # an export starts from the eager model
            raise BundleError(
                f"{checkpoint.name}: is not exported for {task} on {backend} yet; to export it, {library} is needed: "
                "python -m pip install 'ipfs_accelerate_py[torch]'"
            )
        if failure := failed_exports.remembered(folder):
            raise BundleError(
                f"{checkpoint.name}: the export of {task} for {backend} failed before, and nothing has changed since: "
                f"{failure}; ask for {backend} by name to try it again"
            )
        log.info("exporting %s for %s on %s; this happens once", checkpoint.name, task, backend)
        for left in folder.parent.glob(f".{key}.*.part"):  # by a process that was killed while it exported
            shutil.rmtree(left, ignore_errors=True)
        tidy()
        _make(checkpoint, Path(module), task, backend, folder)
        failed_exports.forget(folder)
    done = opened(folder)
    if done is None:
        raise BundleError(f"{folder}: vanished as soon as it was made; is something pruning the cache?")
    return replace(done, asked=checkpoint.name)


def stored() -> Iterator[Bundle]:
    """Yield the bundles of the cache, least recently used first."""
    paths = cache_folder().glob("??/[!.]*/manifest.json")  # a folder with a dot is still being made
    found = [made for path in paths if (made := opened(path.parent))]
    yield from sorted(found, key=lambda made: made.used)


def tidy() -> None:
    """Remove from the cache what killed processes left half made in it a day ago or longer."""
    for folder in cache_folder().glob("??"):
        sweep(folder)


def forget_failures() -> None:
    """Forget which exports failed, so that all are tried again."""
    failed_exports.forget_all(cache_folder())


def discard(made: Bundle) -> None:
    """Remove a bundle: its manifest first, so that nobody takes the rest for whole."""
    with lock(made.folder.with_name(f"{made.folder.name}.lock")):
        (made.folder / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(made.folder, ignore_errors=True)


def _key(checkpoint: Checkpoint, module: Path, task: str, backend: str) -> str:
    source = _source_digest(module.read_text(encoding="utf-8"), task, backend)
    parts = [str(FORMAT), checkpoint.digest(), task, backend, source]
    return _sha256(*parts, *map(_runtime_source, _SHAPING))[:32]


def _source_digest(text: str, task: str, backend: str) -> str:
    """Return the digest of what shapes the graph in a module's `text`; known for a text that was taken apart before.

    To take one apart is a tenth of the time from the start of a process to its first answer.
    """
    memory = home() / "digests" / _sha256(_runtime_source("graph_source.py"), text, task, backend)[:32]
    if memory.is_file() and len(known := memory.read_bytes()) == 64:
        return known.decode()
    from ipfs_accelerate_py.skills.graph_source import graph_source

    found = _sha256(graph_source(text, task, backend))
    with contextlib.suppress(WorkspaceError):  # then the next process takes it apart again
        write_atomic(memory, found)
    return found


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _runtime_source(name: str) -> str:
    path = Path(__file__).parent / name  # not there in a vendored copy whose skill does without it
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _export(checkpoint: Checkpoint, module: Path, task: str, backend: str, folder: Path) -> str:
    """Export into `folder` in a child process; return how that failed, or ""."""
    from ipfs_accelerate_py.hardware.child import python_module, run_child
    from ipfs_accelerate_py.skills import export
    from ipfs_accelerate_py.skills.serving import running

    order = {
        "module": str(module),
        "checkpoint": str(checkpoint.folder),
        "task": task,
        "backend": backend,
        "folder": str(folder),
        "parent": os.getpid(),
        "path": sys.path,  # a model's class may come from anywhere that this process imports from
    }
    if server := running():
        return server.export(order, timeout_s=EXPORT_TIMEOUT_S)
    command = python_module(export.main.__module__, json.dumps(order))
    return run_child(command, timeout_s=EXPORT_TIMEOUT_S).failure


def _make(checkpoint: Checkpoint, module: Path, task: str, backend: str, folder: Path) -> None:
    try:
        with folder_atomic(folder) as making:
            if failure := _export(checkpoint, module, task, backend, making):
                fix = ""
                if shutil.disk_usage(making).free < _FULL:  # which OpenVINO calls an iostream error
                    fix = "; the disk is full: free some space, or choose another with IPFS_ACCELERATE_HOME"
                else:
                    failed_exports.remember(folder, failure)
                raise BundleError(
                    f"{checkpoint.name}: the export of {task} for {backend} failed: {failure}{fix}"
                )
            _copy_small_files(checkpoint, making)
            _finish(checkpoint, task, backend, folder.name, making)
    except OSError as error:
        raise WorkspaceError(
            f"{folder}: cannot be written: {error.strerror or error}; free some space, or choose another folder with "
            "IPFS_ACCELERATE_HOME"
        ) from error


def _copy_small_files(checkpoint: Checkpoint, folder: Path) -> None:
    whole = (folder / "tokenizer.json").exists() or (checkpoint.folder / "tokenizer.json").exists()
    for name in SMALL_FILES if whole else (*SMALL_FILES, *SOURCES_OF_A_TOKENIZER):
        source, target = checkpoint.folder / name, folder / name
        if source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _finish(checkpoint: Checkpoint, task: str, backend: str, key: str, folder: Path) -> None:
    written = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    (folder / "export.json").unlink()
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": _digest(path)}
    manifest = {
        "format": FORMAT,
        "key": key,
        "checkpoint": checkpoint.name,
        "weights": checkpoint.digest(),
        "model_type": checkpoint.model_type,
        "task": task,
        "backend": backend,
        **written,
        "files": files,
    }
    write_atomic(folder / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
