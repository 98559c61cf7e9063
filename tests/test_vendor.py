"""A vendored folder answers as the package does, where nothing of the package is."""

from __future__ import annotations

import ast
import builtins
import dis
import importlib
import json
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType

import numpy as np
import pytest
import tiny_checkpoints
from empty_environments import environment, run

from ipfs_accelerate_generator.vendor.folder import MARKER, contents
from ipfs_accelerate_py.cli.app import main
from ipfs_accelerate_py.errors import WorkspaceError
from ipfs_accelerate_py.evidence.reach import START, reached
from ipfs_accelerate_py.evidence.slices import RUNTIME
from ipfs_accelerate_py.evidence.syntax import Source
from ipfs_accelerate_py.locations import home
from ipfs_accelerate_py.skills import export_server
from ipfs_accelerate_py.skills.bundles import bundle, stored
from ipfs_accelerate_py.skills.catalogue import find
from ipfs_accelerate_py.skills.checkpoint import Checkpoint

TYPES = ("bert", "vit")
HERE = ("cpu", "openvino", "onnxruntime")
ALWAYS = ("numpy", "filelock")
TEXTS = ["A cat sat on the mat.", "A much longer sentence, about a dog that ran."]
PICTURE = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)

# Answers questions from vendored folders, and tells which modules that took.
ASK = """
import importlib, json, sys
import numpy as np
told = []
for package, checkpoint, task, backend, inputs in json.loads(sys.argv[1]):
    vendored = importlib.import_module(package)
    inputs = [each if isinstance(each, str) else np.array(each, np.uint8) for each in inputs]
    answers = vendored.SKILL.load(vendored.Checkpoint(checkpoint), task, backend)(inputs)
    told.append([{key: value for key, value in each.items() if key != "inference_time"} for each in answers])
print(json.dumps({"answers": told, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


@dataclass(frozen=True)
class Question:
    """Inputs for a checkpoint on a backend, and the package that is to answer them: a vendored one, or a model type."""

    package: str
    checkpoint: Path
    task: str
    backend: str
    inputs: list  # type: ignore[type-arg]  # texts, or pictures as nested lists


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a vendored skill of each of TYPES: `bert_skill`, `vit_skill`."""
    place = tmp_path_factory.mktemp("vendored")
    for model_type in TYPES:
        assert main(["vendor", model_type, "-o", str(place / f"{model_type}_skill")]) == 0
    return place


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that can export and run everything, without this package."""
    libraries = ("torch", "transformers", "safetensors", "tokenizers", "pillow")
    exported = ("openvino", "onnx", "onnxruntime", "onnxscript")
    return environment(tmp_path_factory.mktemp("whole"), *ALWAYS, *libraries, *exported)


@pytest.fixture(scope="module")
def lean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that can only run what was exported."""
    return environment(
        tmp_path_factory.mktemp("lean"), *ALWAYS, "tokenizers", "pillow", "openvino", "onnxruntime"
    )


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    """What the package and the vendored folders are both asked."""
    pictures = [PICTURE.tolist(), PICTURE[::-1].tolist()]
    bert, vit = tiny_checkpoints.bert("BertModel"), tiny_checkpoints.vit()
    export_server.start()
    about = {"module": str(find("vit").file), "task": "image-classification", "backend": "openvino"}
    made = bundle(Checkpoint(str(vit)), **about)
    return [
        *(Question("bert", bert, "feature-extraction", each, TEXTS) for each in HERE),
        Question("vit", vit, "image-classification", "cpu", pictures),
        # The package exports it, and the vendored folder is given the bundle.
        Question("vit", made.folder, "image-classification", "openvino", pictures),
    ]


@pytest.fixture(scope="module")
def wanted(questions: list[Question]) -> list:
    """What the package answers; what it exports, it exports itself."""
    told = []
    for each in questions:
        inputs = [one if isinstance(one, str) else np.array(one, np.uint8) for one in each.inputs]
        skill = find(each.package).skill()
        answers = skill.load(Checkpoint(str(each.checkpoint)), each.task, each.backend)(inputs)
        told.append(
            [{key: value for key, value in one.items() if key != "inference_time"} for one in answers]
        )
    return json.loads(json.dumps(told))


@pytest.fixture(scope="module")
def told(questions: list[Question], folder: Path, whole: Path) -> dict:
    """What the vendored folders answer where all libraries are; what they export, they export themselves."""
    return ask(whole, folder, [replace(each, package=f"{each.package}_skill") for each in questions])


def ask(python: Path, path: Path, questions: list[Question]) -> dict:
    """What vendored packages in the folder `path` tell under some Python."""
    given = json.dumps(
        [
            [str(value) if isinstance(value, Path) else value for value in vars(each).values()]
            for each in questions
        ]
    )
    return json.loads(run(python, ASK, given, path=path, home=home()))


def test_answers_are_the_package_s_to_the_last_bit(
    questions: list[Question], wanted: list, told: dict
) -> None:
    for each, answers, expected in zip(questions, told["answers"], wanted, strict=True):
        assert expected[0] != expected[1]
        assert answers == expected, f"{each.package} on {each.backend}"
    assert not [name for name in told["modules"] if name.startswith("ipfs_accelerate")]
    # The package's bundle and the vendored folder's own. By weights: a test beside this one may have written the same
    # small checkpoint in a folder of its own, and exported it first.
    weights = Checkpoint(str(questions[0].checkpoint)).digest()
    made = [each.manifest["backend"] for each in stored() if each.manifest["weights"] == weights]
    for backend in HERE[1:]:
        assert made.count(backend) >= 2


def test_what_was_exported_needs_neither_torch_nor_the_folder_s_name_or_place(
    questions: list[Question], told: dict, folder: Path, lean: Path
) -> None:
    nested = folder / "project" / "models"
    for model_type in TYPES:
        shutil.copytree(folder / f"{model_type}_skill", nested / f"{model_type}_renamed", dirs_exist_ok=True)
    exported = [place for place, each in enumerate(questions) if each.backend != "cpu"]
    moved = [
        replace(questions[i], package=f"project.models.{questions[i].package}_renamed") for i in exported
    ]
    again = ask(lean, folder, moved)
    assert again["answers"] == [told["answers"][i] for i in exported]
    assert not {"torch", "transformers"} & {*again["modules"]}


@pytest.mark.usefixtures("told")
def test_the_example_of_the_readme_runs(questions: list[Question], folder: Path, lean: Path) -> None:
    text = (folder / "bert_skill" / "README.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    assert '"feature-extraction", "cpu")' in example
    # On a backend whose model is exported already, so that no PyTorch is imported for it.
    example = example.replace("path/to/checkpoint", str(questions[0].checkpoint)).replace(
        '"cpu"', '"openvino"'
    )
    assert "'embedding': [" in run(lean, example, path=folder, home=home())


def test_without_its_library_a_backend_says_what_to_install_and_names_no_package_of_ours(
    folder: Path, lean: Path
) -> None:
    script = """
from bert_skill import SKILL, AccelerateError, Checkpoint
import sys
try:
    SKILL.load(Checkpoint(sys.argv[1]), "fill-mask", sys.argv[2])
except AccelerateError as error:
    print(error)
"""
    checkpoint = tiny_checkpoints.bert()
    said = run(lean, script, str(checkpoint), "cpu", path=folder, home=home())
    assert "python -m pip install jinja2 pillow safetensors tokenizers torch transformers" in said
    assert "torch is not installed" in said
    said = run(lean, script, str(checkpoint), "openvino", path=folder, home=home() / "none")
    assert "to export it, torch is needed: python -m pip install jinja2 pillow" in said


@pytest.mark.parametrize("model_type", TYPES)
def test_no_file_imports_or_advises_anything_of_ours(folder: Path, model_type: str) -> None:
    for path in (folder / f"{model_type}_skill").rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [name for name in names if name.startswith("ipfs_accelerate")], path
        assert "ipfs_accelerate_py[" not in text, path


@pytest.mark.parametrize("model_type", TYPES)
def test_every_global_name_that_any_function_may_ask_for_is_there(
    folder: Path, model_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    package = importlib.import_module(f"{model_type}_skill")
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules = [package, *(importlib.import_module(each.name) for each in found)]
    assert len(modules) > 30
    for module in modules:
        code = compile(Path(module.__file__).read_text(), module.__file__, "exec")
        for name in globals_of(code):
            assert (
                hasattr(module, name) or hasattr(builtins, name) or name in module.__annotations__
            ), f"{module.__name__} asks for {name}, which is not there"
    for name in [name for name in sys.modules if name.startswith(package.__name__)]:
        del sys.modules[name]


@pytest.mark.parametrize("model_type", TYPES)
def test_every_submodule_that_the_runtime_imports_by_itself_is_imported(
    folder: Path, model_type: str
) -> None:
    text = (folder / f"{model_type}_skill" / "_runtime" / "skills" / "export.py").read_text()
    assert "\nimport importlib.util\n" in text


def globals_of(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_of(constant)


@pytest.mark.parametrize("model_type", TYPES)
def test_all_that_a_skill_reaches_when_it_runs_is_there(model_type: str) -> None:
    entry = find(model_type)
    files = contents("skill", entry)
    source = Source(entry.file.read_text(), module=START, package=START)
    lines = [line.split(" ") for line in reached(source, source.definitions, frozenset(), RUNTIME)]
    places = [(module, name) for module, name, *rest in lines if module and rest[0] != "import"]
    assert len(places) > 100
    for module, name in places:
        path = "/".join(["_runtime", *module.split(".")[1:]]) + ".py"
        assert name in Source(files[path], module=module, package="").definitions, f"{module} {name}"


@pytest.mark.parametrize("model_type", TYPES)
def test_what_is_not_needed_is_not_there_and_the_same_is_written_every_time(model_type: str) -> None:
    entry = find(model_type)
    files = contents("skill", entry)
    assert files == contents("skill", entry)
    assert not {"_runtime/skills/dispatch.py", "_runtime/skills/export_server.py"} & files.keys()
    assert not [path for path in files if path.startswith(("_runtime/cli", "_runtime/evidence"))]
    assert "def stored(" not in files["_runtime/skills/bundles.py"]
    assert ("_runtime/skills/generation.py" in files) == (model_type == "bert")


def test_metadata_that_are_older_than_the_sources_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{contents.__module__}.words", lambda: {"torch": "torch", "openvino": "openvino"})
    with pytest.raises(
        WorkspaceError, match=r"needs the extra 'onnx', which the installed .* install it again"
    ):
        contents("skill", find("vit"))


def test_an_unknown_type_gets_the_nearest_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vendor", "brt", "-o", str(tmp_path / "skill")]) == 1
    assert "model type 'brt' is not known; did you mean 'bert' or" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my-skill", "'my-skill' cannot be imported"),
        ("class", "'class' cannot be imported"),
        ("json", "would hide the module json"),
        ("transformers", "would hide the module transformers"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vendor", "vit", "-o", str(tmp_path / name)]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_that_was_not_vendored_is_never_replaced(
    force: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "skill" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert main(["vendor", "vit", "-o", str(mine.parent), *force]) == 1
    assert "is not empty, and `ipfs-accelerate vendor` did not make it" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_a_file_or_the_current_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "skill").write_text("")
    assert main(["vendor", "vit", "-o", str(tmp_path / "skill")]) == 1
    assert "is a file; name a folder" in capsys.readouterr().err
    assert main(["vendor", "vit", "-o", str(tmp_path / "skill" / "inner")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["vendor", "vit", "-o", "."]) == 1
    assert "is the current folder" in capsys.readouterr().err


def test_what_somebody_changed_is_replaced_only_by_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "skill"
    command = ["vendor", "vit", "-o", str(place)]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model_type"] == "vit"
    assert told["files"] == sum(path.is_file() for path in place.rglob("*"))
    assert 0 < told["runtime_lines"] < told["of_runtime_lines"]
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert main(command) == 0  # nobody changed it
    (place / "__pycache__").mkdir()
    (place / "__pycache__" / "x.pyc").write_text("")
    assert main(command) == 0

    (place / "hf_vit.py").write_text("changed")
    (place / "added.py").write_text("")
    capsys.readouterr()
    assert main(command) == 1
    assert "hf_vit.py, added.py changed since it was vendored" in capsys.readouterr().err
    assert (place / "hf_vit.py").read_text() == "changed"
    assert main([*command, "--force"]) == 0
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["skill"]  # nothing half made is left beside it
    assert json.loads((place / MARKER).read_text())["made_by"] == "ipfs-accelerate vendor"


def test_a_folder_stays_whole_when_another_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "skill"
    assert main(["vendor", "vit", "-o", str(place)]) == 0
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if target == place and self.name.endswith(".part"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    assert main(["vendor", "vit", "-o", str(place)]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["skill"]
