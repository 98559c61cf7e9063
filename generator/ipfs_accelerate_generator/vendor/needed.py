"""Which definitions of the runtime a skill needs, down to names in annotations, so that what is cut out is whole."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from ipfs_accelerate_generator.vendor.uses import Target, Use, bound, imported, uses
from ipfs_accelerate_py.errors import WorkspaceError

RUNTIME: Final = "ipfs_accelerate_py"


@dataclass(frozen=True)
class Source:
    """One module as statements: the skill's, or one of the runtime's."""

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        """What the file says."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """Its statements in order."""
        return ast.parse(self.text).body

    def code(self, place: int) -> str:
        """Return the lines of the statement at `place`, with the blank lines and comments before it."""
        after = self.statements[place - 1].end_lineno if place else self.statements[0].lineno - 1
        return "".join(self._lines[after : self.statements[place].end_lineno])

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.splitlines(keepends=True)

    @property
    def is_package(self) -> bool:
        """Whether it is the `__init__.py` of a package."""
        return self.path.name == "__init__.py"

    @cached_property
    def definitions(self) -> Mapping[str, list[int]]:
        """Each top-level name that gets a value here, and the places of the statements that give it one."""
        found: dict[str, list[int]] = {}
        for place, statement in enumerate(self.statements):
            if not _is_type_checking(statement):
                for name in bound(statement):
                    found.setdefault(name, []).append(place)
        return found

    @cached_property
    def imports(self) -> Mapping[str, Target]:
        """What the imports at the top bind."""
        return {**self.type_imports, **_imports(self.statements)}

    @cached_property
    def type_imports(self) -> Mapping[str, Target]:
        """What the imports bind that only type checkers run."""
        blocks = [each for each in self.statements if isinstance(each, ast.If) and _is_type_checking(each)]
        return _imports([inner for block in blocks for inner in block.body])

    @cached_property
    def whole_imports(self) -> Mapping[str, list[str]]:
        """Each name that `import a.b` binds at the top, which is `a`, and the modules that it makes sure of."""
        found: dict[str, list[str]] = {}
        for each in self.statements:
            for alias in each.names if isinstance(each, ast.Import) else ():
                if alias.asname is None:
                    found.setdefault(alias.name.partition(".")[0], []).append(alias.name)
        return found

    @cached_property
    def uses(self) -> list[frozenset[Use]]:
        """What each statement reads from outside itself; nothing for an import at the top."""
        return [
            frozenset[Use]() if self.is_import(place) or _is_type_checking(each) else self._of(each)
            for place, each in enumerate(self.statements)
        ]

    def is_import(self, place: int) -> bool:
        """Whether the statement at `place` is an import."""
        return isinstance(self.statements[place], ast.Import | ast.ImportFrom)

    def is_remark(self, place: int) -> bool:
        """Whether it is a text: the module's docstring, or what is said about the constant before it."""
        statement = self.statements[place]
        return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)

    def is_type_checking(self, place: int) -> bool:
        """Whether it is the block that only type checkers run."""
        return _is_type_checking(self.statements[place])

    def _of(self, statement: ast.stmt) -> frozenset[Use]:
        found = uses(statement)
        known = {*self.type_imports}
        quoted = {each.name.strip('"') for each in found if each.name.startswith('"')}
        return frozenset(each for each in found if not each.name.startswith('"')) | {
            Use(name) for name in quoted & known
        }


def _imports(statements: Iterable[ast.stmt]) -> dict[str, Target]:
    return {name: target for each in statements for name, target in imported(each)}


def _is_type_checking(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


class Needed:
    """The definitions that a skill needs, in its own module and in the runtime's, which lies in `runtime`."""

    def __init__(self, skill: Source, runtime: Path) -> None:
        self.skill = skill
        self.names: dict[str, set[str]] = {}  # module -> those of its definitions that are needed
        self._runtime = runtime
        self._waiting: list[tuple[str, str]] = []

    def add(self, module: str, names: Iterable[str]) -> None:
        """Add definitions of a module, and all that they need."""
        self._waiting += [(module, name) for name in names]
        while self._waiting:
            self._follow_waiting()
            for source in self.sources:
                for place in self._doing(source):
                    self._follow(source, place)

    @property
    def sources(self) -> list[Source]:
        """The modules that hold what is needed."""
        return [self.source(name) for name in self.names]

    def source(self, module: str) -> Source:
        """Return one of the modules.

        Raises:
            WorkspaceError: the runtime has no such module.
        """
        found = self._source(module)
        if found is None:
            raise WorkspaceError(f"{self._runtime}: has no module {module}, which the skill asks for")
        return found

    def places(self, source: Source) -> list[int]:
        """Return the places of those statements of a module that are needed, imports left out."""
        wanted = self.names.get(source.name, set())
        chosen = {place for name in wanted for place in source.definitions[name]} | set(self._doing(source))
        for place in range(1, len(source.statements)):
            if source.is_remark(place) and place - 1 in chosen:
                chosen.add(place)
        return sorted(chosen)

    def home(self, source: Source, target: Target) -> Target | None:
        """Return where what `source` imports is defined, a definition or a module; None if it is not ours.

        Raises:
            WorkspaceError: the runtime has no such name.
        """
        if target.module.partition(".")[0] != RUNTIME:
            return None
        here = self.source(target.module)
        if not target.name:
            return target
        if target.name in here.definitions:
            return target
        if target.name in here.imports:
            return self.home(here, here.imports[target.name])
        module = f"{target.module}.{target.name}"
        if self._source(module) is not None:
            return Target(module)
        raise WorkspaceError(
            f"{source.path}: imports {target.name} from {target.module}, which has no such name"
        )

    def _follow_waiting(self) -> None:
        while self._waiting:
            module, name = self._waiting.pop()
            source = self.source(module)
            seen = self.names.setdefault(module, set())
            if name not in seen and name in source.definitions:
                seen.add(name)
                for place in source.definitions[name]:
                    self._follow(source, place)

    def _follow(self, source: Source, place: int) -> None:
        for use in source.uses[place]:
            if use.target is None and use.name in source.definitions:
                self._wait(source.name, use.name)
                continue
            target = use.target or source.imports.get(use.name)
            home = self.home(source, target) if target is not None else None
            if home is None:
                continue
            if home.name:
                self._wait(home.module, home.name)
            elif use.attribute:
                found = self.home(source, Target(home.module, use.attribute))
                if found is not None and found.name:
                    self._wait(found.module, found.name)

    def _wait(self, module: str, name: str) -> None:
        if name not in self.names.get(module, ()):
            self._waiting.append((module, name))

    def _doing(self, source: Source) -> Iterator[int]:
        """Yield the statements that define nothing and act only on what is needed anyway."""
        wanted = self.names[source.name]
        for place, statement in enumerate(source.statements):
            if source.is_import(place) or source.is_remark(place) or source.is_type_checking(place):
                continue
            own = {each.name for each in source.uses[place]} & source.definitions.keys()
            if not bound(statement) and own <= wanted:
                yield place

    def _source(self, module: str) -> Source | None:
        return self.skill if module == self.skill.name else _source(module, self._runtime)


@lru_cache(maxsize=1024)
def _source(module: str, runtime: Path) -> Source | None:
    """Return a module of the runtime, parsed once; None where there is no file."""
    stem = runtime.joinpath(*module.split(".")[1:])
    paths = (stem / "__init__.py", stem.with_suffix(".py"))
    return next((Source(module, path) for path in paths if path.is_file()), None)
