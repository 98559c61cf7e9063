"""The workspace's memory of templates and specs: texts under digests, and what each name stood for when.

The file can be deleted at any time: `sync` makes it again from the folders, without the history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ipfs_accelerate_generator.templates.sources import Template, TemplateError, Templates
from ipfs_accelerate_py.errors import WorkspaceError, unknown
from ipfs_accelerate_py.files import lock
from ipfs_accelerate_py.registry.store import WAIT_S, connect, transaction

if TYPE_CHECKING:
    import duckdb

TEMPLATE: Final = "template"
MADE_BY: Final = "ipfs-accelerate sync"

_MIGRATIONS: Final = files("ipfs_accelerate_generator.templates") / "migrations"
_PRESENT = "SELECT kind, name, digest FROM present WHERE digest IS NOT NULL"
_TEXTS = "INSERT INTO text SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]) ON CONFLICT DO NOTHING"
_LAST = "SELECT coalesce(max(sequence), 0) FROM revision"
_REVISIONS = """
INSERT INTO revision
SELECT unnest($1::INTEGER[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[]), unnest($4::VARCHAR[])
"""
_TEMPLATES = """
SELECT name, content FROM present JOIN text USING (digest) WHERE kind = 'template' ORDER BY name
"""
_HISTORY = """
SELECT sequence, digest, content FROM revision LEFT JOIN text USING (digest)
WHERE kind = 'template' AND name = $1 ORDER BY sequence
"""
_GENERATED = """
INSERT INTO generation
SELECT (SELECT coalesce(max(sequence), 0) FROM generation) + row_number() OVER (), *
FROM (SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[]))
"""


@dataclass(frozen=True)
class Source:
    """A text under its name; `kind` is "template" or the folder of a spec file."""

    kind: str
    name: str
    text: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Revision:
    """What a template said from one `sync` to another; `text` is None from when its file was gone."""

    sequence: int
    digest: str | None
    text: str | None


@dataclass(frozen=True)
class Changes:
    """What a `sync` found that was not as it had been, as "kind name"."""

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notice: str = ""
    """What the user should know, such as that a damaged file was made again."""

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.removed or self.notice)


@dataclass(frozen=True)
class TemplateStore:
    """The database at `path`; it is open only while a method runs."""

    path: Path
    wait_s: float = WAIT_S

    def sync(self, templates: Sequence[Template], specs: Iterable[Source]) -> tuple[Templates, Changes]:
        """Take over what the folders hold now; return the templates as the store has them, and what changed.

        Raises:
            TemplateError: a new template is not well formed; nothing was written.
            WorkspaceError: another process holds the file, or it cannot be written.
        """
        try:
            return self._sync(templates, specs)
        except WorkspaceError as error:
            if "is damaged" not in str(error):
                raise
        aside = self.path.with_name(self.path.name + ".damaged")
        with lock(self.path.with_name(self.path.name + ".lock")):
            try:  # another process may have mended it
                return self._sync(templates, specs)
            except WorkspaceError as error:
                if "is damaged" not in str(error):
                    raise
            self.path.replace(aside)
            found, changes = self._sync(templates, specs)
        notice = (
            f"{self.path} was damaged and is made again, without its history; the old file is {aside.name}"
        )
        return found, Changes(changes.added, changes.replaced, changes.removed, notice)

    def history(self, name: str) -> tuple[Revision, ...]:
        """Return what the template `name` said, oldest first.

        Raises:
            UnknownName: the store has never seen it.
            WorkspaceError: there is no store yet, or another process holds it.
        """
        with connect(self.path, _MIGRATIONS, read_only=True, wait_s=self.wait_s, made_by=MADE_BY) as database:
            rows = database.execute(_HISTORY, [name]).fetchall()
            if not rows:
                known = database.execute(
                    "SELECT DISTINCT name FROM revision WHERE kind = 'template' ORDER BY 1"
                )
                raise unknown("template", name, [row[0] for row in known.fetchall()])
        return tuple(Revision(*row) for row in rows)

    def record(self, modules: Sequence[tuple[str, str, str]]) -> None:
        """Keep the path, the digest of the inputs and that of the body of each of `modules`.

        Raises:
            WorkspaceError: another process holds the file, or it cannot be written.
        """
        if not modules:
            return
        with self._open() as database, transaction(database):
            database.execute(_GENERATED, [list(column) for column in zip(*modules, strict=True)])

    def _open(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return connect(self.path, _MIGRATIONS, wait_s=self.wait_s, made_by=MADE_BY)

    def _sync(self, templates: Sequence[Template], specs: Iterable[Source]) -> tuple[Templates, Changes]:
        paths = {each.name: each.path for each in templates}
        now = {
            (each.kind, each.name): each
            for each in (*(Source(TEMPLATE, each.name, each.text) for each in templates), *specs)
        }
        with self._open() as database:
            before = {(kind, name): digest for kind, name, digest in database.execute(_PRESENT).fetchall()}
            differing = [each for key, each in now.items() if before.get(key) != each.digest]
            gone = [key for key in before if key not in now]
            _check(each for each in templates if before.get((TEMPLATE, each.name)) != _digest(each))
            if differing or gone:
                with transaction(database):
                    _write(database, differing, gone)
            rows = database.execute(_TEMPLATES).fetchall()
        found = Templates.of(Template(name, text, paths.get(name, "")) for name, text in rows)
        return found, _changes(before, differing, gone)


def _digest(template: Template) -> str:
    return Source(TEMPLATE, template.name, template.text).digest


def _check(templates: Iterable[Template]) -> None:
    from ipfs_accelerate_generator.render import check

    wrong: list[str] = []
    for template in templates:
        try:
            check(template)
        except TemplateError as error:
            wrong.append(str(error))
    if wrong:
        raise TemplateError("\n".join(wrong))


def _write(
    database: duckdb.DuckDBPyConnection, differing: Sequence[Source], gone: Sequence[tuple[str, str]]
) -> None:
    texts = {each.digest: each.text for each in differing}
    database.execute(_TEXTS, [list(texts), list(texts.values())])
    row = database.execute(_LAST).fetchone()
    last = int(row[0]) if row else 0
    rows = [*((each.kind, each.name, each.digest) for each in differing), *((*key, None) for key in gone)]
    kinds, names, digests = zip(*rows, strict=True)
    sequences = list(range(last + 1, last + 1 + len(rows)))
    database.execute(_REVISIONS, [sequences, list(kinds), list(names), list(digests)])


def _changes(
    before: Mapping[tuple[str, str], str], differing: Iterable[Source], gone: Iterable[tuple[str, str]]
) -> Changes:
    added: list[str] = []
    replaced: list[str] = []
    for each in differing:
        (replaced if (each.kind, each.name) in before else added).append(f"{each.kind} {each.name}")
    return Changes(tuple(added), tuple(replaced), tuple(f"{kind} {name}" for kind, name in gone))
