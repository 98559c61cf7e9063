"""A slice changes with what a task on a backend runs, and with nothing else."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import black
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipfs_accelerate_py.errors import UnknownName
from ipfs_accelerate_py.evidence.cells import EvidenceError
from ipfs_accelerate_py.evidence.slices import slice_digest, suite_digest

VERSIONS = {"torch": "2.13.0"}

MODULE = '''"""A module with two tasks and two backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import ipfs_accelerate_py.tables
from ipfs_accelerate_py import front, mathematics
from ipfs_accelerate_py.front import Handler
from ipfs_accelerate_py.hidden import made, promised

if TYPE_CHECKING:
    from ipfs_accelerate_py.unused import Typed

LIMIT = 512  # tokens
NAMES = {"input_ids": 1, "attention_mask": 2}
PLACES = {"cpu": "host", "openvino": "device"}


def _shared(task: str) -> Typed:
    """Both backends run this."""
    return HEADS[task], LIMIT


def fill_mask_model(checkpoint):
    return np.exp(NAMES["input_ids"])


def fill_mask_graph(model, batch):
    return mathematics.softmax(model(batch))


def fill_mask(checkpoint):
    from ipfs_accelerate_py.late import decode

    return decode(made, promised)


def embed_model(checkpoint):
    return 1


def embed_graph(model, batch):
    return front.pooled(model)


def embed(checkpoint):
    return ipfs_accelerate_py.tables.EMBED


HEADS: dict[str, object] = {"fill-mask": (fill_mask, fill_mask_model, 3), "embed": (embed, 4)}


def load_cpu(checkpoint, task="embed"):
    return Handler(_shared(task), PLACES["cpu"])


def load_openvino(checkpoint, task="embed"):
    return Handler(_shared(task), PLACES["openvino"], ipfs_accelerate_py.tables.by_backend("openvino"))


def export_openvino(checkpoint, task, folder):
    return "convert_model"


SKILL = [load_cpu, load_openvino]
'''

RUNTIME = {
    "__init__.py": "",
    "front/__init__.py": "from .handler import Handler\n"
    "from ipfs_accelerate_py.mathematics import mean as pooled\n",
    "front/handler.py": "from ..errors import wrong\n\nclass Handler:\n    width: int = 1\n\n"
    "    def call(self):\n        return wrong()\n\nclass Other:\n    height = 1\n",
    "errors.py": "def wrong():\n    return 'first'\n\ndef other():\n    return 'other'\n",
    "mathematics.py": "BASE = 2\n\ndef softmax(x):\n    return BASE ** x\n\ndef mean(x):\n    return x\n",
    "late.py": "def decode(x):\n    return 'late'\n",
    "tables.py": "EMBED = 5\nROWS = {'cpu': 10, 'openvino': 20}\n\n"
    "def by_backend(name):\n    return ROWS[name]\n",
    "unused.py": "class Typed:\n    pass\n",
    "hidden.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
    "    from ipfs_accelerate_py.lazy import promised\n\n"
    "SECRET = 7\n\ndef __getattr__(name):\n    return SECRET\n",
    "lazy.py": "def promised():\n    return 'kept'\n\ndef other():\n    return 'other'\n",
}


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return write(tmp_path / "first", {})


def write(root: Path, changes: dict[str, tuple[str, str]]) -> Path:
    for name, text in RUNTIME.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(swap(text, *changes[name]) if name in changes else text)
    return root


def swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def digests(source: str, runtime: Path) -> dict[str, str]:
    cells = [(task, backend) for task in ("fill-mask", "embed") for backend in ("cpu", "openvino")]
    return {f"{t} {b}": slice_digest(source, t, b, VERSIONS, runtime=runtime) for t, b in cells}


def moved(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [cell for cell in before if before[cell] != after[cell]]


ALL = ["fill-mask cpu", "fill-mask openvino", "embed cpu", "embed openvino"]


@pytest.mark.parametrize(
    ("old", "new", "cells"),
    [
        pytest.param("LIMIT = 512", "LIMIT = 256", ALL, id="constant"),
        pytest.param("return HEADS[task], LIMIT", "return LIMIT, HEADS[task]", ALL, id="shared function"),
        pytest.param('"input_ids": 1', '"input_ids": 7', ALL[:2], id="entry of another kind of dictionary"),
        pytest.param("np.exp(", "np.log(", ALL[:2], id="a task's model"),
        pytest.param(
            "(fill_mask, fill_mask_model, 3)", "(fill_mask, fill_mask_model, 5)", ALL[:2], id="a task's entry"
        ),
        pytest.param("return 1", "return 2", ALL[2:], id="another task's model"),
        pytest.param('"convert_model"', '"dynamo"', [ALL[1], ALL[3]], id="a backend's exporter"),
        pytest.param('"device"', '"npu"', [ALL[1], ALL[3]], id="a backend's entry in a table"),
        pytest.param("[load_cpu, load_openvino]", "[load_openvino, load_cpu]", [], id="the skill's order"),
        pytest.param("# tokens", "# words", [], id="comment"),
        pytest.param('"""Both backends run this."""', '"""Another text."""', [], id="docstring"),
        pytest.param(" -> Typed", " -> Typed | None", [], id="annotation"),
        pytest.param("HEADS: dict[str, object]", "HEADS: dict[str, tuple]", [], id="annotation of a table"),
        pytest.param(
            "import numpy as np", "import cupy as np", ALL[:2], id="another library under the same name"
        ),
        pytest.param(
            "ipfs_accelerate_py.unused import", "ipfs_accelerate_py.other import", [], id="types only"
        ),
    ],
)
def test_a_change_in_the_module_moves_the_slices_that_run_it(
    old: str, new: str, cells: list[str], runtime: Path
) -> None:
    assert moved(digests(MODULE, runtime), digests(swap(MODULE, old, new), runtime)) == cells


@pytest.mark.parametrize(
    ("name", "old", "new", "cells"),
    [
        pytest.param("mathematics.py", "BASE ** x", "BASE ** -x", ALL[:2], id="function"),
        pytest.param("mathematics.py", "BASE = 2", "BASE = 3", ALL[:2], id="constant of a function"),
        pytest.param(
            "mathematics.py", "return x\n", "return -x\n", ALL[2:], id="function under another name"
        ),
        pytest.param("front/handler.py", "width: int = 1", "width: int = 2", ALL, id="re-exported class"),
        pytest.param("front/handler.py", "width: int", "width: float", ALL, id="field of a class"),
        pytest.param("front/handler.py", "height = 1", "height = 2", [], id="class that nobody uses"),
        pytest.param("errors.py", "'first'", "'second'", ALL, id="function of a method, imported relatively"),
        pytest.param("errors.py", "'other'", "'another'", [], id="function that nobody calls"),
        pytest.param("late.py", "'late'", "'later'", ALL[:2], id="function imported late"),
        pytest.param("tables.py", "EMBED = 5", "EMBED = 6", ALL[2:], id="constant by its full name"),
        pytest.param(
            "tables.py", "'openvino': 20", "'openvino': 30", [ALL[1], ALL[3]], id="entry of a table"
        ),
        pytest.param("tables.py", "'cpu': 10", "'cpu': 30", [], id="entry of a table for another backend"),
        pytest.param("hidden.py", "SECRET = 7", "SECRET = 8", ALL[:2], id="name made on demand"),
        pytest.param("lazy.py", "'kept'", "'broken'", ALL[:2], id="name imported on demand"),
        pytest.param("lazy.py", "'other'", "'another'", [], id="neighbour of a name imported on demand"),
        pytest.param("unused.py", "pass", "width = 1", [], id="type that only annotations name"),
    ],
)
def test_a_change_in_the_runtime_moves_the_slices_that_run_it(
    name: str, old: str, new: str, cells: list[str], tmp_path: Path
) -> None:
    before = write(tmp_path / "first", {})
    after = write(tmp_path / "second", {name: (old, new)})
    assert moved(digests(MODULE, before), digests(MODULE, after)) == cells


def test_the_same_text_elsewhere_has_the_same_slices(runtime: Path, tmp_path: Path) -> None:
    assert digests(MODULE, write(tmp_path / "second", {})) == digests(MODULE, runtime)


def test_a_library_version_moves_the_slice(runtime: Path) -> None:
    old, new = (
        slice_digest(MODULE, "embed", "cpu", {"torch": v}, runtime=runtime) for v in ("2.13.0", "2.14.0")
    )
    assert old != new


def test_black_does_not_move_a_slice(runtime: Path) -> None:
    ugly = (
        MODULE.replace('"', "'")
        .replace("'''", '"""')
        .replace("(checkpoint)", "( checkpoint )")
        .replace(", 3)", ", 3,)")
    )
    tidy = black.format_str(ugly, mode=black.Mode(line_length=40))
    assert tidy != MODULE
    assert digests(tidy, runtime) == digests(MODULE, runtime)


@settings(max_examples=30)
@given(order=st.permutations(range(8)))
def test_the_order_of_functions_in_the_file_does_not_move_a_slice(order: list[int]) -> None:
    functions = MODULE.split("\n\n\ndef ")
    head, body = functions[0], functions[1:9]
    last, tail = functions[-1].split("\n\n\n", 1) if "\n\n\n" in functions[-1] else (functions[-1], "")
    middle = functions[9:-1]
    assert len(body) == 8
    # the constant after a function stays with it
    shuffled = "\n\n\ndef ".join([head, *(body[i] for i in order), *middle, "\n\n\n".join([last, tail])])
    here = Path("/nowhere")
    assert digests(shuffled, here) == digests(MODULE, here)


def test_a_slice_of_everything_moves_with_every_part(runtime: Path) -> None:
    def whole(source: str, task: str, backend: str) -> str:
        return slice_digest(source, task, backend, VERSIONS, runtime=runtime)

    changed = swap(MODULE, '"convert_model"', '"dynamo"')
    assert whole(MODULE, "*", "*") != whole(changed, "*", "*")
    assert whole(MODULE, "embed", "*") != whole(changed, "embed", "*")
    assert whole(MODULE, "*", "cpu") == whole(changed, "*", "cpu")
    changed = swap(MODULE, "np.exp(", "np.log(")
    assert whole(MODULE, "*", "cpu") != whole(changed, "*", "cpu")
    assert whole(MODULE, "embed", "*") == whole(changed, "embed", "*")


def test_a_task_or_backend_that_the_module_lacks_is_named(runtime: Path) -> None:
    with pytest.raises(UnknownName, match="backend 'openvno' is not known; did you mean 'openvino'"):
        slice_digest(MODULE, "embed", "openvno", VERSIONS, runtime=runtime)
    with pytest.raises(UnknownName, match="task 'fil-mask' is not known; did you mean 'fill-mask'"):
        slice_digest(MODULE, "fil-mask", "cpu", VERSIONS, runtime=runtime)
    with pytest.raises(EvidenceError, match="no dictionary HEADS"):
        slice_digest("def load_cpu(): ...", "embed", "cpu", VERSIONS, runtime=runtime)


def test_the_digest_of_a_suite_moves_with_its_assertions_and_what_they_use(
    runtime: Path, tmp_path: Path
) -> None:
    suite = textwrap.dedent("""
        from ipfs_accelerate_py.mathematics import mean
        from ipfs_accelerate_skills import hf_bert as skill

        def test_it():
            assert mean(skill) == 1  # comment
        """)
    first = suite_digest(suite, runtime=runtime)
    assert suite_digest(swap(suite, "# comment", ""), runtime=runtime) == first
    assert suite_digest(swap(suite, "== 1", "== 2"), runtime=runtime) != first
    other = write(tmp_path / "second", {"mathematics.py": ("return x\n", "return -x\n")})
    assert suite_digest(suite, runtime=other) != first


def test_nothing_is_imported_to_make_a_slice() -> None:
    code = textwrap.dedent("""
        import sys
        from ipfs_accelerate_py.evidence.slices import slice_digest
        source = "from ipfs_accelerate_py.skills import Skill\\nHEADS = {'a': Skill}\\ndef load_cpu(): HEADS"
        before = set(sys.modules)
        slice_digest(source, "a", "cpu", {})
        print([name for name in set(sys.modules) - before if name.startswith("ipfs_accelerate_py")])
        """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
