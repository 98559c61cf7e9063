"""Complex numbers as pairs of real tensors: exporters know no complex ones, and no Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipfs_accelerate_py.skills.replacing import replaced


@contextmanager
def as_pairs() -> Iterator[None]:
    """Within this, complex numbers that models make are `Pair`s, and Fourier transforms are products of matrices.

    Those that a model has made before and keeps (`Llama4VisionRotaryEmbedding`) it makes again.
    """
    import torch
    from transformers.models.llama4 import modeling_llama4 as llama4

    usual = {name: getattr(torch, name) for name in ("view_as_complex", "view_as_real", "conj")}

    def real(number: Any) -> Any:
        return number.stacked if isinstance(number, Pair) else usual["view_as_real"](number)

    def conjugate(number: Any) -> Any:
        return Pair(number.real, -number.imag) if isinstance(number, Pair) else usual["conj"](number)

    with replaced(
        (torch, "polar", lambda size, angle: Pair(size * torch.cos(angle), size * torch.sin(angle))),
        (torch, "view_as_complex", lambda tensor: Pair(tensor[..., 0], tensor[..., 1])),
        (torch, "view_as_real", real),
        (torch, "conj", conjugate),
        (llama4.Llama4VisionRotaryEmbedding, "forward", lambda self, _: self._compute_freqs_ci(self.config)),
        (torch.fft, "fft", _fft),
        (torch.fft, "fftn", _fftn),
        (torch.fft, "rfft", _rfft),
        (torch.fft, "irfft", _irfft),
    ):
        yield


class Pair:
    """Complex numbers: their real and their imaginary parts, of one shape."""

    def __init__(self, real: Any, imag: Any) -> None:
        self.real, self.imag = real, imag

    @property
    def stacked(self) -> Any:
        """Both parts side by side, along a new last axis."""
        import torch

        return torch.stack([self.real, self.imag], dim=-1)

    @property
    def device(self) -> Any:
        """Where its parts lie."""
        return self.real.device

    @property
    def shape(self) -> Any:
        """The sizes of its axes."""
        return self.real.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return int(self.real.ndim)

    def __mul__(self, other: Any) -> Pair:
        if isinstance(other, Pair):
            return Pair(
                self.real * other.real - self.imag * other.imag,
                self.real * other.imag + self.imag * other.real,
            )
        return Pair(self.real * other, self.imag * other)

    __rmul__ = __mul__

    def __getitem__(self, place: Any) -> Pair:
        return Pair(self.real[place], self.imag[place])

    def to(self, *_: Any, **__: Any) -> Pair:
        """Stay as it is: what is traced stays on the CPU in float32."""
        return self

    def unsqueeze(self, axis: int) -> Pair:
        """Return both parts with a new axis of one place."""
        return Pair(self.real.unsqueeze(axis), self.imag.unsqueeze(axis))

    def view(self, *sizes: int) -> Pair:
        """Return both parts with axes of these sizes."""
        return Pair(self.real.view(*sizes), self.imag.view(*sizes))

    def transpose(self, first: int, second: int) -> Pair:
        """Return both parts with two axes exchanged."""
        return Pair(self.real.transpose(first, second), self.imag.transpose(first, second))


def _turns(count: Any, rows: Any) -> tuple[Any, Any]:
    """Return cosine and sine of the angles of `rows` frequencies at `count` places, (rows, count) each."""
    import torch

    places = torch.arange(count)
    # The remainder first: an angle of thousands of turns has no digits left for its place in the last one.
    angles = (torch.arange(rows).unsqueeze(1) * places % count).float() * (2 * math.pi) / count
    return torch.cos(angles), torch.sin(angles)


def _fft(signal: Any, n: None = None, dim: int = -1, axis: int | None = None) -> Pair:
    """Return the Fourier transform of a signal, real or a pair, along one axis, of the axis's own length."""
    import torch

    dim = dim if axis is None else axis
    if n is not None:
        raise NotImplementedError("a Fourier transform of another length than its axis")
    whole = signal if isinstance(signal, Pair) else Pair(signal, torch.zeros_like(signal))
    real, imag = whole.real.transpose(dim, -1), whole.imag.transpose(dim, -1)
    cos, sin = _turns(real.shape[-1], real.shape[-1])
    found = Pair(real @ cos.T + imag @ sin.T, imag @ cos.T - real @ sin.T)
    return found.transpose(dim, -1)


def _fftn(signal: Any, dim: tuple[int, ...]) -> Pair:
    for each in reversed(dim):
        signal = _fft(signal, dim=each)
    assert isinstance(signal, Pair)  # there is an axis to transform
    return signal


def _rfft(signal: Any, n: Any = None, dim: int = -1) -> Pair:
    """Return the Fourier transform of a real signal along one axis, filled up or cut to `n`: the first half."""
    import torch

    rows = signal.transpose(dim, -1)
    if n is not None:
        rows = torch.nn.functional.pad(rows, (0, n - rows.shape[-1]))
    cos, sin = _turns(rows.shape[-1], rows.shape[-1] // 2 + 1)
    return Pair(rows @ cos.T, -(rows @ sin.T)).transpose(dim, -1)


def _irfft(numbers: Any, n: Any = None, dim: int = -1, norm: str | None = None) -> Any:
    """Return the real signal of `n` places whose Fourier transform's first half is `numbers`."""
    import torch

    if norm not in (None, "backward"):
        raise NotImplementedError(f"an inverse Fourier transform with the norm {norm!r}")
    real, imag = numbers.real.transpose(dim, -1), numbers.imag.transpose(dim, -1)
    half = real.shape[-1]
    count = 2 * (half - 1) if n is None else n
    cos, sin = _turns(count, half)
    frequency = torch.arange(half)
    # All but the first, and but the last of an even count, stand for themselves and for their mirror image.
    twice = torch.where((frequency == 0) | (2 * frequency == count), 1.0, 2.0)
    return ((real * twice) @ cos - (imag * twice) @ sin).transpose(dim, -1) / count
