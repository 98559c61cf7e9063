"""docs/coverage.md is what the committed evidence says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipfs_accelerate_py.cli.app import main

ROOT = Path(__file__).parents[1]


def test_the_page_is_made_from_the_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    told = ["coverage", "--from", str(ROOT / "evidence"), "--markdown", "--root", str(ROOT)]
    assert main(told) == 0
    want = capsys.readouterr().out
    fix = "ipfs-accelerate coverage --from evidence --markdown > docs/coverage.md"
    assert (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8") == want, f"run: {fix}"
