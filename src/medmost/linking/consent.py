"""The consent a citizen gives: a document of its own, with a version, in both languages (152-ФЗ art. 9 p. 4).

Each new wording gets a new version; what somebody agreed to is kept with the state by its hash, so that it can be
printed years later as it was read.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from medmost.store import ledgers
from medmost.store.transaction import Transaction

Lang = Literal["ru", "en"]
VERSION: Final = "2026-11-1"
_NOBODY: Final = {"ru": "организация, которая ведёт этот обмен", "en": "the organisation that runs this exchange"}
_RU: Final = """\
Согласие на передачу сведений между Госуслугами и ЕМИАС
Редакция {version}

Я, вошедший (вошедшая) через подтверждённую учётную запись Госуслуг, свободно, своей волей и в своём интересе
разрешаю оператору — {operator} — передавать между порталом Госуслуг и Единой медицинской
информационно-аналитической системой Москвы (ЕМИАС) сведения, связанные с выбранным мною полисом ОМС.

Какие сведения: номер полиса; записи на приём к врачу; результаты анализов и исследований с показателями и
заключением; прививки; заявления с их состоянием и историей. Это в том числе сведения о состоянии здоровья.

Для чего: чтобы записи на приём, анализы и прививки появлялись в личном кабинете на Госуслугах сами, а сделанное в
личном кабинете — в поликлинике.

Что с ними делают: получение, сравнение, запись, хранение в зашифрованном виде, передача между двумя названными
системами, стирание. Другим лицам сведения не передаются. Решений только машиной о моём лечении не принимается.

На какой срок: до отзыва. Отозвать согласие можно на этой же странице в любое время; передача прекращается не позднее
чем через минуту, а хранимые у оператора сведения о здоровье стираются. То, что уже передано, остаётся в обеих системах.

Если я даю согласие за ребёнка, я подтверждаю, что являюсь его законным представителем.

Отказ ни на что не влияет: запись к врачу и медицинская помощь остаются доступны как прежде.
"""
_EN: Final = """\
Consent to the exchange of records between Gosuslugi and EMIAS
Version {version}

Having logged in with a confirmed Gosuslugi account, freely, of my own will and in my own interest I allow the operator,
{operator}, to carry records tied to the OMS policy I have chosen between the Gosuslugi portal and the Unified
Medical Information and Analytical System of Moscow (EMIAS).

Which records: the policy number; visits to doctors; results of analyses and examinations with their values and
conclusions; vaccinations; requests with their state and history. Some of them tell of my health.

What for: so that visits, analyses and vaccinations appear in my Gosuslugi account by themselves, and what I do there
appears at the clinic.

What is done with them: receiving, comparing, writing, keeping in encrypted form, carrying between the two systems
named, erasing. They are given to nobody else. No decision about my treatment is made by a machine alone.

For how long: until withdrawn. I can withdraw on this page at any time; carrying ends within a minute, and what the
operator keeps of my health is erased. What has been carried already stays in both systems.

If I consent for a child, I confirm that I am the child's legal representative.

Refusing changes nothing: booking and medical care remain available as before.
"""
_TEXTS: Final = {"ru": _RU, "en": _EN}


class Document(msgspec.Struct, frozen=True):
    """What is shown and agreed to. `sha256` is of exactly this text."""

    version: str
    lang: Lang
    text: str
    sha256: str


def document(lang: Lang, operator: str) -> Document:
    """The present wording. `operator`: name and address of who runs medmost (setting legal.operator)."""
    text = _TEXTS[lang].format(version=VERSION, operator=operator or _NOBODY[lang])
    return Document(VERSION, lang, text, hashlib.sha256(text.encode()).hexdigest())


def given(tx: Transaction, read: Document, at: datetime, *, representative: str | None) -> dict[str, Any]:
    """What the link keeps of a consent; the text itself is kept once for everybody, by its hash.

    `representative`: the account that consents for a child.
    """
    if ledgers.setting(tx, _name(read.sha256)) is None:
        ledgers.set_setting(tx, _name(read.sha256), read.text)
    told = {"by": "esia", "version": read.version, "lang": read.lang, "sha256": read.sha256, "at": at.isoformat()}
    return told | ({"representative": representative} if representative else {})


def text_of(tx: Transaction, consent: dict[str, Any]) -> str | None:
    """The words of a consent as they were read; None for one on paper, whose paper is elsewhere."""
    digest = consent.get("sha256")
    return ledgers.setting(tx, _name(digest)) if consent.get("by") == "esia" and digest else None


def _name(digest: str) -> str:
    return f"consent.{digest}"
