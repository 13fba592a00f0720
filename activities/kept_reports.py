"""Finding a stored report again, by target and run."""

import json
from collections.abc import Iterator

from activities.report_names import Format, is_stem, may_be_of
from activities.report_store import Store


class KeptReports:
    """What `StoredReports` has left in a store. Methods raise SourceUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, target: str, run: str | None, style: Format) -> str | None:
        """The latest run's, or that of the run whose id begins so; None where there is none."""
        for stem in self._stems(target, style):
            if run is None or self._is_of(target, stem, run):
                text = self._store.read(f"{target}/{stem}.{style}")
                return None if text is None else text.decode(errors="replace")
        return None

    def _stems(self, target: str, style: Format) -> Iterator[str]:
        """Names without their ending, the newest first: they begin with when the incident was opened."""
        for name in sorted(self._store.names(target), reverse=True):
            stem, _, ending = name.rpartition(".")
            if ending == style and is_stem(stem):
                yield stem

    def _is_of(self, target: str, stem: str, run: str) -> bool:
        """The name has the beginning of the run's id; the report has the whole of it."""
        if not may_be_of(stem, run):
            return False
        kept = self._store.read(f"{target}/{stem}.{Format.JSON}")
        try:
            said = json.loads(kept or b"null")
        except ValueError:
            return False
        return isinstance(said, dict) and str(said.get("run_id", "")).startswith(run)
