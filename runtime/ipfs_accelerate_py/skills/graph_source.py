"""What of a generated module's text shapes an exported graph, so that other changes do not export it again."""

from __future__ import annotations

import ast
from copy import copy

_AFTERWARDS = "steps"  # the argument of `Head` that says what happens around the graph, not in it


def graph_source(text: str, task: str, backend: str) -> str:
    """Return, in one fixed form, what `export_<backend>` and the task's model and graph reach in a module's `text`.

    Docstrings and comments, other tasks, loaders, and what happens before and after the graph are left out.
    """
    defined = dict(_definitions(ast.parse(text)))
    prefix = task.replace("-", "_")
    wanted = ["HEADS", f"export_{backend}", f"{prefix}_model", f"{prefix}_graph"]
    kept: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if name in defined and name not in kept:
            node = _shaping(defined[name], task)
            kept[name] = ast.dump(node)
            wanted += [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    return "\n".join(f"{name}: {kept[name]}" for name in sorted(kept))


def _definitions(module: ast.Module) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            found.append((node.name, node))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [(target.id, node.value) for target in targets if isinstance(target, ast.Name)]
    return found


def _shaping(node: ast.AST, task: str) -> ast.AST:
    """Return `node` without its docstring, without the entries of other tasks, or without a head's steps."""
    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
        bare = copy(node)
        bare.body = node.body[1:]
        return bare
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == task:
                return value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Head":
        keywords = [keyword for keyword in node.keywords if keyword.arg != _AFTERWARDS]
        return ast.Call(func=node.func, args=node.args, keywords=keywords)
    return node
