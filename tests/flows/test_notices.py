"""People hear of a trouble once, in time, and of nobody's data."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from flows.letters import Letters, mail_server, mailbox
from medmost.config import Contacts, Person
from medmost.notify import Event, NoticeBook, Notifier, decode, encode
from medmost.notify.channels import usable
from medmost.notify.rounds import beat, certificate_events, disk_event

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise imports it
START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DUTY = Contacts(support="Поддержка: 8-800-000-00-00", people=(Person(name="Дежурный", urls=("duty://one",)),))


class Office:
    """A notifier with its clock, its kept book and everything that reached somebody."""

    def __init__(self, contacts: Contacts = DUTY, **settings: Any) -> None:
        self.contacts, self.settings = contacts, settings
        self.now = START
        self.kept: bytes | None = None
        self.saves = 0
        self.sent: list[tuple[str, str, str]] = []
        self.broken: set[str] = set()
        self.restart()

    def restart(self) -> None:
        self.notifier = Notifier(
            self.contacts, lambda: self.now, self.load, self.save, self.send, quiet=15, **self.settings
        )

    async def load(self) -> NoticeBook | None:
        return decode(self.kept) if self.kept else None

    async def save(self, book: NoticeBook) -> None:
        self.kept = encode(book)
        self.saves += 1

    async def send(self, url: str, title: str, body: str) -> bool:
        if url in self.broken:
            raise OSError(f"cannot reach {url}")
        self.sent.append((url, title, body))
        return True

    async def passes(self, seconds: float, *, step: float = 1) -> None:
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(until, self.now + timedelta(seconds=step))
            await self.notifier.tick()

    async def hears(self, kind: Any, system: str = "emias", **more: str) -> None:
        await self.notifier.event(Event(kind=kind, at=self.now, system=system, **more))

    @property
    def titles(self) -> list[str]:
        return [title for _, title, _ in self.sent]


async def test_outage_makes_one_notice_and_one_all_clear() -> None:
    office = Office()
    for _ in range(60):  # two minutes of failing calls
        await office.hears("unreachable", code="MM-SYS-CONNECT")
        await office.passes(2)
    await office.hears("reachable")
    await office.passes(60)
    assert office.titles == ["medmost: ЕМИАС: нет связи", "medmost: ЕМИАС: связь восстановлена"]
    assert "не отвечает с 23.11.2026 10:00:00 МСК" in office.sent[0][2]
    assert "до 23.11.2026 10:02:00 МСК (2 мин)" in office.sent[1][2]
    assert "Поддержка: 8-800-000-00-00" in office.sent[0][2]


async def test_short_silences_make_no_notice() -> None:
    office = Office()
    for _ in range(20):
        await office.hears("unreachable")
        await office.passes(10)
        await office.hears("reachable")
        await office.passes(2)
    await office.passes(60)
    assert office.sent == []


async def test_flapping_in_an_outage_adds_nothing() -> None:
    office = Office()
    await office.hears("unreachable")
    await office.passes(20)
    for _ in range(10):
        await office.hears("reachable")
        await office.passes(5)
        await office.hears("unreachable")
        await office.passes(5)
    await office.hears("reachable")
    await office.passes(60)
    assert len(office.titles) == 2


async def test_late_look_still_announces_the_outage() -> None:
    office = Office()
    await office.hears("unreachable")
    office.now += timedelta(seconds=40)
    await office.hears("reachable")
    office.now += timedelta(seconds=40)
    await office.hears("unreachable")
    await office.passes(1)
    assert office.titles == ["medmost: ЕМИАС: нет связи", "medmost: ЕМИАС: связь восстановлена"]


async def test_second_outage_is_announced_again() -> None:
    office = Office()
    for _ in range(2):
        await office.hears("unreachable")
        await office.passes(30)
        await office.hears("reachable")
        await office.passes(30)
    assert len(office.titles) == 4


async def test_each_system_has_its_own_outage() -> None:
    office = Office(lang="en")
    await office.hears("unreachable")
    await office.hears("unreachable", "gosuslugi")
    await office.passes(20)
    assert sorted(office.titles) == ["medmost: EMIAS is out of reach", "medmost: Gosuslugi is out of reach"]


async def test_open_outage_survives_a_restart() -> None:
    office = Office()
    await office.hears("unreachable")
    await office.passes(20)
    office.restart()
    await office.hears("unreachable")
    await office.passes(20)
    office.restart()
    await office.hears("reachable")
    await office.passes(20)
    assert len(office.titles) == 2


async def test_unannounced_outage_begins_anew_after_restart() -> None:
    office = Office()
    await office.hears("unreachable")
    office.restart()
    await office.passes(60)
    assert office.sent == []


async def test_dead_token_makes_one_notice() -> None:
    office = Office()
    for _ in range(10):
        await office.hears("token", "gosuslugi", code="ESIA-008010")
        await office.passes(5)
    await office.hears("token-ok", "gosuslugi")
    await office.passes(60)
    assert office.titles == ["medmost: Госуслуги: доступ не даётся"]
    assert "ESIA-008010" in office.sent[0][2]
    await office.hears("token", "gosuslugi")
    await office.passes(1)
    assert len(office.titles) == 2


async def test_refusals_are_told_once_an_hour() -> None:
    office = Office()
    for _ in range(3):
        await office.hears("refused", object_kind="visit", code="SIM_SLOT_TAKEN")
    await office.hears("refused", object_kind="policy", code="SIM_DUPLICATE")
    await office.passes(20)
    for _ in range(500):
        await office.hears("refused", object_kind="visit", code="SIM_SLOT_TAKEN")
    await office.passes(3500, step=50)
    assert sorted(office.titles) == [
        "medmost: ЕМИАС: отказ SIM_DUPLICATE, Полисы (1)",
        "medmost: ЕМИАС: отказ SIM_SLOT_TAKEN, Записи на приём (3)",
    ]
    await office.passes(7200, step=50)
    assert office.titles[2:] == ["medmost: ЕМИАС: отказ SIM_SLOT_TAKEN, Записи на приём (500)"]


async def test_many_refusals_cost_one_save() -> None:
    office = Office()
    for _ in range(1000):
        await office.hears("refused", object_kind="visit", code="SIM_SLOT_TAKEN")
    await office.passes(1)
    assert office.saves == 1


async def test_brake_and_page_error_make_one_notice_each() -> None:
    office = Office()
    for _ in range(5):
        await office.hears("brake", object_kind="policy", code="MM-BRK-DELETE")
        await office.hears("page", object_kind="slot", code="MM-SYS-PAGE")
        await office.passes(30)
    assert sorted(office.titles) == [
        "medmost: ЕМИАС: непонятный ответ, Талоны",
        "medmost: ЕМИАС: сработал тормоз, Полисы",
    ]


async def test_page_error_mended_at_once_is_silent() -> None:
    office = Office()
    await office.hears("page", object_kind="slot", code="MM-SYS-PAGE")
    await office.passes(5)
    await office.hears("page-ok", object_kind="slot")
    await office.passes(60)
    assert office.sent == []


async def test_quiet_times_are_not_saved_over_and_over() -> None:
    office = Office()
    for _ in range(100):
        await office.hears("reachable")
        await office.passes(1)
    assert office.saves == 0


async def test_broken_channel_is_tried_until_it_takes() -> None:
    office = Office()
    office.broken = {"duty://one"}
    await office.hears("brake", object_kind="policy", code="MM-BRK-DELETE")
    with capture_logs() as logs:
        await office.passes(120)
    assert office.sent == []
    failures = [line for line in logs if line["event"] == "notice not delivered"]
    assert [line["tries"] for line in failures] == [1, 2, 3]
    assert "duty://one" not in str(logs)
    office.restart()
    office.broken = set()
    await office.passes(240)
    assert len(office.sent) == 1


async def test_all_clear_never_overtakes_its_outage() -> None:
    office = Office()
    office.broken = {"duty://one"}
    await office.hears("unreachable")
    await office.passes(20)
    await office.hears("reachable")
    await office.passes(16)
    office.broken = set()
    await office.passes(60)
    assert office.titles == ["medmost: ЕМИАС: нет связи", "medmost: ЕМИАС: связь восстановлена"]


async def test_broken_channel_holds_nobody_else_up() -> None:
    people = Person(name="А", urls=("duty://one", "duty://two")), Person(name="Б", urls=("duty://three",))
    office = Office(Contacts(people=people))
    office.broken = {"duty://one"}
    await office.hears("brake", object_kind="policy")
    await office.passes(2)
    assert sorted(url for url, _, _ in office.sent) == ["duty://three", "duty://two"]


async def test_notice_is_given_up_only_loudly() -> None:
    office = Office()
    office.broken = {"duty://one"}
    await office.hears("brake", object_kind="policy")
    with capture_logs() as logs:
        await office.passes(73 * 3600, step=600)
    assert [line["log_level"] for line in logs if line["event"] == "notice given up"] == ["error"]


async def test_person_hears_only_what_was_asked() -> None:
    people = (
        Person(name="Сеть", urls=("duty://net",), events=("outage",)),
        Person(name="Данные", urls=("duty://data",), events=("refused", "brake")),
    )
    office = Office(Contacts(people=people))
    await office.hears("unreachable")
    await office.hears("brake", object_kind="policy")
    await office.passes(20)
    assert {(url, title.split(": ")[2].split(",")[0]) for url, title, _ in office.sent} == {
        ("duty://net", "нет связи"),
        ("duty://data", "сработал тормоз"),
    }


TWO = Contacts(
    people=(Person(name="Первый", urls=("duty://one",)), Person(name="Второй", urls=("duty://two",), after=15))
)


async def test_second_contact_is_called_when_nobody_acknowledges() -> None:
    office = Office(TWO)
    await office.hears("unreachable")
    await office.passes(14 * 60)
    assert {url for url, _, _ in office.sent} == {"duty://one"}
    office.restart()
    await office.passes(2 * 60)
    assert [url for url, _, _ in office.sent] == ["duty://one", "duty://two"]
    await office.hears("reachable")
    await office.passes(60)
    assert sorted(url for url, _, _ in office.sent[2:]) == ["duty://one", "duty://two"]


async def test_acknowledged_trouble_calls_nobody_else() -> None:
    office = Office(TWO)
    await office.hears("unreachable")
    await office.passes(60)
    assert await office.notifier.acknowledge() == ["outage|emias"]
    assert [one["acknowledged"] for one in await office.notifier.open_troubles()] == [True]
    await office.passes(20 * 60, step=10)
    await office.hears("reachable")
    await office.passes(60)
    assert {url for url, _, _ in office.sent} == {"duty://one"}
    assert len(office.sent) == 2
    assert await office.notifier.open_troubles() == []


async def test_trouble_over_in_time_calls_nobody_else() -> None:
    office = Office(TWO)
    await office.hears("unreachable")
    await office.passes(5 * 60, step=5)
    await office.hears("reachable")
    await office.passes(30 * 60, step=10)
    assert [url for url, _, _ in office.sent] == ["duty://one"] * 2


async def test_whoever_is_on_duty_is_told() -> None:
    """START is ten in the morning in Moscow."""
    people = (
        Person(name="День", urls=("duty://day",), duty=("daily 08:00-20:00",)),
        Person(name="Ночь", urls=("duty://night",), duty=("daily 20:00-08:00",)),
    )
    office = Office(Contacts(people=people))
    await office.hears("token")
    await office.passes(10)
    office.now += timedelta(hours=12)
    await office.hears("token", "gosuslugi")
    await office.passes(10)
    assert [url for url, _, _ in office.sent] == ["duty://day", "duty://night"]


async def test_night_lets_only_critical_notices_out() -> None:
    office = Office(night="daily 23:00-07:00")
    office.now += timedelta(hours=14)  # midnight
    await office.hears("drift", object_kind="visit", code="MM-DRIFT-LOST")
    await office.hears("token")
    await office.passes(3600, step=60)
    assert office.titles == ["medmost: ЕМИАС: доступ не даётся"]
    await office.passes(6.2 * 3600, step=60)
    assert office.titles[1:] == ["medmost: ЕМИАС: изменилась форма записей, Записи на приём"]


async def test_person_hears_of_own_kinds_and_gravity() -> None:
    people = (
        Person(name="Визиты", urls=("duty://visits",), kinds=("visit",)),
        Person(name="Тяжёлое", urls=("duty://grave",), least="critical", systems=("emias",)),
    )
    office = Office(Contacts(people=people))
    await office.hears("drift", object_kind="policy", code="MM-DRIFT-LOST")
    await office.hears("drift", object_kind="visit", code="MM-DRIFT-LOST")
    await office.hears("token", "gosuslugi")
    await office.hears("brake", object_kind="policy", code="MM-BRAKE-DELETES")
    await office.passes(10)
    assert sorted((url, title.split(": ")[2]) for url, title, _ in office.sent) == [
        ("duty://grave", "сработал тормоз, Полисы"),
        ("duty://visits", "доступ не даётся"),
        ("duty://visits", "изменилась форма записей, Записи на приём"),
    ]


async def test_ten_thousand_equal_failures_make_one_notice() -> None:
    office = Office()
    for _ in range(10_000):
        await office.hears("refused", object_kind="visit", code="SIM_SLOT_TAKEN")
    await office.passes(3000, step=10)
    assert office.titles == ["medmost: ЕМИАС: отказ SIM_SLOT_TAKEN, Записи на приём (10000)"]


async def test_certificate_is_told_of_at_each_limit() -> None:
    office = Office()
    for days in (31, 30, 30, 8, 7, 6, 1, 0, 0):
        for event in certificate_events(days, "gosuslugi", office.now):
            await office.notifier.event(event)
        await office.passes(30)
    codes = [
        code for _, _, body in office.sent for code in ("MONTH", "WEEK", "DAY") if f"MM-CERTIFICATE-{code}" in body
    ]
    assert codes == ["MONTH", "WEEK", "DAY"]
    for event in certificate_events(365, "gosuslugi", office.now):
        await office.notifier.event(event)
    await office.passes(60)
    assert await office.notifier.open_troubles() == []
    assert certificate_events(None, "gosuslugi", office.now) == []


async def test_full_disk_is_told_of_once() -> None:
    office = Office()
    for free in (2e9, 0.5e9, 0.4e9):
        await office.notifier.event(disk_event(int(free), 1.0, office.now))
        await office.passes(60)
    assert office.titles == ["medmost: мало места на диске"]


async def test_trial_reaches_every_address_and_says_so() -> None:
    people = (Person(name="Дежурный", urls=("duty://one", "duty://two")),)
    office = Office(Contacts(people=people))
    office.broken = {"duty://two"}
    told = await office.notifier.trial()
    assert [(one["channel"], one["taken"]) for one in told] == [("duty", True), ("duty", False)]
    assert office.titles == ["medmost: проверка извещений"]


async def test_heartbeat_is_heard_outside() -> None:
    heard: list[bytes] = []

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        status = b"200 OK" if len(heard) == 1 else b"503 Unavailable"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(watch, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ping/1"
    async with server:
        assert await beat(address)
        assert not await beat(address)
    assert not await beat(address)
    assert heard[0].startswith(b"GET /ping/1 ")


async def test_personal_data_in_a_code_is_masked() -> None:
    office = Office()
    await office.hears("refused", object_kind="policy", code="7700008123456789 +79102206415")
    await office.passes(20)
    assert "7700008123456789" not in str(office.sent)
    assert "9102206415" not in str(office.sent)


async def test_outage_reaches_a_real_mail_box() -> None:
    letters = Letters()
    with mail_server(letters) as port:
        url = mailbox(port)
        assert usable(url)
        now = START

        async def load() -> NoticeBook | None:
            return None

        async def save(book: NoticeBook) -> None:
            return None

        contacts = Contacts(support="Поддержка: 8-800", people=(Person(name="Дежурный", urls=(url,)),))
        notifier = Notifier(contacts, lambda: now, load, save)
        await notifier.event(Event(kind="unreachable", at=now, system="gosuslugi", code="MM-SYS-CONNECT"))
        now = START + timedelta(seconds=20)
        await asyncio.wait_for(notifier.tick(), 20)
    (letter,) = letters.taken
    body = letter.get_body(("plain",))
    assert letter["Subject"] == "medmost: Госуслуги: нет связи"
    assert letter["To"] == "duty@example.org"
    assert body is not None
    assert "Система не отвечает с 23.11.2026 10:00:00 МСК" in body.get_content()
    assert "Поддержка: 8-800" in body.get_content()


async def test_silent_mail_server_keeps_the_notice() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    url = mailbox(port)
    office = Office(Contacts(people=(Person(name="Дежурный", urls=(url,)),)))
    notifier = Notifier(office.contacts, lambda: office.now, office.load, office.save)
    await notifier.event(Event(kind="brake", at=office.now, system="emias", object_kind="policy"))
    await notifier.tick()
    assert office.kept is not None
    (pending,) = decode(office.kept).outbox
    assert pending.attempts == 1


@pytest.mark.parametrize("url", ["nowhere://x", "plain text", "mailto://"])
def test_address_without_meaning_is_not_usable(url: str) -> None:
    assert not usable(url)
