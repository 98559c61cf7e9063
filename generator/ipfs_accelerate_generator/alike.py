"""How large the generated tree is, and how much of it is the same from one module to the next."""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Alike:
    """What a person may want to know of files that one program wrote."""

    files: int
    distinct_files: int
    """Files with a text of their own."""
    lines: int
    """Those that are not blank."""
    distinct_lines: int
    repeated_lines: int
    """Lines that another file has, too."""
    bytes: int
    compressed_bytes: int
    """All files one after the other, by LZMA: about what a wheel or a clone takes."""

    @property
    def repeated(self) -> float:
        """The share of lines that another file has, too."""
        return self.repeated_lines / self.lines if self.lines else 0.0


def alike(files: Iterable[Path]) -> Alike:
    """Return how alike `files` are, each read whole; a line is compared without the space around it."""
    texts = [path.read_bytes() for path in files]
    by_file = [Counter(line for raw in text.split(b"\n") if (line := raw.strip())) for text in texts]
    holders = Counter(line for lines in by_file for line in lines)
    return Alike(
        files=len(texts),
        distinct_files=len(set(texts)),
        lines=sum(lines.total() for lines in by_file),
        distinct_lines=len(holders),
        repeated_lines=sum(count for lines in by_file for line, count in lines.items() if holders[line] > 1),
        bytes=sum(map(len, texts)),
        compressed_bytes=len(lzma.compress(b"".join(texts), preset=1)),
    )
