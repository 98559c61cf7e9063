"""How alike files are is counted by lines, wherever in a file they stand."""

from __future__ import annotations

from pathlib import Path

from ipfs_accelerate_generator.alike import alike


def test_lines_that_another_file_has_are_counted_and_blank_ones_are_not(tmp_path: Path) -> None:
    texts = {
        "a.py": "x = 1\n\ny = 2\nx = 1\n",
        "b.py": "    x = 1\nz = 3\n",
        "c.py": "x = 1\n\ny = 2\nx = 1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    found = alike(sorted(tmp_path.iterdir()))
    assert (found.files, found.distinct_files) == (3, 2)
    assert (found.lines, found.distinct_lines, found.repeated_lines) == (8, 3, 7)
    assert found.repeated == 7 / 8
    assert found.bytes == sum(map(len, texts.values()))


def test_of_nothing_nothing_is_repeated() -> None:
    assert alike([]).repeated == 0.0
