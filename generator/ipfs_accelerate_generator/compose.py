"""From fragments to the text of a module: each definition in its place, no name twice and none missing."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from ipfs_accelerate_generator.fragment import Definition, Fragment
from ipfs_accelerate_generator.imports import Import, source
from ipfs_accelerate_generator.templates.sources import ComposeError

_TYPE_CHECKING: Final = Import("typing", "TYPE_CHECKING")
_NOBODY: Final = "no template of the module defines it"
_ALWAYS_THERE: Final = frozenset({*dir(builtins), "__file__", "__name__", "__doc__"})


@dataclass(frozen=True)
class Part:
    """A fragment and the definition of the spine that it goes before; "" for the end of the module."""

    fragment: Fragment
    before: str = ""


def compose(spine: Fragment, parts: Sequence[Part]) -> str:
    """Return the formatted source of `spine` with the definitions of `parts` in their places, in their order.

    Imports that nothing uses are left out, so that a template may import what only some of its forms need.

    Raises:
        ComposeError: a name is defined twice, or used and not defined, or a place is missing in the spine.
    """
    fragments = [spine, *(part.fragment for part in parts)]
    definitions = _placed(spine, parts)
    fragments = [_without_idle(part, fragments) for part in fragments]
    _check_once(fragments)
    body = _joined(definitions)
    used, bound = _all_names(definitions)
    imports = _chosen((each for part in fragments for each in part.imports), used)
    known = {each.bound for each in imports}
    type_imports = _chosen((each for part in fragments for each in part.type_imports), used - known)
    missing = used - bound - known - {each.bound for each in type_imports} - _ALWAYS_THERE
    if missing:
        raise ComposeError(_who_uses(min(missing), fragments))
    return "".join(_sections(spine.docstring, imports, type_imports, body, definitions))


def _placed(spine: Fragment, parts: Sequence[Part]) -> list[Definition]:
    anchors = {definition.name for definition in spine.definitions}
    for part in parts:
        if part.before and part.before not in anchors:
            raise ComposeError(
                f"{spine.template} does not assign {part.before}, before which {part.fragment.template} goes"
            )
    placed: list[Definition] = []
    for definition in spine.definitions:
        for part in parts:
            if part.before == definition.name:
                placed += part.fragment.definitions
        placed.append(definition)
    return placed + [each for part in parts if not part.before for each in part.fragment.definitions]


def _without_idle(part: Fragment, fragments: Sequence[Fragment]) -> Fragment:
    """Return `part` without imports that only its other forms need, where another fragment means something else."""
    used, _ = _all_names(part.definitions)
    others = [each for each in fragments if each is not part]
    taken = {name.bound: name for each in others for name in (*each.imports, *each.type_imports)}
    defined = {definition.name for each in others for definition in each.definitions}

    def kept(name: Import) -> bool:
        return name.bound in used or (taken.get(name.bound, name) == name and name.bound not in defined)

    return replace(
        part,
        imports=tuple(filter(kept, part.imports)),
        type_imports=tuple(filter(kept, part.type_imports)),
    )


def _check_once(fragments: Iterable[Fragment]) -> None:
    owners: dict[str, str] = {}
    origins: dict[str, tuple[Import, str]] = {}
    for part in fragments:
        for definition in part.definitions:
            if definition.name in owners:
                both = f"{owners[definition.name]} and {part.template}"
                raise ComposeError(f"{definition.name!r} is defined by {both}; rename one")
            owners[definition.name] = part.template
        for each in (*part.imports, *part.type_imports):
            other, where = origins.setdefault(each.bound, (each, part.template))
            if other != each and (other.name or each.name):
                both = f"{other.module} by {where} and from {each.module} by {part.template}"
                raise ComposeError(f"{each.bound!r} is imported from {both}; rename one")
    if twice := sorted(owners.keys() & origins.keys()):
        name = twice[0]
        raise ComposeError(
            f"{name!r} is defined by {owners[name]} and imported by {origins[name][1]}; rename one"
        )


def _joined(definitions: Sequence[Definition]) -> str:
    text = ""
    previous: Definition | None = None
    for definition in definitions:
        if previous is not None:
            if not (previous.is_constant and definition.is_constant):
                text += "\n\n"
            elif not definition.tight:
                text += "\n"
        text += definition.code
        previous = definition
    return text


def _all_names(definitions: Iterable[Definition]) -> tuple[set[str], set[str]]:
    """Return the names that `definitions` use anywhere, and those that they bind anywhere."""
    used: set[str] = set()
    bound: set[str] = set()
    for definition in definitions:
        uses, binds = _names(definition.code)
        used |= uses
        bound |= binds
    return used, bound


@lru_cache(maxsize=8192)
def _names(code: str) -> tuple[frozenset[str], frozenset[str]]:
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.alias(name=name, asname=alias):
                bound.add(alias or name.split(".")[0])
    return frozenset(used), frozenset(bound)


def _chosen(imports: Iterable[Import], used: set[str]) -> list[Import]:
    return [each for each in imports if each.section == 0 or (each.bound in used and each != _TYPE_CHECKING)]


def _who_uses(name: str, fragments: Iterable[Fragment]) -> str:
    for part in fragments:
        for definition in part.definitions:
            if name in _names(definition.code)[0]:
                return f"{part.template} uses {name!r} in {definition.name!r}, and {_NOBODY}"
    return f"{name!r} is used, and {_NOBODY}"


def _sections(
    docstring: str,
    imports: Sequence[Import],
    type_imports: Sequence[Import],
    body: str,
    definitions: Sequence[Definition],
) -> Iterator[str]:
    yield docstring
    above = bool(docstring)
    if imports or type_imports:
        yield "\n" * above + source([*imports, *([_TYPE_CHECKING] if type_imports else [])])
        above = True
    if type_imports:
        yield "\nif TYPE_CHECKING:\n" + source(type_imports, indent="    ")
    if body:
        opens_with_function = not definitions[0].is_constant
        yield "\n" * (above * (2 if opens_with_function else 1)) + body
