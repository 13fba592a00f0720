"""tests/mutations: each row of the runbook's map and each guard has one, and the runner tells who notices."""

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.mutations.__main__ import chosen, describe, main, try_all
from tests.mutations.mutation import GUARDS, RUNBOOK, Misplaced, Mutation, read_mutations
from tests.mutations.tree import Tree, copy_tree
from tests.mutations.trial import judge
from tests.unit.test_runbook_map import ROOT, ROWS

MUTATIONS, OF_GUARDS = read_mutations(RUNBOOK), read_mutations(GUARDS)
ROW_OF = {(row.part, row.runbook): row for row in ROWS}
BUSY = "def is_busy(active: int, size: int) -> bool:\n    return active > size * 0.9  # a lot\n"
TEST = "tests/test_pool.py::test_nine_of_ten_is_not_busy"
TESTS = """
import pytest
from pool import is_busy


@pytest.mark.parametrize("active", [1, 9])
def test_nine_of_ten_is_not_busy(active):
    assert not is_busy(active, 10)


def test_it_fails_anyway():
    assert is_busy(1, 10)
"""


@pytest.fixture
def sample(tmp_path: Path) -> Tree:
    """A project of one function."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "pool.py").write_text(BUSY)
    (tmp_path / "tests" / "test_pool.py").write_text(TESTS)
    return Tree(tmp_path)


def mutation(find: str, replace: str, test: str = TEST) -> Mutation:
    return Mutation(part="Pool", runbook="busy", file="pool.py", find=find, replace=replace, test=test)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.part}: {row.runbook}"[:60])
def test_every_row_of_the_map_is_broken_by_some_mutation(row: object) -> None:
    assert [each for each in MUTATIONS if ROW_OF[each.part, each.runbook] == row]


@pytest.mark.parametrize("each", MUTATIONS, ids=lambda each: f"{each.row} {each.file}"[:90])
def test_a_mutation_is_of_its_row_and_fits_its_file(each: Mutation) -> None:
    row = ROW_OF[each.part, each.runbook]
    assert each.file in row.files
    assert each.test in row.tests
    sound = (ROOT / each.file).read_text()
    assert each.applied_to(sound) != sound


@cache
def functions_of(file: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.parse(file.read_text()).body if isinstance(each, kinds))


@pytest.mark.parametrize("each", OF_GUARDS, ids=lambda each: f"{each.row} {each.file}"[:90])
def test_a_mutation_of_a_guard_fits_its_file_and_names_a_test(each: Mutation) -> None:
    file, _, name = each.test.partition("::")
    assert name in functions_of(ROOT / file)
    sound = (ROOT / each.file).read_text()
    assert each.applied_to(sound) != sound


def test_no_row_and_no_mutation_is_there_twice() -> None:
    assert len(ROW_OF) == len(ROWS)
    for every in (MUTATIONS, OF_GUARDS):
        assert len({(each.file, each.find, each.replace) for each in every}) == len(every)


def test_what_is_noticed_and_what_is_not_is_told(sample: Tree) -> None:
    told: list[str] = []
    verdicts = try_all(
        sample,
        (
            mutation("0.9", "0.8"),
            mutation("# a lot", "# loads"),
            mutation("return", "retrun"),
            mutation("1.0", "0.8"),
            mutation("0.9", "0.8", "tests/test_pool.py::test_it_fails_anyway"),
        ),
        told.append,
    )

    assert [verdict.is_noticed for verdict in verdicts] == [True, False, False, False, False]
    assert [verdict.why for verdict in verdicts if "pytest ended" not in verdict.why] == [
        "",
        "the test passes all the same",
        "pool.py has what is to be replaced 0 times: 1.0",
        "the test does not pass while nothing is broken",
    ]
    assert verdicts[2].why.startswith("it was not the test that failed (pytest ended with ")
    assert told[1].startswith("1 of 2 pass")
    assert told[2].startswith("  1/5 noticed  ")
    assert told[3].startswith("  2/5 NOT NOTICED  ")
    assert told[3].endswith(f"Pool: busy  {TEST} (the test passes all the same)")
    assert (sample.folder / "pool.py").read_text() == BUSY


def test_a_test_that_does_not_end_has_noticed_nothing(sample: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutations.trial.SECONDS", 2.0)
    verdict = judge(sample, mutation("return", "__import__('time').sleep(60)\n    return"))
    assert (verdict.is_noticed, verdict.why) == (False, "the test did not end within 2 s")
    assert "NOT NOTICED" in describe(verdict)
    assert verdict.seconds < 30


def test_what_stands_there_twice_is_not_replaced() -> None:
    with pytest.raises(Misplaced, match="2 times"):
        mutation("active", "idle").applied_to(BUSY)


def test_the_tree_is_a_copy_of_what_git_knows_or_would_take_in(tmp_path: Path) -> None:
    root, copy = tmp_path / "root", tmp_path / "copy"
    for name in ("docs/map.md", "new.py", "gone.py", "var/log", ".venv/bin/python"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / ".gitignore").write_text("var/\n.venv/\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "docs", "gone.py"], cwd=root, check=True)
    (root / "gone.py").unlink()
    copy.mkdir()

    copy_tree(root, copy)

    assert {path.name for path in copy.iterdir()} == {"docs", "new.py", ".gitignore", ".venv"}
    assert (copy / "docs" / "map.md").read_text() == "docs/map.md"
    assert (copy / ".venv").resolve() == root / ".venv"


def test_a_pattern_chooses_by_row_file_and_test(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = mutation("a", "b"), mutation("a", "b", "tests/test_other.py::test_it")
    assert chosen((one, other), "") == (one, other)
    assert chosen((one, other), "other.py") == (other,)
    assert chosen((one, other), "Pool: b.*pool.py") == (one, other)
    assert main(["no row is called so"]) == 2
    assert "No mutation matches" in capsys.readouterr().err
