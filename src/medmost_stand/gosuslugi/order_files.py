"""Files of orders: kept with the state, listed in the order, downloaded by its link (facts/gosuslugi.md §2.3, §2.4)."""

from __future__ import annotations

import base64
import mimetypes

from medmost_stand.dialect import Body
from medmost_stand.storage import Storage

REQUEST, RESULT = "2", "3"  # the objectType at the end of a link
RESULT_NAME = "result.xml"
_TYPES = mimetypes.MimeTypes()  # of Python alone: the machine's own table says text/xml
_TYPES.add_type("application/xml", ".xml")


class OrderFiles:
    """Bytes by order, type and name."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, order_id: int, kind: str, name: str, data: bytes) -> None:
        """Keeps a file, in place of an earlier one of the same name."""
        self._storage.write("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", (str(order_id), kind, name, data))

    def get(self, order: Body, kind: str, name: str) -> tuple[bytes, str] | None:
        """Bytes and media type of a file the order lists; the world's own files have made-up bytes of their size."""
        listed = order.get("orderAttachmentFiles" if kind == REQUEST else "orderResponseFiles") or ()
        row = next((row for row in listed if row.get("fileName") == name), None)
        if row is None:
            return None
        found = self._storage.read(
            "SELECT body FROM file WHERE owner = ? AND kind = ? AND name = ?", (str(order["id"]), kind, name)
        )
        data = bytes(found[0][0]) if found else _made_up(row)
        return data, str(row.get("mimeType") or "application/octet-stream")


def request_rows(order_id: int, files: dict[str, bytes]) -> list[Body]:
    """Rows of orderAttachmentFiles for the files of an archive, signatures beside their documents."""
    rows = []
    for name, data in files.items():
        row = _row(order_id, name, len(data), REQUEST)
        row["hasDigitalSignature"] = f"{name}.sig" in files
        row["type"] = "REQUEST" if name.lower().startswith("req") else "ATTACHMENT"  # as in the recording of 2023
        rows.append(row)
    return rows


def result_row(order_id: int, name: str, size: int) -> Body:
    """A row of orderResponseFiles."""
    row = _row(order_id, name, size, RESULT)
    return row | {"edsStatus": "EDS_NOT_SUPPORTED", "hasAltMimeType": False, "hasResult": "Y"}


def _row(order_id: int, name: str, size: int, kind: str) -> Body:
    coded = base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()
    return {
        "id": f"{order_id}/files/{coded}",
        "fileName": name,
        "fileSize": size,
        "mimeType": _TYPES.guess_type(name)[0] or "application/octet-stream",
        "link": f"terrabyte://00/{order_id}/{name}/{kind}",
        "hasDigitalSignature": False,
    }


def _made_up(row: Body) -> bytes:
    size = int(row.get("fileSize") or 0)
    head = b"%PDF-1.4\n" if str(row.get("mimeType")) == "application/pdf" else b"\xff\xd8\xff\xe0"
    return (head + b"\0" * size)[:size]
