"""What the citizen's page shows, in plain words and both languages."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from medmost.console.citizen_texts import TEXTS
from medmost.linking.choices import Choice
from medmost.linking.story import Story
from medmost.notify.words import Lang, kind_name

__all__ = ["TEXTS", "choices_of", "paper_of", "story_of"]
MOSCOW: Final = ZoneInfo("Europe/Moscow")


class ChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    number: str  # shown in part: somebody may look over a shoulder
    insurer: str
    holder: str
    child: bool
    state: str  # linked, free, other, unverified
    since: str
    paper: bool  # consented to on this page, so that there is a document to print


def choices_of(choices: list[Choice], lang: Lang) -> list[ChoiceView]:
    return [
        ChoiceView(
            at=one.at,
            number=part_of(one.number),
            insurer=one.insurer,
            holder=one.holder.name,
            child=one.holder.child,
            state=_state(one),
            since=_moment(one.link.created_at, lang) if one.link else "",
            paper=bool(one.link and one.link.consent.get("by") == "esia"),
        )
        for one in choices
    ]


def part_of(number: str) -> str:
    """The first and the last four signs."""
    return f"{number[:4]} ···· ···· {number[-4:]}" if len(number) > 8 else f"···· {number[-4:]}"


class FlowedView(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    when: str
    what: str
    state: str
    label: str


class WhyView(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    text: str
    good: bool


class StoryView(msgspec.Struct, frozen=True, kw_only=True):
    flowed: list[FlowedView]
    more: int
    why: list[WhyView]


def story_of(told: Story, lang: Lang) -> StoryView:
    words = TEXTS[lang]
    flowed = [
        FlowedView(
            kind=kind_name(one.kind, lang),
            when=_when(one.when, lang),
            what=one.what,
            state=one.state,
            label=words[f"record_{one.state}"],
        )
        for one in told.flowed
    ]
    why = [
        WhyView(
            kind=kind_name(one.kind, lang),
            text=words[f"why_{one.code}" if one.detail or one.code != "all" else "why_soon"].format(detail=one.detail),
            good=one.code == "all",
        )
        for one in told.why
    ]
    return StoryView(flowed=flowed, more=told.more, why=why)


class PaperView(msgspec.Struct, frozen=True, kw_only=True):
    holder: str
    number: str
    given: str
    version: str
    sha256: str


def paper_of(choice: Choice, lang: Lang) -> PaperView:
    """The head of a printed consent: who, which policy, when, which wording."""
    link, holder = choice.link, choice.holder
    names = (holder.last_name, holder.first_name, holder.patronymic)
    return PaperView(
        holder=" ".join(name for name in names if name),
        number=choice.number,
        given=_moment(link.created_at, lang) if link else "",
        version=str(link.consent.get("version", "")) if link else "",
        sha256=link.consent_hash if link else "",
    )


def _state(one: Choice) -> str:
    if one.link is not None:
        return "linked"
    if one.other:
        return "other"
    return "free" if one.verified else "unverified"


def _moment(at: float, lang: Lang) -> str:
    return datetime.fromtimestamp(at, MOSCOW).strftime("%d.%m.%Y %H:%M" if lang == "ru" else "%Y-%m-%d %H:%M")


def _when(text: str, lang: Lang) -> str:
    """A canonical date or Moscow time as people of that language write it; anything else as it stands."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    if at.tzinfo is not None:
        at = at.astimezone(MOSCOW)
    day = "%d.%m.%Y" if lang == "ru" else "%Y-%m-%d"
    return at.strftime(day if len(text) == 10 else f"{day} %H:%M")
