"""Wrong records and wrong versions: somebody else's, a restored backup's, a cache's (F26, F29, F31)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from medmost_stand.dialect import Body, at
from medmost_stand.faults.twists import OPERATIONS, Reply, Twist

if TYPE_CHECKING:
    from medmost_stand.api import Call


def etag(headers: dict[str, str], version: int) -> None:
    """Puts another version where an answer has one."""
    if "ETag" in headers:
        headers["ETag"] = f'"{version}"'


class OtherPerson(Twist):
    """In place of the record asked for stands one of another patient, whole, as from a cache with a wrong key;
    in a page and in a webhook it is one of the records. With `keep_id` it comes under the id and version of the
    record whose place it takes."""

    hooks = True

    def touches(self, reply: Reply) -> bool:
        read = reply.method in ("GET", None)
        return read and any(self._other(record) is not None for record in reply.records())

    def show(self, reply: Reply) -> None:
        meant = [record for record in reply.records() if self._other(record) is not None]
        record = self.rule.rng.choice(meant)
        other = self._other(record)
        if other is None:  # twenty draws met nobody else this time
            return
        kept = {name: record[name] for name in self.system.dialect.server_fields if name in record}
        record.clear()
        record.update(other)
        if self.rule.given["keep_id"]:
            record.update(kept)
        elif reply.rows is None:
            etag(reply.headers, record[self.system.dialect.version_field])

    def _other(self, record: Body) -> Body | None:
        """A live record of the same collection that belongs to somebody else."""
        shelf = self.system.shelves[self.collection]
        own = shelf.records.get(str(record.get("id")))
        if own is None or own.deleted or len(shelf) < 2:
            return None
        whose = self._patient(own.fields())
        for _ in range(20):
            found = shelf.sample(self.rule.rng)
            if found is not None and found.id != own.id and (whose is None or self._patient(found.fields()) != whose):
                shown: Body = orjson.loads(self.system.dialect.listed(found))
                return shown
        return None

    def _patient(self, body: Body) -> Any:
        policy = self.system.shelves["policies"].form.key[0]
        return at(body, policy)


class VersionsBack(Twist):
    """Every version is `by` lower than it was, as after a backup was restored; an If-Match of a version shown
    is understood."""

    hooks = True

    def touches(self, reply: Reply) -> bool:
        return any(self._lower(record) is not None for record in reply.records())

    def show(self, reply: Reply) -> None:
        name = self.system.dialect.version_field
        for record in reply.records():
            lower = self._lower(record)
            if lower is not None:
                record[name] = lower
                if reply.rows is None:
                    etag(reply.headers, lower)

    def call(self, call: Call) -> Call:
        request = call.request
        record = self.system.shelves[self.collection].records.get(request.match_info.get("id", ""))
        given = request.headers.get("If-Match", "").strip('"')
        if self.rule.spent or record is None or given != str(self._before(record.version)):
            return call
        headers = request.headers.copy()
        headers["If-Match"] = f'"{record.version}"'
        return replace(call, request=request.clone(headers=headers))

    def take_whole(self, body: Body) -> Body:
        name = next((name for name in OPERATIONS if isinstance(body.get(name), list)), None)
        return body if name is None else body | {name: [self._operation(row) for row in body[name]]}

    def _operation(self, row: Any) -> Any:
        version = self.system.dialect.version_field
        record = self.system.shelves[self.collection].records.get(str(row.get("id"))) if isinstance(row, dict) else None
        if self.rule.spent or record is None or str(row.get(version)).strip('"') != str(self._before(record.version)):
            return row
        return row | {version: record.version}

    def _before(self, version: int) -> int:
        by: int = self.rule.given["by"]
        return max(1, version - by)

    def _lower(self, record: Body) -> int | None:
        version = record.get(self.system.dialect.version_field)
        return self._before(version) if isinstance(version, int) and version > 1 else None


class EtagStale(Twist):
    """A record that is read shows the version before its last, in the body and as ETag: a write under it is
    refused as outdated."""

    early = True

    def meets(self, call: Call) -> bool:
        return call.request.method == "GET" and "id" in call.request.match_info

    def show(self, reply: Reply) -> None:
        name = self.system.dialect.version_field
        if reply.status < 400 and isinstance(reply.doc.get(name), int):
            reply.doc[name] -= 1
            etag(reply.headers, reply.doc[name])
