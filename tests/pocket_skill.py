"""A generated module in small: real in every respect but the model, which is a text file that an exporter writes.

Its exporter does what the environment asks, so that tests can look at bundles while they are made: POCKET_SLEEP
seconds in the middle, POCKET_END in one of several bad ways, POCKET_LOG a file that gets a line per export.
"""

import os
import signal
import time
from pathlib import Path

from ipfs_accelerate_py.skills import Head, Port, Skill, Steps, bundle

MODEL_TYPE = "bert"
WORDS = Port("int64", axes=("batch", "words"), dynamic=("batch", "words"))


def text_classification_model(checkpoint, *, dtype, attention):
    """Return no model: the exporter writes a text."""


def text_classification_graph(model, checkpoint):
    """Return the graph's text."""
    return "a graph"


def text_classification(checkpoint):
    """Return steps that prepare nothing."""
    return Steps(lambda items, options: [], lambda example, rows, options: {}, ("a sample",))


TEXT_CLASSIFICATION = Head(
    model=text_classification_model,
    graph=text_classification_graph,
    steps=text_classification,
    inputs={"words": WORDS},
    outputs=("logits",),
)

HEADS = {"text-classification": TEXT_CLASSIFICATION}


def load_openvino(checkpoint, task):
    """Return the bundle itself; there is nothing to run."""
    return bundle(checkpoint, module=__file__, task=task, backend="openvino")


def export_openvino(checkpoint, task, folder):
    """Write two files, slowly if asked to, and end badly if asked to."""
    if log := os.environ.get("POCKET_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{os.getpid()}\n")
    (folder / "model.xml").write_text(text_classification_graph(None, checkpoint))
    print("exporters print")
    time.sleep(float(os.environ.get("POCKET_SLEEP", "0")))
    end = os.environ.get("POCKET_END", "")
    if end == "raise":
        raise ValueError("a layer that nobody knows")
    if end == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if end == "exit":
        os._exit(7)
    (folder / "model.bin").write_bytes(bytes(int(os.environ.get("POCKET_BYTES", "1000"))))
    return "by hand"


SKILL = Skill(
    model_type=MODEL_TYPE,
    family="embedding",
    heads=HEADS,
    loaders={"openvino": load_openvino},
    exporters={"openvino": export_openvino},
)
