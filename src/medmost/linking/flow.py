"""What a citizen can do: log in, see the policies, consent, link, look, take a copy, withdraw (design §8)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from medmost.domain.errors import Refused, Transient
from medmost.domain.record import BOTH, Side
from medmost.linking import consent, story
from medmost.linking.choices import Choice, choices_of
from medmost.linking.consent import Document, Lang
from medmost.linking.matching import matches, person_of_holder, policy_at
from medmost.linking.opening import Wish, open_link, refused
from medmost.linking.visits import Visit, Visits
from medmost.store import journal, links, patients
from medmost.store.transaction import Transaction
from medmost.sync.engine import Engine
from medmost.sync.linked import close_link, read_backlog
from medmost.systems.gosuslugi.holders import Holder
from medmost.systems.gosuslugi.login import EsiaLogin, refusal, untrusted

log = structlog.get_logger("medmost.linking")
RETURN: Final = "/link/esia"
CITIZEN: Final = "citizen"


class Linking:
    """`console` is the console's public address, `portal` the origin a citizen may be sent back to.

    `standing` tells the state of the exchange (`sync.status.status`).
    """

    def __init__(
        self,
        engine: Engine,
        login: EsiaLogin,
        standing: Callable[[], Awaitable[dict[str, Any]]],
        *,
        console: str,
        portal: str,
        operator: str = "",
    ) -> None:
        self._engine, self._login, self._standing = engine, login, standing
        self._house, self._database = engine.house, engine.database
        self._back, self._portal, self._operator = console + RETURN, _origin(portal), operator
        self.home, self.secure = console + "/link", console.startswith("https://")
        self._visits = Visits()

    # ------------------------------------------------------------ who it is
    def visit(self, cookie: str | None) -> Visit | None:
        """The logged-in visit of this browser, or None."""
        found = self._visits.find(cookie, self._house.clock.now())
        return found if found is not None and found.account is not None else None

    def allowed_return(self, wish: str) -> str | None:
        """An address of Gosuslugi as it stands in the settings; None for any other: we lead nobody astray."""
        return wish if wish and "\\" not in wish and _origin(wish) == self._portal else None

    async def begin(self, back: str | None, lang: Lang) -> tuple[str, str]:
        """The cookie and where to send the browser. Raises Refused MM-LINK-CROWDED, or what signing raises."""
        begun = self._visits.begin(back, lang, self._house.clock.now())
        if begun is None:
            raise refused(
                "MM-LINK-CROWDED",
                "сейчас входит слишком много людей: попробуйте через минуту",
                "too many people are logging in just now: try again in a minute",
            )
        cookie, visit = begun
        return cookie, await self._login.address(visit.state, visit.verifier, self._back)

    async def finish(self, cookie: str | None, query: Mapping[str, str]) -> str:
        """What ЕСИА sent back becomes a visit with a name; the new cookie.

        Raises:
            Refused: MM-LINK-SESSION, MM-LINK-UNTRUSTED, MM-LINK-DECLINED, MM-LINK-ESIA, MM-LINK-TOKEN.
            Transient: ЕСИА does not answer.
        """
        visit = self._visits.find(cookie, self._house.clock.now())
        state = query.get("state", "")
        if visit is None or cookie is None or not visit.state or not _equal(visit.state, state):
            raise _no_session()
        verifier, visit.state = visit.verifier, ""  # one answer per question
        if not query.get("code"):
            raise refusal(query.get("error_description", query.get("error", "")))
        account = await self._login.account(query["code"], verifier, self._back)
        if not account.trusted:
            self._visits.leave(cookie)
            raise untrusted()
        return self._visits.enter(cookie, account)

    def leave(self, cookie: str | None) -> str:
        """Ends the visit; where the browser goes to end it at ЕСИА, too."""
        self._visits.leave(cookie)
        return self._login.logout(self.home)

    # ------------------------------------------------------------ what there is
    async def choices(self, visit: Visit) -> list[Choice]:
        """«Мои полисы»: each policy of the person and of the person's children, and how it stands."""
        return await self._database.read(lambda tx: choices_of(tx, self._house, _holders(visit)))

    def document(self, lang: Lang) -> Document:
        return consent.document(lang, self._operator)

    async def story(self, visit: Visit, at: int, lang: Lang) -> story.Story:
        """What flowed for a linked policy, and why something may be missing."""
        choice = self._linked(await self.choices(visit), at)
        told = await self._standing()
        return await self._database.read(lambda tx: story.tell(tx, self._house, choice.number, told, lang))

    async def paper(self, visit: Visit, at: int) -> tuple[Choice, str]:
        """The consent of a linked policy as it was read; nothing where it was given on paper."""
        choice = self._linked(await self.choices(visit), at)
        given = choice.link.consent if choice.link else {}
        text = await self._database.read(lambda tx: consent.text_of(tx, given))
        return choice, text or ""

    async def export(self, visit: Visit) -> dict[str, Any]:
        """Everything medmost holds of this person and the person's children, as JSON."""
        choices = [one for one in await self.choices(visit) if one.link is not None]
        return await self._database.read(lambda tx: story.export(tx, self._house, choices))

    # ------------------------------------------------------------ acts
    async def agree(self, visit: Visit, at: int, digest: str, lang: Lang) -> int:
        """The citizen has read the document of this hash and agrees: the policy is checked and linked.

        Raises:
            Refused: MM-LINK-CONSENT, MM-LINK-ATTEMPTS, MM-LINK-NOT-CONFIRMED, MM-LINK-OTHER, MM-LINK-TAKEN …
            Transient: EMIAS does not answer; nothing was linked.
        """
        choice = _chosen(await self.choices(visit), at)
        document = self.document(lang)
        if not _equal(document.sha256, digest):
            raise refused(
                "MM-LINK-CONSENT",
                "текст согласия за это время изменился: прочтите его ещё раз",
                "the wording of the consent has changed meanwhile: read it again",
            )
        if choice.link is not None:
            return choice.link.id
        await self._prove(_account(visit), choice)
        representative = _account(visit) if choice.holder.child else None
        id_ = await self._database.write(lambda tx: self._open(tx, choice, document, representative))
        log.info("a citizen linked a policy", link=id_)
        await self._catch_up(choice.number)
        return id_

    async def withdraw(self, visit: Visit, at: int) -> None:
        """Ends the link: nothing more is sent from this commit on, bodies are erased (design §8)."""
        link = self._linked(await self.choices(visit), at).link
        if link is not None:
            await self._database.write(lambda tx: close_link(tx, self._house, link.id, CITIZEN))
            log.info("a citizen withdrew", link=link.id)

    async def close(self) -> None:
        await self._login.close()

    # ------------------------------------------------------------ how
    async def _prove(self, account: str, choice: Choice) -> None:
        """Raises Refused with words that are the same whatever it was that did not fit."""
        if choice.other:
            raise refused(
                "MM-LINK-OTHER",
                "у этого человека уже подключён другой полис: сначала отключите его",
                "another policy of this person is linked: end that link first",
            )
        now = self._house.clock.now()
        if not self._visits.may_try(account, now):
            raise refused(
                "MM-LINK-ATTEMPTS",
                "слишком много попыток: попробуйте через час или обратитесь в поддержку",
                "too many tries: try again in an hour or ask the support",
            )
        shown = None
        if choice.verified:
            shown = await policy_at(self._house, self._database, self._engine.systems[Side.EMIAS], choice.number)
        verdict = matches(shown, person_of_holder(choice.holder, choice.number))
        if verdict.answer != "same" or shown is None or shown.get("status") == "closed":
            self._visits.refused(account, now)
            log.info("a policy was not confirmed", answer=verdict.answer, reasons=list(verdict.reasons))
            raise _not_confirmed()

    def _open(self, tx: Transaction, choice: Choice, read: Document, representative: str | None) -> int:
        now = self._house.clock.now()
        told = consent.given(tx, read, datetime.fromtimestamp(now, UTC), representative=representative)
        wish = Wish(
            account=choice.holder.oid,
            policy_number=choice.number,
            consent=told,
            consent_hash=read.sha256,
            proven=True,
        )
        try:
            id_ = open_link(tx, self._house, wish)
        except Refused:
            raise _not_confirmed() from None  # whose it is, is nobody else's business
        journal.append(
            tx,
            self._house.writer,
            now,
            {"act": "link.add", "links": [id_], "actor": CITIZEN, "consent": read.version},
            [],
        )
        return id_

    async def _catch_up(self, number: str) -> None:
        """What had gathered before the link is read now, or as soon as the systems answer."""
        index = links.patient_index(self._house.cipher, number)
        group = await self._database.read(lambda tx: patients.group(tx, index))
        try:
            await read_backlog(self._house, self._database, self._engine.pollers, sorted(group))
        except Transient:
            self._engine.left_over.update(BOTH)

    @staticmethod
    def _linked(choices: list[Choice], at: int) -> Choice:
        choice = _chosen(choices, at)
        if choice.link is None:
            raise refused("MM-LINK-NONE", "этот полис не подключён", "this policy is not linked")
        return choice


def _chosen(choices: list[Choice], at: int) -> Choice:
    if not 0 <= at < len(choices):
        raise _not_confirmed()
    return choices[at]


def _holders(visit: Visit) -> tuple[Holder, ...]:
    return visit.account.holders if visit.account is not None else ()


def _account(visit: Visit) -> str:
    return visit.account.oid if visit.account is not None else ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _origin(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port or default}"


def _no_session() -> Refused:
    return refused(
        "MM-LINK-SESSION",
        "вход начат в другом окне или слишком давно: войдите ещё раз",
        "the login began in another window or too long ago: log in again",
    )


def _not_confirmed() -> Refused:
    return refused(
        "MM-LINK-NOT-CONFIRMED",
        "подтвердить этот полис не удалось. Проверьте данные полиса на Госуслугах и в поликлинике или обратитесь "
        "в поддержку",
        "this policy could not be confirmed. Check its data at Gosuslugi and at the clinic, or ask the support",
    )
