"""Trials: generated tests in processes of their own, whatever becomes of those."""

from __future__ import annotations

from ipfs_accelerate_generator.trial.driver import run_trials
from ipfs_accelerate_generator.trial.options import Options, Trial, Watcher
from ipfs_accelerate_generator.trial.report import TrialReport

__all__ = ["Options", "Trial", "TrialReport", "Watcher", "run_trials"]
