"""kill -9 in the middle of a real export leaves no half bundle that anyone sees, and the next load works."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_checkpoints import bert

import ipfs_accelerate_py as ia
from ipfs_accelerate_py.locations import cache_folder
from ipfs_accelerate_py.skills.bundles import discard, stored

LOADING = "import ipfs_accelerate_py as ia, sys; ia.load(sys.argv[1], backend=sys.argv[2])"
WHOLE_S = {
    "openvino": 6.0,
    "onnxruntime": 9.0,
}  # processor time of such an export; a later point finds it done
PATIENCE_S = 300.0  # on a machine that does much else


def exporter(parent: psutil.Process) -> psutil.Process | None:
    """Return the process that exports for `parent`, once there is one."""
    with_name = [each for each in parent.children() if "ipfs_accelerate_py.skills.export" in each.cmdline()]
    return with_name[0] if with_name else None


def killed(folder: Path, backend: str, victim: str, point_s: float) -> tuple[int, str]:
    """Kill an export, or who asked for it, when it has used `point_s` of processor time; return how the asker ended."""
    asking = subprocess.Popen(
        [sys.executable, "-c", LOADING, str(folder), backend], stderr=subprocess.PIPE, text=True
    )
    parent, child = psutil.Process(asking.pid), None
    deadline = time.monotonic() + PATIENCE_S
    try:
        while asking.poll() is None and time.monotonic() < deadline:
            child = child or exporter(parent)
            if child is not None and sum(child.cpu_times()[:2]) >= point_s:
                (parent if victim == "parent" else child).kill()
                break
            time.sleep(0.05)  # a look at all processes takes about as long as this
    except psutil.NoSuchProcess:  # it was done before its point came
        pass
    _, errors = asking.communicate(timeout=PATIENCE_S)
    if child is not None:
        _, alive = psutil.wait_procs([child], timeout=PATIENCE_S)
        assert not alive, "an export went on for nobody"
    return asking.returncode, errors


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_kill_at_any_point_of_a_real_export_leaves_all_or_nothing(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bert()  # before the home in which it lies is another
    monkeypatch.setenv("IPFS_ACCELERATE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    chaos = random.Random()
    victim, point_s = chaos.choice(("child", "parent")), chaos.uniform(0.05, WHOLE_S[backend])
    print(f"kills the {victim} after {point_s:.2f} s of its export")  # which pytest shows if this fails
    code, errors = killed(folder, backend, victim, point_s)
    found = list(stored())
    assert [made.damage() for made in found] == [[]] * len(found)
    visible = [path.name for path in cache_folder().glob("??/[!.]*") if path.is_dir()]
    assert visible == [made.folder.name for made in found]
    if victim == "child":
        assert bool(found) == (code == 0)
        assert found or f"the export of text-classification for {backend} failed: crashed (SIGKILL)" in errors
        assert not list(cache_folder().glob("??/.*.part")), "who asked for it clears away"
    assert not list(cache_folder().glob("??/*.failed.json")), "a kill says nothing about the next try"
    for made in found:
        discard(made)
    answer = ia.load(str(folder), backend=backend)("Rain.")
    assert answer["backend"] == backend
    [made] = stored()
    assert made.damage() == []
    assert not list(cache_folder().glob("??/.*.part"))
