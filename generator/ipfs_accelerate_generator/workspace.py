"""A folder in which commands act: its own templates, specs and modules over those that the package ships."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator.module import SKILLS, TESTS
from ipfs_accelerate_generator.spec import file_stem
from ipfs_accelerate_generator.templates.sources import SUFFIX, Template, TemplateError, digest
from ipfs_accelerate_py.errors import WorkspaceError, unknown

TEMPLATES: Final = "templates"
SPECS: Final = "model_specs"
KINDS: Final = ("surveyed", "overrides", "findings")

_PACKAGE: Final = Path(__file__).parent


def shipped() -> Path:
    """Return the folder of the package's own templates and specs: in the wheel, or beside the sources."""
    packed = _PACKAGE / "_data"
    if (packed / TEMPLATES).is_dir():
        return packed
    checkout = _PACKAGE.parents[1]
    if (checkout / TEMPLATES).is_dir():
        return checkout
    raise WorkspaceError(f"{packed}: the package's templates are missing; install ipfs_accelerate_py again")


@dataclass(frozen=True)
class SpecFiles:
    """The files about one model type: each the workspace's, else the package's; None if neither has it."""

    stem: str
    surveyed: Path | None
    override: Path | None
    findings: Path | None

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits of what the files say, down to the byte; line ends as git keeps them."""
        parts: list[bytes] = []
        for kind, path in zip(KINDS, (self.surveyed, self.override, self.findings), strict=True):
            if path is not None:
                parts += [kind.encode(), _read(path)]
        return digest(*parts)


@dataclass(frozen=True)
class Workspace:
    """Where a command reads and writes; made by `at`. `package` is what it falls back to."""

    root: Path
    package: Path

    @classmethod
    def at(cls, root: Path | None = None, *, package: Path | None = None) -> Workspace:
        """Return the workspace at `root`, else the one in the current folder.

        Raises:
            WorkspaceError: `root` is not a folder, or the package's own files are missing.
        """
        place = (root or Path()).resolve()
        if not place.is_dir():
            raise WorkspaceError(f"{place}: is not a folder; make it, or choose another with --root")
        return cls(place, (package or shipped()).resolve())

    @property
    def layers(self) -> tuple[Path, ...]:
        """The folders that are read, later ones over earlier ones."""
        return (self.package,) if self.package == self.root else (self.package, self.root)

    @property
    def state(self) -> Path:
        """The folder for what can be made again: the template store, the stamp."""
        return self.root / ".ipfs-accelerate"

    def template_file(self, name: str) -> Path:
        """Return where the workspace keeps its own text of the template `name`."""
        return self.root / TEMPLATES / f"{name}{SUFFIX}"

    def spec_file(self, kind: str, model_type: str) -> Path:
        """Return where the workspace keeps its own file of `kind` about `model_type`.

        Raises:
            SpecError: `model_type` is not one.
        """
        return self.root / SPECS / kind / f"{file_stem(model_type)}.toml"

    def templates(self) -> tuple[Template, ...]:
        """Return the templates as they are in the folders, the workspace's own over the package's, by name.

        Raises:
            TemplateError: a file is not UTF-8 text, or lies where no template belongs.
        """
        found: dict[str, Template] = {}
        for layer in self.layers:
            folder = layer / TEMPLATES
            for path in sorted(folder.rglob(f"*{SUFFIX}")):
                name = path.relative_to(folder).as_posix().removesuffix(SUFFIX)
                found[name] = Template(name, _text(path), self.shown(path))
        return tuple(found[name] for name in sorted(found))

    def shown(self, path: Path) -> str:
        """Return `path` as messages show it: within the workspace relative to it."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def spec_files(self, stem: str) -> SpecFiles:
        """Return the files about the model type with the file name `stem`."""
        found: dict[str, Path] = {}
        for layer in self.layers:
            for kind in KINDS:
                path = layer / SPECS / kind / f"{stem}.toml"
                if path.is_file():
                    found[kind] = path
        return SpecFiles(stem, found.get("surveyed"), found.get("overrides"), found.get("findings"))

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """The file names, without suffix, of all model types that were surveyed."""
        return tuple(sorted({stem for layer in self.layers for stem in _stems(layer, KINDS[:1])}))

    @cached_property
    def own_stems(self) -> tuple[str, ...]:
        """Those that the workspace itself has a spec file or a module of."""
        generated = (path.stem.removeprefix("hf_") for path in (self.root / SKILLS).glob("hf_*.py"))
        own = {*_stems(self.root, KINDS), *generated}
        return tuple(stem for stem in self.stems if stem in own)

    def generated_files(self) -> Iterator[Path]:
        """Yield the generated modules and tests that the workspace has, sorted."""
        for folder, pattern in ((SKILLS, "hf_*.py"), (TESTS, "test_hf_*.py")):
            yield from sorted((self.root / folder).glob(pattern))

    def chosen(self, model_types: Iterable[str], *, everything: bool = False) -> tuple[str, ...]:
        """Return the file names of `model_types`, each once, in the order given, or of all surveyed types.

        Raises:
            UnknownName: one of them was not surveyed; the message offers the nearest names.
            SpecError: one of them is no name at all.
        """
        if everything:
            return self.stems
        stems: dict[str, None] = {}
        for name in model_types:
            stem = file_stem(name)
            if stem not in self.stems:
                raise unknown("model type", name, self.stems)
            stems[stem] = None
        return tuple(stems)


def _stems(layer: Path, kinds: Iterable[str]) -> Iterator[str]:
    for kind in kinds:
        yield from (path.stem for path in (layer / SPECS / kind).glob("*.toml"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise WorkspaceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _text(path: Path) -> str:
    raw = _read(path)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TemplateError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from None
