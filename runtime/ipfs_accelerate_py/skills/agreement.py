"""Whether an export gives what PyTorch gives."""

from __future__ import annotations

from typing import Final

import numpy as np

from ipfs_accelerate_py.skills.arrays import Array

# Relative to the largest value, as the tests of a skill compare: an exported float32 model comes within 1e-5, and one
# that kept a size of its example is off by a tenth and more.
TOLERANCE: Final = 1e-3


def fault_of(got: Array, want: Array) -> str | None:
    """Return what is wrong with `got`, where `want` is asked for, in words; None where they agree."""
    if got.shape != want.shape:
        return f"has the shape {got.shape} and not {want.shape}"
    if not np.issubdtype(want.dtype, np.floating):
        return None if np.array_equal(got, want) else "differs"
    finite = np.isfinite(want)
    if not np.array_equal(finite, np.isfinite(got)):
        return "is not finite where PyTorch's is, or the other way round"
    scale = float(np.abs(want[finite]).max(initial=0.0))
    apart = float(np.abs(got[finite] - want[finite]).max(initial=0.0))
    return (
        None
        if apart <= TOLERANCE * scale
        else f"differs by {apart / (scale or 1.0):.2g} of its largest value"
    )
