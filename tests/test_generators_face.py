"""The generators under the names of the project's documents write real files, for the backends that are asked for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from generators.skill_generators import SkillGenerator, SkillsError
from generators.test_generators import ModelTestGenerator
from ipfs_accelerate_generator.plan import NoTemplate
from ipfs_accelerate_generator.templates import store
from ipfs_accelerate_generator.workspace import shipped
from ipfs_accelerate_py.errors import BackendError, InputError, UnknownName, WorkspaceError
from ipfs_accelerate_py.registry.store import connect
from ipfs_accelerate_py.skills.export import load_module

BACKENDS = ["cpu", "openvino", "qnn"]


class Asked:
    """A worker as the documents have it, whose hardware was asked."""

    def __init__(self, **hwtest: object) -> None:
        self.hwtest = hwtest or None


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, in which the relative paths of the defaults lie."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_of_tests(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def loaders(path: Path) -> list[str]:
    return list(load_module(path).SKILL.loaders)


def test_tests_of_a_model_type_lie_beside_the_skill_that_they_test(workspace: Path) -> None:
    written = ModelTestGenerator("bert", BACKENDS).generate_test_files()
    folder = workspace / "test" / "generated_tests"
    names = ["conftest.py", "hf_bert.py", "test_hf_bert.py"]
    assert [path.resolve() for path in written.files] == [folder / name for name in names]
    assert loaders(folder / "hf_bert.py") == ["cpu", "openvino", "qualcomm"]
    assert written.lacking == {}
    assert (workspace / "templates" / "model_templates.duckdb").is_file()


def test_the_tests_run_and_are_about_the_skill_beside_them(workspace: Path) -> None:
    ModelTestGenerator("bert", ["cpu"], "out").generate_test_files()
    (workspace / "out" / "test_which.py").write_text(
        "from pathlib import Path\n"
        "from ipfs_accelerate_skills import hf_bert\n"
        "def test_it_is_the_one_beside():\n"
        "    assert Path(hf_bert.__file__).parent == Path(__file__).parent\n"
    )
    chosen = "beside or (fill-mask and (speed or agrees))"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "out", "-k", chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout, "compared, timed, and the one above"


def test_each_flag_adds_and_drops_tests_and_nothing_else(workspace: Path) -> None:
    def made(folder: str, *, benchmarking: bool, validation: bool) -> set[str]:
        maker = ModelTestGenerator("bert", ["cpu"], folder)
        maker.generate_test_files(benchmarking, validation)
        return names_of_tests(workspace / folder / "test_hf_bert.py")

    everything = made("all", benchmarking=True, validation=True)
    timed = everything - made("untimed", benchmarking=False, validation=True)
    compared = everything - made("uncompared", benchmarking=True, validation=False)
    assert timed == {"test_speed"}
    assert compared == {
        "test_agrees_with_eager_float32_on_the_cpu",
        "test_greedy_tokens_are_those_of_transformers",
        "test_tokens_under_other_options_are_those_of_transformers",
    }
    assert made("neither", benchmarking=False, validation=False) == everything - timed - compared


def test_what_cannot_be_generated_yet_is_refused_and_not_faked(workspace: Path) -> None:
    maker = ModelTestGenerator("bert", ["cpu"])
    with pytest.raises(
        BackendError, match="JavaScript tests cannot be generated: browser backends are not built"
    ):
        maker.generate_test_files(include_javascript_tests=True)
    with pytest.raises(InputError, match="include_python_tests is False"):
        maker.generate_test_files(include_python_tests=False)
    assert not list(workspace.iterdir())


def test_the_same_arguments_give_the_same_bytes_and_other_ones_another_banner(workspace: Path) -> None:
    def texts(folder: str, backends: list[str], **flags: bool) -> list[str]:
        files = ModelTestGenerator("bert", backends, folder).generate_test_files(**flags).files
        return [path.read_text() for path in files if path.name != "conftest.py"]

    skill, tests = texts("one", ["cpu", "openvino"])
    assert texts("two", ["ov", "CPU"]) == [skill, tests]
    other, _ = texts("three", ["cpu"])
    _, untimed = texts("four", ["cpu", "openvino"], include_benchmarking=False)
    assert other.splitlines()[2] != skill.splitlines()[2]
    assert untimed.splitlines()[2].split()[2] != tests.splitlines()[2].split()[2], "the digest of the inputs"


def test_skills_of_several_types_come_with_a_catalogue(workspace: Path) -> None:
    written = SkillGenerator(["bert", "vit"], BACKENDS).generate_all_skills()
    folder = workspace / "test" / "generated_skills"
    assert [path.name for path in written.files] == ["hf_bert.py", "hf_vit.py", "catalogue.json"]
    for name in ("bert", "vit"):
        assert loaders(folder / f"hf_{name}.py") == ["cpu", "openvino", "qualcomm"]
    catalogue = json.loads((folder / "catalogue.json").read_text())
    assert list(catalogue) == ["bert", "vit"]
    assert catalogue["vit"]["backends"]["image-classification"] == ["cpu", "openvino", "qualcomm"]
    SkillGenerator(["vit"], ["cpu"]).generate_all_skills()
    catalogue = json.loads((folder / "catalogue.json").read_text())
    assert list(catalogue) == ["bert", "vit"]
    assert catalogue["vit"]["backends"]["image-classification"] == ["cpu"]


def test_a_backend_that_runs_from_anothers_bundle_comes_with_its_exporter(workspace: Path) -> None:
    SkillGenerator(["vit"], ["qualcomm"], "out").generate_all_skills()
    skill = load_module(workspace / "out" / "hf_vit.py").SKILL
    assert (list(skill.loaders), list(skill.exporters)) == (["qualcomm"], ["onnxruntime"])


def test_the_worker_limits_the_backends_to_its_hardware(caplog: pytest.LogCaptureFixture) -> None:
    worker = Asked(cpu=True, cuda=False, openvino=True, QNN=0, ipex=False)
    maker = SkillGenerator(["vit"], ["cuda", "cpu", "rocm", "qualcomm", "webnn"], "out", worker=worker)
    assert maker.hardware_backends == (
        "cpu",
        "rocm",
    ), "what the worker does not speak of is not limited by it"
    assert maker.generate_all_skills().lacking == {
        "webnn": "browser backends are not built yet",
        "cuda": "this machine lacks it, says worker.hwtest",
        "qualcomm": "this machine lacks it, says worker.hwtest",
    }
    assert "cuda is not generated" in caplog.text
    assert ModelTestGenerator("bert", ["cuda"], worker=worker).hardware_backends == ("cpu",)
    with pytest.raises(BackendError, match="no backend to generate for: cuda: this machine lacks it"):
        SkillGenerator(["vit"], ["cuda"], worker=worker)
    with pytest.raises(BackendError, match=r"call worker\.init_hardware\(\)"):
        SkillGenerator(["vit"], worker=Asked())


def test_names_that_are_not_known_are_refused_with_the_nearest(workspace: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'openvino'"):
        ModelTestGenerator("bert", ["openvno"])
    with pytest.raises(UnknownName, match=r"'bret'.*did you mean 'bert'.*ipfs-accelerate survey"):
        ModelTestGenerator("bret").generate_test_files()
    with pytest.raises(UnknownName, match="'vitt'"):
        SkillGenerator(["bert", "vitt"]).generate_all_skills()
    assert not list(workspace.iterdir())


def test_templates_of_the_workspace_are_used_and_kept_in_the_database(workspace: Path) -> None:
    own = workspace / "templates" / "families" / "vision.py.jinja"
    own.parent.mkdir(parents=True)
    before = SkillGenerator(["vit"], ["cpu"], "one", "mine.duckdb").generate_all_skills().files[0].read_text()
    title = '"""$title: '
    text = _shipped("templates/families/vision.py.jinja")
    assert text.startswith(title)
    own.write_text(text.replace(title, '"""$title, as we have it here: '))
    changed = (
        SkillGenerator(["vit"], ["cpu"], "two", "mine.duckdb").generate_all_skills().files[0].read_text()
    )
    assert "as we have it here" in changed
    assert "as we have it here" not in before
    assert own.read_text() in _texts(workspace / "mine.duckdb")


def _shipped(path: str) -> str:
    return (shipped() / path).read_text()


def _texts(database: Path) -> list[str]:
    with connect(database, store._MIGRATIONS, read_only=True) as connection:
        rows = connection.execute("SELECT content FROM text").fetchall()
    return [text for (text,) in rows]


@pytest.mark.parametrize("name", ["hf_vit.py", "catalogue.json"])
def test_a_persons_work_is_not_replaced_and_stops_no_other_type(name: str, workspace: Path) -> None:
    path = workspace / "out" / name
    path.parent.mkdir()
    path.write_text("mine = 1\n")
    maker = SkillGenerator(["vit", "bert"], ["cpu"], "out")
    with pytest.raises((SkillsError, WorkspaceError), match=f"{name}: (was not generated|is not JSON)"):
        maker.generate_all_skills()
    assert path.read_text() == "mine = 1\n"
    assert loaders(workspace / "out" / "hf_bert.py") == ["cpu"]


def test_an_edited_test_and_a_conftest_of_ones_own_are_kept(workspace: Path) -> None:
    maker = ModelTestGenerator("bert", ["cpu"], "out")
    maker.generate_test_files()
    edited = workspace / "out" / "test_hf_bert.py"
    edited.write_text(edited.read_text() + "# mine\n")
    with pytest.raises(WorkspaceError, match=r"test_hf_bert\.py: was edited by hand"):
        maker.generate_test_files(include_benchmarking=False)
    (workspace / "out" / "conftest.py").write_text("mine = 1\n")
    with pytest.raises(WorkspaceError, match=r"conftest\.py: was not generated; choose another output_dir"):
        maker.generate_test_files()


def test_a_type_without_templates_is_lacking_among_several_and_an_error_alone(workspace: Path) -> None:
    surveyed = workspace / "model_specs" / "surveyed"
    surveyed.mkdir(parents=True)
    text = _shipped("model_specs/surveyed/vit.toml")
    text = text.replace('model_type = "vit"', 'model_type = "measured"')
    for known, other in (
        ("image-feature-extraction", "pose-estimation"),
        ("image-classification", "mask-generation"),
        ("masked-image-modeling", "keypoint-matching"),
    ):
        text = text.replace(f'task = "{known}"', f'task = "{other}"')
    (surveyed / "measured.toml").write_text(text)
    written = SkillGenerator(["measured", "vit"], ["cpu"], "out").generate_all_skills()
    assert [path.name for path in written.files] == ["hf_vit.py", "catalogue.json"]
    assert "no template" in written.lacking["measured"]
    with pytest.raises(NoTemplate):
        ModelTestGenerator("measured").generate_test_files()
