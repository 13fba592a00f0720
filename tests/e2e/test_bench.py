"""The diagnosis trial as `make bench` runs it: one real leak, what is made of it, and what is written."""

import asyncio
import json
import os
import sys
from pathlib import Path

from bench.diagnosis.record import read_records

ROOT = Path(__file__).resolve().parents[2]


async def run_bench(folder: Path, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.diagnosis", "--folder", str(folder)),
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    return process.returncode, told.decode()


async def test_a_real_leak_is_found_and_counted(tmp_path: Path) -> None:
    code, told = await run_bench(tmp_path, "--only", "leak", "--runs", "1", "--varied", "6")
    assert code == 0, told
    result = json.loads((tmp_path / "diagnosis.json").read_text())
    assert (result["trials"], result["wrong_acts"]) == (7, 0)
    assert (result["real"]["trials"], result["real"]["right"]) == (1, 1)
    assert result["real"]["matrix"] == {"leak": {"leak": 1}}
    (record,) = read_records(tmp_path / "records")
    assert record.truth.sessions
    assert "Shortened for the trial" in told
    assert "true \\ found" in told
    await judged_again(tmp_path)


async def judged_again(folder: Path) -> None:
    """What was recorded can be judged again without a server; called something else, it fails."""
    code, _ = await run_bench(folder, "--recorded", str(folder / "records"), "--varied", "1")
    assert code == 0
    (file,) = (folder / "records").glob("*.json")
    file.write_text(file.read_text().replace('"truth":{"cause":"leak"', '"truth":{"cause":"hold"'))
    code, told = await run_bench(folder, "--recorded", str(folder / "records"), "--varied", "1")
    assert code == 1, told
    assert "wrong act: ends" in told
    assert json.loads((folder / "diagnosis.json").read_text())["wrong_acts"] > 0
