"""What gu-smev says of an archive: one of its processing codes (facts/gosuslugi.md §2.8), and the files in it.

Archives of known clients hold a transport XML (`trans_….xml`, else `req….xml`) and a business XML (any other), each
with a detached signature in `NAME.sig` where the service asks for one; the archive is flat.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from xml.parsers import expat

from medmost_stand.openssl import ENGINE, has_gost, openssl

LARGEST = 50_000_000  # bytes of an archive
_LARGEST_OPEN = 200_000_000  # bytes of all its files
_MOST_FILES = 100
_CONFIG = "sign_config.xml"  # which signature belongs to which document, where there are several
TITLES: dict[str, str] = {
    "NEW": "Запрос принят",
    "FILES_VERIFICATION": "Проверяются подписи файлов",
    "FILES_VERIFICATION_SUCCESS": "Подписи файлов проверены",
    "RETRY": "Повторная попытка отправки",
    "DONE": "Заявление передано в ведомство",
    "LIMITATION_EXCEPTION": "Превышены ограничения на архив",
    "INVALID_FILES_STRUCTURE": "В архиве есть вложенные папки, или он не читается",
    "VALIDATION_ERROR": "XML не разбирается",
    "REQ_NOT_FOUND": "В архиве нет транспортного XML",
    "MPC_NOT_FOUND": "В архиве нет XML с данными заявления",
    "REQ_VERIFY_FAILED": "Данные заявления не соответствуют заявителю",
    "FILES_VERIFICATION_FAILED": "Подписи файлов отсутствуют или неверны",
    "INTERNAL_ERROR": "Внутренняя ошибка",
    "CREATE_ORDER_FORBIDDEN": "Создание заявления запрещено: учётная запись не подтверждена",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """DONE, or the final code of a failure; `files` by name."""

    code: str
    files: dict[str, bytes]


async def judged(archive: bytes, *, signed: bool, snils: str | None) -> Verdict:
    """The verdict on an archive for an applicant; `signed` is whether the service asks for signatures."""
    try:
        files = _opened(archive)
    except zipfile.BadZipFile:
        return Verdict("INVALID_FILES_STRUCTURE", {})
    if files is None:
        return Verdict("LIMITATION_EXCEPTION", {})
    return Verdict(await _code(files, signed=signed, snils=snils), files)


async def _code(files: dict[str, bytes], *, signed: bool, snils: str | None) -> str:
    if any("/" in name or "\\" in name for name in files):
        return "INVALID_FILES_STRUCTURE"
    transport, business = _transport(files), _business(files)
    if transport is None:
        return "REQ_NOT_FOUND"
    if business is None:
        return "MPC_NOT_FOUND"
    named: set[str] = set()
    for name, data in files.items():
        if name.endswith(".xml"):
            found = _snils_in(data)
            if found is None:
                return "VALIDATION_ERROR"
            named |= found
    if snils is not None and named and snils not in named:
        return "REQ_VERIFY_FAILED"
    signatures = [name for name in files if name.endswith(".sig")]
    if signed and f"{business}.sig" not in signatures:
        return "FILES_VERIFICATION_FAILED"
    for name in signatures:
        document = files.get(name.removesuffix(".sig"))
        if document is None or not await _signature_holds(files[name], document):
            return "FILES_VERIFICATION_FAILED"
    return "DONE"


def _opened(archive: bytes) -> dict[str, bytes] | None:
    """The files by name, None where they are too many or too large."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        rows = opened.infolist()
        if len(rows) > _MOST_FILES or sum(row.file_size for row in rows) > _LARGEST_OPEN:
            return None
        return {row.filename: opened.read(row) for row in rows}


def _transport(files: dict[str, bytes]) -> str | None:
    xml = [name for name in files if name.endswith(".xml") and name != _CONFIG]
    for beginning in ("trans", "req"):
        for name in xml:
            if name.lower().startswith(beginning):
                return name
    return None


def _business(files: dict[str, bytes]) -> str | None:
    transport = _transport(files)
    return next((name for name in files if name.endswith(".xml") and name not in (_CONFIG, transport)), None)


def _snils_in(xml: bytes) -> set[str] | None:
    """The SNILS (11 digits) an XML names; None where it is not well formed or declares entities."""
    found: set[str] = set()
    within: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def opened(name: str, _: dict[str, str]) -> None:
        within.append(name.rpartition(" ")[2].lower())

    def said(text: str) -> None:
        digits = "".join(sign for sign in text if sign.isdigit())
        if within and within[-1] == "snils" and len(digits) == 11:
            found.add(digits)

    def declared(*_: object) -> None:
        raise ValueError("entities")

    parser.buffer_text = True
    parser.StartElementHandler = opened
    parser.EndElementHandler = lambda _: within.pop()
    parser.CharacterDataHandler = said
    parser.EntityDeclHandler = declared
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError):
        return None
    return found


async def _signature_holds(signature: bytes, document: bytes) -> bool:
    """Whether the detached CMS is over the document by the key of the certificate it carries."""
    engine = ENGINE if has_gost() else ()
    command = ("cms", *engine, "-verify", "-noverify", "-binary", "-inform", "DER", "-in", "signature")
    done = await openssl(*command, "-content", "content", "-out", "/dev/null", signature=signature, content=document)
    return done is not None
