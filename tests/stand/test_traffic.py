"""Masked traffic: nobody's data in the file, and replay answers as the system did."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from medmost_stand.traffic import tape
from medmost_stand.traffic.masking import HIDDEN, Mask, luhn_check, snils_check
from medmost_stand.traffic.recorder import Recorder
from medmost_stand.traffic.replay import Replay
from stand.running import Client, running_stand

MASK = Mask(b"a key of this test")
KEY = b"k" * 32
CYRILLIC = st.text(st.sampled_from("абвгдежзийклмнопрстуфхцчшщъыьэюяё"), min_size=4, max_size=70)


# ---------------------------------------------------------------- what is masked
@given(word=CYRILLIC, other=CYRILLIC)
def test_words_keep_their_shape_alone(word: str, other: str) -> None:
    hidden = MASK.text(word.title(), "lastName")
    assert len(hidden) == len(word)
    assert (hidden.istitle(), hidden.isascii()) == (True, False)
    assert hidden == MASK.text(word.title(), "anything")
    assert hidden != word.title()
    assert Mask(b"another key").text(word.title()) != hidden
    assert other.title() in MASK.text(f"{word} {other}").title() or other not in MASK.text(f"{word} {other}").split()


@given(serial=st.integers(1_002_000, 999_999_999))
def test_snils_stays_valid_in_every_spelling(serial: int) -> None:
    digits = f"{serial:09d}" + snils_check(f"{serial:09d}")
    hidden = MASK.text(digits, "snils")
    assert re.fullmatch(r"\d{11}", hidden)
    assert hidden[9:] == snils_check(hidden[:9])
    assert hidden != digits
    dashed = f"{digits[:3]}-{digits[3:6]}-{digits[6:9]} {digits[9:]}"
    assert MASK.text(dashed, "СНИЛС") == f"{hidden[:3]}-{hidden[3:6]}-{hidden[6:9]} {hidden[9:]}"


@given(body=st.integers(10**14, 10**15 - 1))
def test_policy_number_stays_valid_where_it_was(body: int) -> None:
    number = f"{body}{luhn_check(str(body))}"
    hidden = MASK.text(number, "policyNumber")
    assert hidden[15] == luhn_check(hidden[:15])
    assert (len(hidden), hidden != number) == (16, True)
    assert MASK.text(number, "Номер полиса") == hidden


@given(number=st.integers(10**9, 10**10 - 1))
def test_phone_is_one_in_all_its_spellings(number: int) -> None:
    digits = str(number)
    plain = MASK.text(f"+7{digits}", "phone")
    assert re.fullmatch(r"\+7\d{10}", plain)
    assert MASK.text(f"+7({digits[:3]}){digits[3:]}", "Телефон") == f"+7({plain[2:5]}){plain[5:]}"
    assert plain != f"+7{digits}"


@given(day=st.dates(date(1901, 1, 1), date(2090, 1, 1)))
def test_birth_date_is_one_in_both_orders(day: date) -> None:
    hidden = date.fromisoformat(MASK.text(day.isoformat(), "birthDate"))
    assert hidden != day
    assert MASK.text(f"{day:%d.%m.%Y}", "Дата рождения") == f"{hidden:%d.%m.%Y}"


def test_structure_and_codes_stay() -> None:
    kept: dict[str, Any] = {
        "id": "6b1f1b0a-1b7e-4d6e-9c33-0d6f2a1f9f5e", "version": 7, "updatedAt": "2026-11-23T10:00:00.000001+03:00",
        "изменено": "23.11.2026 10:00:00", "status": "ACTIVE", "lpuOid": "1.2.643.5.1.13.13.12.2.77.1001",
        "insurer": {"code": "77011"}, "value": 131.5, "selfBooking": True, "Вид полиса": "Временное свидетельство",
        "error": {"code": "SIM_DUPLICATE", "field": None}, "nextPageToken": "AbC-1", "empty": "",
    }  # fmt: skip
    assert MASK.document(kept) == kept


def test_unforeseen_field_is_masked() -> None:
    told = {
        "Девичья фамилия": "Сидорова",
        "notes": ["звонить Анне 8 (910) 220-64-15"],
        "userId": 1000300009,
        "at": "IVANOV",
    }
    hidden = MASK.document(told)
    text = orjson.dumps(hidden).decode()
    for value in ("Сидорова", "Анне", "220-64", "1000300009", "IVANOV"):
        assert value not in text
    assert Mask(b"k", frozenset({"Девичья фамилия"})).document(told)["Девичья фамилия"] == "Сидорова"


def test_json_inside_a_string_is_masked_inside() -> None:
    order = {"id": 2301000001, "orderAttributes": [{"name": "policyNumber", "value": "7754420892578207"}]}
    hidden = orjson.loads(MASK.document({"order": orjson.dumps(order).decode()})["order"])
    assert hidden["id"] == order["id"]
    assert hidden["orderAttributes"][0]["value"] == MASK.text("7754420892578207")
    assert hidden["orderAttributes"][0]["name"] == "policyNumber"


def test_secrets_never_stand_in_a_recording() -> None:
    told = {"client_secret": "s3cret-value", "password": "pa55", "refresh_token": "ref-value"}
    assert set(MASK.document(told).values()) == {HIDDEN}
    assert tape.public_path("/esia-rs/api/public/v1/orgs/ext-app/0f0e-api/tkn", MASK).endswith("/ext-app/***/tkn")
    assert tape.public_query("signature=MIIB&code=abc&page=2", MASK) == [
        ("signature", HIDDEN),
        ("code", HIDDEN),
        ("page", "2"),
    ]


# ---------------------------------------------------------------- record, then replay
@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(world=None, only=request.param, people=30, seed=5) as running:
        yield running[request.param]


class Elsewhere(Client):
    """The same client at another address."""

    at = ""

    @property
    def address(self) -> str:
        return self.at


def elsewhere(client: Client, address: str) -> Elsewhere:
    made = Elsewhere(client.name, client.stand, client.session, client.headers)
    made.at = address
    return made


async def walk(client: Client) -> list[Any]:
    """What a visitor asks for: a list, a record, a search by its key, a change, nothing that is there."""
    names = client.names
    page = await client.list("policies", **{names.size: 20})
    first = next(row for row in page.json[names.rows] if row.get(names.number))
    read = await client.get("policies", first["id"])
    search = f"{names.base}/policies{names.search}"
    found = await client.call("POST", search, {names.number: first[names.number]})
    changed = await client.put("policies", first["id"], read.json | {"новое": 1}, read.json[names.version])
    again = await client.get("policies", first["id"])
    missing = await client.get("policies", "nobody")
    replies = (page, read, found, changed, again, missing)
    return [(one.status, one.json if one.raw else None, one.headers.get("ETag")) for one in replies]


async def test_recording_holds_nobodys_data(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "calls.tape"
    async with served(Recorder(client.address, file, Mask(KEY)).app()) as address:
        for collection in ("policies", "visits", "results"):
            assert (await elsewhere(client, address).list(collection)).status == 200
    text = file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert len(tape.read(file)) == 3
    for person in client.stand.ends[client.name].state.population.citizens:
        spelled = {person["policy_number"], person["last_name"], person["patronymic"], person["email"], person["snils"]}
        spelled |= {person["phone"] and person["phone"][-7:]}
        if snils := person["snils"]:
            spelled.add(f"{snils[:3]}-{snils[3:6]}-{snils[6:9]}")
        assert not any(value in text for value in spelled if value)
    assert client.headers["Authorization"].split()[1] not in text


async def test_replay_answers_the_same_calls(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "calls.tape"
    async with served(Recorder(client.address, file, Mask(KEY)).app()) as address:
        lived = await walk(elsewhere(client, address))
    replay = Replay(tape.read(file))
    async with served(replay.app()) as address:
        replayed = await walk(elsewhere(client, address))
    assert (replay.answered, replay.missed) == (6, [])
    assert [(status, tag) for status, _, tag in replayed] == [(status, tag) for status, _, tag in lived]
    mask = Mask(KEY)
    assert replayed[0][1] == mask.document(lived[0][1])
    assert replayed[2][1] == mask.document(lived[2][1])
    assert replayed[4][1] == mask.document(lived[4][1])


async def test_call_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    replay = Replay([])
    async with served(replay.app()) as address, aiohttp.ClientSession() as session:
        async with session.get(f"{address}/api/v1/policies?page=1") as answer:
            assert (answer.status, (await answer.json())["code"]) == (501, "not_recorded")
        async with session.get(f"{address}/stand/replay") as answer:
            assert await answer.json() == {"answered": 0, "missed": ["GET /api/v1/policies"]}


def exchange(**changed: Any) -> tape.Exchange:
    usual: dict[str, Any] = {
        "method": "POST", "path": "/p", "query": [], "headers": {}, "body": None, "status": 200, "answer_headers": {},
        "answer": None,
    }  # fmt: skip
    return tape.Exchange(**usual | changed)


async def ask(replay: Replay, *bodies: Any) -> list[Any]:
    async with served(replay.app()) as address, aiohttp.ClientSession() as session:
        told = []
        for body in bodies:
            async with session.post(f"{address}/p", data=orjson.dumps(body)) as answer:
                told.append(orjson.loads(await answer.read()))
        return told


async def test_likest_call_is_taken_and_its_mark_repeated() -> None:
    taped = [
        exchange(body={"name": name, "originId": f"old-{name}"}, answer={"id": name, "originId": f"old-{name}"})
        for name in ("a", "b")
    ]
    told = await ask(Replay(taped), {"name": "b", "originId": "new"}, {"name": "a", "originId": "newer"})
    assert told == [{"id": "b", "originId": "new"}, {"id": "a", "originId": "newer"}]


async def test_answers_to_one_call_come_in_their_order() -> None:
    taped = [exchange(answer={"n": number}) for number in range(3)]
    assert [one["n"] for one in await ask(Replay(taped), None, None, None, None)] == [0, 1, 2, 2]


async def test_token_of_a_replay_lives_from_now_on() -> None:
    async with running_stand(only="emias") as running:
        life = tape._life(running["emias"].headers["Authorization"].split()[1])
    assert life == 3600
    (told,) = await ask(Replay([exchange(answer={"access_token": {"$token": life}})]), None)
    assert tape._life(told["access_token"]) == 3600


@pytest.mark.parametrize(
    ("lines", "where"),
    [(b"", ":1"), (b"{}\n", ":1"), (b'{"tape":1}\n[]\n', ":2"), (b'{"tape":1}\n{"method":1}\n', ":2")],
)
def test_broken_tape_is_named_with_its_line(tmp_path: Path, lines: bytes, where: str) -> None:
    file = tmp_path / "broken.tape"
    file.write_bytes(lines)
    with pytest.raises(tape.TapeError, match=f"broken.tape{where}"):
        tape.read(file)
