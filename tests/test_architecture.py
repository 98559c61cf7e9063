"""What the three packages may import, what an import may cost, and how a module may be called."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

RUNTIME, GENERATOR, SKILLS = "ipfs_accelerate_py", "ipfs_accelerate_generator", "ipfs_accelerate_skills"
FACE = "generators"
OURS = (RUNTIME, GENERATOR, SKILLS, FACE)
ALLOWED = {
    RUNTIME: {RUNTIME},
    SKILLS: {SKILLS, RUNTIME},
    GENERATOR: {GENERATOR, RUNTIME},
    FACE: {FACE, GENERATOR, RUNTIME},
}
LONGEST = 400
SAY_NOTHING = {"base", "common", "core", "enhanced", "helper", "helpers", "manager", "misc", "util", "utils"}


def folder(package: str) -> Path:
    """Where `package` is, in the repository or installed."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted(folder(package).rglob("*.py"))]


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every absolute import, wherever it stands, by statement or by importlib with a literal name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "import_module":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node.lineno, first.value


@pytest.mark.parametrize("package", OURS)
def test_every_import_follows_the_arrows(package: str) -> None:
    against = [
        f"{path}:{line}: imports {name}"
        for path in sources(package)
        for line, name in imported(ast.parse(path.read_text()))
        if (top := name.partition(".")[0]) in OURS and top not in ALLOWED[package]
    ]
    assert against == []


def test_importing_the_runtime_loads_numpy_and_nothing_heavier() -> None:
    code = f"""
import json, os, sys, threading
touched = []
outside = ("socket.", "subprocess.")
sys.addaudithook(lambda event, _: touched.append(event) if event.startswith(outside) else None)
import numpy
before = set(sys.modules)
tasks = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
import {RUNTIME}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps({{
    "foreign": sorted(loaded - set(sys.stdlib_module_names) - {{"numpy", {RUNTIME!r}}}),
    "threads": [thread.name for thread in threading.enumerate()],
    "tasks": (len(os.listdir("/proc/self/task")) if tasks else 0) - tasks,
    "touched": touched,
}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"foreign": [], "threads": ["MainThread"], "tasks": 0, "touched": []}


def test_importing_a_generated_skill_loads_no_library_that_only_a_backend_needs() -> None:
    code = f"""
import importlib, pkgutil, sys
import {SKILLS}
for found in pkgutil.iter_modules({SKILLS}.__path__):
    importlib.import_module(f"{SKILLS}.{{found.name}}")
heavy = ["torch", "transformers", "openvino", "onnxruntime", "duckdb", "pydantic", "tokenizers", "PIL"]
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_is_too_long_to_be_read() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in sources(RUNTIME, GENERATOR, FACE)}
    assert {str(path): count for path, count in lines.items() if count > LONGEST} == {}


def test_no_module_bears_a_name_that_says_nothing() -> None:
    words = {path: set(path.stem.split("_")) & SAY_NOTHING for path in sources(RUNTIME, GENERATOR, FACE)}
    assert {str(path): found for path, found in words.items() if found} == {}


def public_names(init: Path, package: str) -> set[str]:
    """The functions, classes and other names that a package offers; its own submodules do not count."""
    names: set[str] = set()
    for node in ast.parse(init.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module not in {None, package}:
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names |= set(ast.literal_eval(node.value))
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("package", OURS)
def test_no_submodule_would_overwrite_a_public_name_of_its_package(package: str) -> None:
    root = folder(package)
    clashes = {}
    for init in sorted(root.rglob("__init__.py")):
        dotted = ".".join((package, *init.parent.relative_to(root).parts))
        modules = {path.stem for path in init.parent.glob("*.py")} | {
            path.name for path in init.parent.iterdir() if (path / "__init__.py").exists()
        }
        if clash := public_names(init, dotted) & modules:
            clashes[dotted] = clash
    assert clashes == {}
