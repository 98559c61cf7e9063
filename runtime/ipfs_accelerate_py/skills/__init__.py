"""Skills: what generated modules are made of, and how a checkpoint finds the skill and the backend that serve it."""

from __future__ import annotations

from ipfs_accelerate_py.skills.arrays import Array, Batch, Forward, Module, Tensors
from ipfs_accelerate_py.skills.bundles import Bundle, bundle
from ipfs_accelerate_py.skills.checkpoint import Checkpoint
from ipfs_accelerate_py.skills.handler import Handler, Place
from ipfs_accelerate_py.skills.head import Answer, Example, Graph, Head, Options, Part, Port, Steps, Tower
from ipfs_accelerate_py.skills.skill import Skill

__all__ = [
    "Answer",
    "Array",
    "Batch",
    "Bundle",
    "Checkpoint",
    "Example",
    "Forward",
    "Graph",
    "Handler",
    "Head",
    "Module",
    "Options",
    "Part",
    "Place",
    "Port",
    "Skill",
    "Steps",
    "Tensors",
    "Tower",
    "bundle",
]
