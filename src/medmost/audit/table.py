"""The records of one kind side by side, compared by SQL: a way of its own, that shares nothing with the merge.

DuckDB in memory. What does not fit goes to a folder that only we can open and that goes with the table; it holds
references, versions and digests under a key that is nowhere written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType

import msgspec

from medmost.audit.digest import Noted
from medmost.domain.record import Side

SIDES = (Side.GOSUSLUGI, Side.EMIAS)
BATCH = 500

_SCHEMA = """
CREATE TABLE seen (side UTINYINT, ref VARCHAR, version BIGINT, account VARCHAR, key BLOB, released BOOLEAN,
                   alone BOOLEAN, digests BLOB);
CREATE TABLE bound (g VARCHAR, e VARCHAR);
CREATE TABLE matched (g VARCHAR, e VARCHAR);
CREATE VIEW taken AS SELECT 0 AS side, g AS ref FROM matched UNION ALL SELECT 1, e FROM matched;
"""
_NEWEST = """
CREATE TABLE record AS SELECT * FROM seen QUALIFY row_number() OVER (PARTITION BY side, ref ORDER BY version DESC) = 1;
CREATE VIEW present AS SELECT * FROM record WHERE account IN ('live', 'invalid');
CREATE TABLE twins AS SELECT side, key FROM present WHERE key IS NOT NULL AND NOT released
    GROUP BY side, key HAVING count(*) > 1;
"""
_MATCH_BOUND = """
INSERT INTO matched SELECT b.g, b.e FROM bound b
    JOIN present g ON g.side = 0 AND g.ref = b.g JOIN present e ON e.side = 1 AND e.ref = b.e
"""
_MATCH_KEYS = """
INSERT INTO matched
WITH rest AS (
    SELECT side, ref, key, {released} AS released,
           row_number() OVER (PARTITION BY side, key, {released} ORDER BY alone, ref) AS n
    FROM present ANTI JOIN taken USING (side, ref) WHERE key IS NOT NULL)
SELECT g.ref, e.ref FROM rest g JOIN rest e
    ON g.side = 0 AND e.side = 1 AND g.key = e.key AND g.released = e.released AND g.n = e.n
"""
_JUDGED = """
CREATE TABLE judged AS
WITH pairs AS (
    SELECT g.ref AS g, g.version AS gv, g.digests AS gd, e.ref AS e, e.version AS ev, e.digests AS ed,
        CASE WHEN g.account = 'invalid' OR e.account = 'invalid' THEN 'invalid'
             WHEN g.digests = e.digests THEN 'level' ELSE 'differing' END AS what
    FROM matched m JOIN present g ON g.side = 0 AND g.ref = m.g JOIN present e ON e.side = 1 AND e.ref = m.e
    WHERE NOT EXISTS (SELECT 1 FROM twins t WHERE NOT g.released AND t.side = 0 AND t.key = g.key)
      AND NOT EXISTS (SELECT 1 FROM twins t WHERE NOT e.released AND t.side = 1 AND t.key = e.key)
), singles AS (
    SELECT p.* FROM present p ANTI JOIN taken USING (side, ref)
    WHERE p.key IS NULL OR p.released
       OR NOT EXISTS (SELECT 1 FROM twins t WHERE t.side = p.side AND t.key = p.key)
)
SELECT what, g, gv, gd, e, ev, ed FROM pairs
UNION ALL SELECT
    CASE WHEN account = 'invalid' THEN 'invalid' WHEN alone THEN 'rejected'
         WHEN side = 0 THEN 'missing_at_emias' ELSE 'missing_at_gosuslugi' END,
    CASE WHEN side = 0 THEN ref END, CASE WHEN side = 0 THEN version END, NULL,
    CASE WHEN side = 1 THEN ref END, CASE WHEN side = 1 THEN version END, NULL
FROM singles
"""
_TWINS = """
SELECT p.side, list(p.ref ORDER BY p.ref)[:10] FROM present p JOIN twins t ON t.side = p.side AND t.key = p.key
WHERE NOT p.released GROUP BY p.side, p.key ORDER BY 1, 2
"""


class Judged(msgspec.Struct, frozen=True):
    """An object that is not level at first sight."""

    what: str
    refs: dict[Side, str | None]
    versions: dict[Side, int | None]
    digests: tuple[bytes, bytes] | None = None
    others: tuple[str, ...] = ()


class Comparison:
    """One kind's records of both systems. Not for several threads at once."""

    def __init__(self, memory: str = "512MB") -> None:
        import duckdb  # a sixth of a second, which only an audit needs

        self._spill = tempfile.TemporaryDirectory(prefix="medmost-audit-")  # made with 0700
        self._base = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory,
                "threads": "2",
                "temp_directory": self._spill.name,
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self._base.execute(_SCHEMA)

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._base.close()
        self._spill.cleanup()

    def add(self, side: Side, noted: Sequence[Noted]) -> None:
        """A page of records; a record may come several times, its newest version counts."""
        columns = [list(column) for column in zip(*(msgspec.structs.astuple(one) for one in noted), strict=True)]
        if columns:
            self._base.execute(
                "INSERT INTO seen SELECT $1, unnest($2::VARCHAR[]), unnest($3::BIGINT[]), unnest($4::VARCHAR[]), "
                "unnest($5::BLOB[]), unnest($6::BOOLEAN[]), unnest($7::BOOLEAN[]), unnest($8::BLOB[])",
                [SIDES.index(side), *columns],
            )

    def bind(self, refs: Sequence[tuple[str, str]]) -> None:
        """Records that the state knows as two halves of one object (gosuslugi, emias): they are compared first."""
        if refs:
            self._base.execute(
                "INSERT INTO bound SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[])",
                [[g for g, _ in refs], [e for _, e in refs]],
            )

    def judge(self) -> None:
        """Matches what has been added: halves of one object, then equal keys of equal standing, then equal keys."""
        self._base.execute(_NEWEST)
        self._base.execute(_MATCH_BOUND)
        self._base.execute(_MATCH_KEYS.format(released="released"))
        self._base.execute(_MATCH_KEYS.format(released="false"))
        self._base.execute(_JUDGED)

    def records(self) -> dict[tuple[Side, str], int]:
        """(side, account) -> how many records."""
        rows = self._base.execute("SELECT side, account, count(*) FROM record GROUP BY ALL").fetchall()
        return {(SIDES[side], account): number for side, account, number in rows}

    def settled(self) -> dict[str, int]:
        """Objects that need no second look: level, and rejected ones that are level alone."""
        query = "SELECT what, count(*) FROM judged WHERE what IN ('level', 'rejected') GROUP BY what"
        return dict(self._base.execute(query).fetchall())

    def unsettled(self) -> Iterator[list[Judged]]:
        """The other ones, in batches."""
        found = self._base.cursor().execute(
            "SELECT what, g, gv, gd, e, ev, ed FROM judged WHERE what NOT IN ('level', 'rejected') ORDER BY what, g, e"
        )
        while rows := found.fetchmany(BATCH):
            yield [_judged(*row) for row in rows]
        twins = self._base.cursor().execute(_TWINS)
        while rows := twins.fetchmany(BATCH):
            yield [_duplicate(SIDES[side], refs) for side, refs in rows]


def _judged(
    what: str,
    g: str | None,
    g_version: int | None,
    g_digests: bytes | None,
    e: str | None,
    e_version: int | None,
    e_digests: bytes | None,
) -> Judged:
    digests = (g_digests, e_digests) if g_digests is not None and e_digests is not None else None
    return Judged(
        what,
        {Side.GOSUSLUGI: g, Side.EMIAS: e},
        {Side.GOSUSLUGI: g_version, Side.EMIAS: e_version},
        digests,
    )


def _duplicate(side: Side, refs: list[str]) -> Judged:
    return Judged("duplicate", {side: refs[0], side.other: None}, {}, None, tuple(refs[1:]))
