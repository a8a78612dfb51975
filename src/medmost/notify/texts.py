"""What notices say. No personal data: systems, kinds, codes, counts and times only (facts/reliability §3.7)."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Final

from medmost.domain.holds import DRIFTS, REASONS
from medmost.logging import mask
from medmost.notify.book import Event, Notice
from medmost.notify.words import Lang, Titles, duration, kind_name, moment, system_name

_TEXTS: Final[dict[str, dict[Lang, tuple[str, str]]]] = {
    "outage": {
        "ru": (
            "{system}: нет связи",
            (
                "Система не отвечает с {since}.\nНичего не потеряно: изменения накапливаются и будут переданы сами, "
                "когда связь вернётся.\nЧто сделать: если это не плановые работы, сообщите дежурным системы."
            ),
        ),
        "en": (
            "{system} is out of reach",
            (
                "No answer since {since}.\nNothing is lost: changes wait and will be carried over when it is "
                "back.\nWhat to do: unless this is planned work, tell the people on duty there."
            ),
        ),
    },
    "clear": {
        "ru": (
            "{system}: связь восстановлена",
            (
                "Система не отвечала с {since} до {until} ({length}).\nНакопленные изменения передаются, делать ничего "
                "не нужно."
            ),
        ),
        "en": (
            "{system} is back",
            (
                "It did not answer from {since} to {until} ({length}).\nWaiting changes are being carried over; "
                "there is nothing to do."
            ),
        ),
    },
    "token": {
        "ru": (
            "{system}: доступ не даётся",
            (
                "С {since} система не выдаёт или не принимает токен ({code}).\nОбмен с ней стоит.\nЧто сделать: "
                "проверьте ключ API, секрет, подпись и сертификат командой medmost check."
            ),
        ),
        "en": (
            "{system} refuses access",
            (
                "Since {since} it neither issues nor accepts a token ({code}).\nThe exchange with it stands still.\n"
                "What to do: check API key, secret, signature and certificate with `medmost check`."
            ),
        ),
    },
    "refused": {
        "ru": (
            "{system}: отказ {code}, {kind} ({count})",
            (
                "С {since} система отказала в записи окончательно: {count}. Вид: {kind}, код: {code}.\nЭти записи "
                "ждут человека и не повторяются, пока не изменятся.\nЧто сделать: откройте список «Требует внимания» "
                "в консоли."
            ),
        ),
        "en": (
            "{system}: {code} for {kind} ({count})",
            (
                "Since {since} it refused writes for good: {count}. Kind: {kind}, code: {code}.\nThese records wait "
                "for a person and are not repeated until they change.\nWhat to do: open the list of what needs "
                "attention in the console."
            ),
        ),
    },
    "brake": {
        "ru": (
            "{place}сработал тормоз, {kind}",
            (
                "{since}: {why} ({code}).\nДо решения человека ничего не отправляется, чтение идёт дальше.\n"
                "Что сделать: {advice}."
            ),
        ),
        "en": (
            "{place}a brake has stopped {kind}",
            (
                "{since}: {why} ({code}).\nNothing is sent until a person has decided; reading goes on.\n"
                "What to do: {advice}."
            ),
        ),
    },
    "drift": {
        "ru": (
            "{system}: изменилась форма записей, {kind}",
            (
                "{since}: {drift} ({code}). Вид: {kind}.\nПередача этого поля остановлена, последнее известное "
                "значение сохранено; остальные поля передаются.\nЧто сделать: medmost mapping drift покажет поле, "
                "с ключом --patch предложит исправление таблицы."
            ),
        ),
        "en": (
            "{system}: the shape of records has changed, {kind}",
            (
                "{since}: {drift} ({code}). Kind: {kind}.\nThis field is carried no more and keeps the value last "
                "known; every other field goes on.\nWhat to do: `medmost mapping drift` shows the field, and "
                "with --patch proposes a mapping."
            ),
        ),
    },
    "stale": {
        "ru": (
            "{system}: данные устарели, {kind}",
            (
                "{since}: вид «{kind}» давно не читался до конца, хотя система отвечает ({code}).\n"
                "Что сделать: medmost status; если система просит подождать, спросите о лимите вызовов."
            ),
        ),
        "en": (
            "{system}: {kind} are out of date",
            (
                "{since}: {kind} have not been read to their end for long, though the system answers ({code}).\n"
                "What to do: medmost status; if the system asks to wait, talk about the limit of calls."
            ),
        ),
    },
    "fresh": {
        "ru": (
            "{system}: данные снова свежие, {kind}",
            "Вид «{kind}» не читался с {since} до {until} ({length}). Делать ничего не нужно.",
        ),
        "en": (
            "{system}: {kind} are up to date again",
            "{kind} were not read from {since} to {until} ({length}). There is nothing to do.",
        ),
    },
    "certificate": {
        "ru": (
            "{system}: сертификат подписи заканчивается",
            (
                "{cert} ({code}).\nПосле этого система не выдаст токен, и обмен с ней встанет.\nЧто сделать: получите "
                "новый сертификат и зарегистрируйте его: medmost access, затем medmost check."
            ),
        ),
        "en": (
            "{system}: the signature certificate is about to end",
            (
                "{cert} ({code}).\nAfter that the system issues no token, and the exchange with it stands still.\n"
                "What to do: get a new certificate and register it: medmost access, then medmost check."
            ),
        ),
    },
    "disk": {
        "ru": (
            "мало места на диске",
            (
                "{since}: рядом с базой состояния осталось мало места ({code}).\nКогда оно кончится, medmost "
                "остановится, ничего не потеряв.\nЧто сделать: освободите место или перенесите базу."
            ),
        ),
        "en": (
            "little room on the disk",
            (
                "{since}: little room is left beside the state ({code}).\nWhen it is used up, medmost stops and loses "
                "nothing.\nWhat to do: make room, or move the state."
            ),
        ),
    },
    "page": {
        "ru": (
            "{system}: непонятный ответ, {kind}",
            (
                "С {since} система отвечает не тем, чем должна ({code}). Чтение вида «{kind}» стоит на прежнем месте и "
                "повторяется.\nЧто сделать: если не пройдёт само, сообщите дежурным системы."
            ),
        ),
        "en": (
            "{system}: an answer that makes no sense, {kind}",
            (
                "Since {since} it answers with something else than it should ({code}). Reading of {kind} keeps its "
                "place and is repeated.\nWhat to do: if it does not pass by itself, tell the people on duty there."
            ),
        ),
    },
}


_CERTIFICATE: Final = {
    "MM-CERTIFICATE-MONTH": ("Осталось не больше 30 дней", "30 days are left at most"),
    "MM-CERTIFICATE-WEEK": ("Осталось не больше 7 дней", "7 days are left at most"),
    "MM-CERTIFICATE-DAY": ("Остался день или меньше", "A day is left, or less"),
}
_TRIAL: Final[dict[Lang, tuple[str, str]]] = {
    "ru": ("medmost: проверка извещений", "Это проверка: делать ничего не нужно. Извещения medmost до вас доходят."),
    "en": ("medmost: a test notice", "This is a test: there is nothing to do. Notices of medmost reach you."),
}


def write_trial(at: datetime, lang: Lang) -> Notice:
    title, body = _TRIAL[lang]
    return Notice(code="MM-NTF-TRIAL", group="trial", title=title, body=body, at=at)


def write_notice(
    text: str,
    group: str,
    event: Event,
    *,
    at: datetime,
    lang: Lang,
    count: int = 1,
    titles: Titles = MappingProxyType({}),
) -> Notice:
    """The notice about `event`, which began at `event.at` (for the all-clear: and ended at `at`)."""
    title, body = _TEXTS[text][lang]
    reason = REASONS.get(event.code or "", REASONS["MM-BRAKE-DELETES"])
    kind = (
        kind_name(event.object_kind, lang, titles) if event.object_kind else {"ru": "все виды", "en": "all kinds"}[lang]
    )
    values = {
        "system": system_name(event.system, lang),
        "kind": kind,
        "code": mask(event.code or "–"),
        "cert": _CERTIFICATE.get(event.code or "", _CERTIFICATE["MM-CERTIFICATE-MONTH"])[lang == "en"],
        "drift": DRIFTS.get(event.code or "", DRIFTS["MM-DRIFT-LOST"])[lang == "en"],
        "count": count,
        "place": f"{system_name(event.system, lang)}: " if event.system else "",
        "why": reason.text(lang),
        "advice": reason.advice(lang),
        "since": moment(event.at, lang),
        "until": moment(at, lang),
        "length": duration((at - event.at).total_seconds(), lang),
    }
    code = f"MM-NTF-{text.upper()}"
    return Notice(code=code, group=group, title=f"medmost: {title.format(**values)}", body=body.format(**values), at=at)
