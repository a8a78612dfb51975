"""Collections that a file adds: served, checked and seeded by both systems like those in the code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from medmost_stand.added import CollectionErrors, load_collections
from medmost_stand.world import World, build_world
from stand.running import Body, Client, running_stand
from stand.test_webhooks import Ear, ear, subscribe  # noqa: F401  # the fixture is found by its name here
from stand.tiny import ANNA

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
NUMBER = {"emias": "prescriptionNumber", "gosuslugi": "Номер рецепта"}
WRONG = {"emias": 422, "gosuslugi": 400}
TODAY = date(2026, 11, 23)


def prescription(client: Client, number: str, **changed: Any) -> Body:
    emias: Body = {
        "prescriptionNumber": number,
        "policyNumber": ANNA,
        "medication": {"name": "Метформин"},
        "authoredOn": "2026-11-01",
        "status": "ACTIVE",
    }
    portal: Body = {
        "Номер рецепта": number,
        "Номер полиса": ANNA,
        "Препарат": "Метформин",
        "Дата выписки": "01.11.2026",
        "Статус": "Действует",
    }
    return (emias if client.name == "emias" else portal) | changed


@pytest.fixture(params=["emias", "gosuslugi"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with running_stand(only=request.param, added=load_collections(EXAMPLES)) as running:
        yield running[request.param]


async def test_added_collection_is_served_in_every_way(client: Client, ear: Ear) -> None:  # noqa: F811  # the fixture
    await subscribe(client, ear.url, ["prescriptions"])
    made = await client.create("prescriptions", prescription(client, "Р-1"), "key-1")
    again = await client.create("prescriptions", prescription(client, "Р-1"), "key-1")
    assert (made.status, again.json["id"]) == (201, made.json["id"])
    ref = made.json["id"]
    changed = await client.put("prescriptions", ref, prescription(client, "Р-1", comment="ещё"), 1)
    assert (changed.status, changed.json["comment"]) == (200, "ещё")
    listed = (await client.list("prescriptions")).json[client.names.rows]
    assert [row["id"] for row in listed] == [ref]
    search = f"{client.names.base}/prescriptions{client.names.search}"
    found = await client.call("POST", search, {NUMBER[client.name]: "Р-1"})
    assert [row["id"] for row in found.json[client.names.rows]] == [ref]
    name = "items" if client.name == "emias" else "operations"
    operations = [{"method": "POST", "record": prescription(client, "Р-2")}, {"method": "GET", "id": ref}]
    told = await client.call("POST", f"{client.names.base}/prescriptions{client.names.batch}", {name: operations})
    assert [one["status"] for one in told.json["items" if client.name == "emias" else "results"]] == [201, 200]
    acted = await client.act("POST", "prescriptions", prescription(client, "Р-3"))
    assert acted.status == 201
    assert (await client.delete("prescriptions", ref, 2)).status == 200
    exported = (await client.call("GET", "/stand/export/prescriptions")).lines
    assert [row["id"] for row in exported if client.names.deleted in row] == [ref]
    assert len(exported) == 3
    assert {one["collection"] for one in await client.effects()} == {"prescriptions"}
    heard = await ear.wait(5)
    assert {one.told["collection"] for one in heard} == {"prescriptions"}


async def test_added_rules_refuse_wrong_records(client: Client) -> None:
    policy = "policyNumber" if client.name == "emias" else "Номер полиса"
    status = "status" if client.name == "emias" else "Статус"
    wrong = [
        ({policy: "7700000000000099"}, policy),
        ({status: "LOST"}, status),
        ({NUMBER[client.name]: None}, NUMBER[client.name]),
    ]
    for change, named in wrong:
        reply = await client.create("prescriptions", prescription(client, "Р-1", **change))
        assert (reply.status, named in reply.raw.decode()) == (WRONG[client.name], True)
    assert (await client.create("prescriptions", prescription(client, "Р-1"))).status == 201
    assert (await client.create("prescriptions", prescription(client, "Р-1"))).status == 409


async def test_added_status_only_goes_forward(client: Client) -> None:
    done, open_again = ("COMPLETED", "ACTIVE") if client.name == "emias" else ("Отпущен", "Действует")
    status = "status" if client.name == "emias" else "Статус"
    ref = (await client.create("prescriptions", prescription(client, "Р-1"))).json["id"]
    assert (await client.put("prescriptions", ref, prescription(client, "Р-1", **{status: done}), 1)).status == 200
    back = await client.put("prescriptions", ref, prescription(client, "Р-1", **{status: open_again}), 2)
    assert back.status == 409
    assert "возвращается" in back.raw.decode()


async def test_added_collection_meets_faults(client: Client) -> None:
    await client.create("prescriptions", prescription(client, "Р-1"))
    rule = {"effect": "field-renamed", "collection": "prescriptions", "field": NUMBER[client.name], "to": "номер"}
    await client.faults(rule)
    assert (await client.list("prescriptions")).json[client.names.rows][0]["номер"] == "Р-1"


async def test_openapi_tells_of_added_calls(client: Client) -> None:
    paths = (await client.call("GET", "/openapi.json")).json["paths"]
    assert f"{client.names.base}/prescriptions/{{id}}" in paths
    assert "/stand/act/prescriptions" in paths


async def test_reset_makes_the_added_collection_anew() -> None:
    async with running_stand(world=None, people=30, seed=1, added=load_collections(EXAMPLES)) as running:
        client = running["emias"]
        await client.call("POST", "/stand/reset", {"people": 40, "seed": 2})
        rows = (await client.call("GET", "/stand/export/prescriptions")).lines
        assert len(rows) > 20
        planted = (await client.call("GET", "/stand/planted")).json["prescriptions"]
        assert set(planted["invalid"]) <= {row["id"] for row in rows}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(400, 5, TODAY, load_collections(EXAMPLES))


def test_seeded_prescriptions_differ_as_planted(world: World) -> None:
    here = {seed.body["prescriptionNumber"]: seed for seed in world.emias["prescriptions"]}
    there = {seed.body["Номер рецепта"]: seed for seed in world.gosuslugi["prescriptions"]}
    clinic, portal = world.planted["emias"]["prescriptions"], world.planted["gosuslugi"]["prescriptions"]
    bad = {number for number, seed in here.items() if seed.id in clinic["invalid"]}
    assert len(here.keys() - there.keys() - bad) == clinic["one_sided"] + clinic["unlinked"]
    assert len(there.keys() - here.keys()) == portal["one_sided"]
    pairs = (("dosageInstruction", "Способ применения"), ("patientComment", "Комментарий пациента"))
    differing = 0
    for number in here.keys() & there.keys():
        mine, theirs = here[number].body, there[number].body
        fields = [one for one, other in pairs if mine.get(one) != theirs.get(other)]
        fields += ["quantity"] if str(mine["quantity"]) != theirs["Количество упаковок"] else []
        assert len(fields) <= 1
        differing += len(fields)
    assert differing == clinic["differing"] == portal["differing"]
    union = len(here.keys() | there.keys())
    assert clinic["one_sided"] + portal["one_sided"] >= 0.05 * union
    assert differing >= 0.03 * union


def test_added_collection_moves_no_other_one(world: World) -> None:
    bare = build_world(400, 5, TODAY)
    assert bare.emias == {name: seeds for name, seeds in world.emias.items() if name != "prescriptions"}
    assert build_world(400, 5, TODAY, load_collections(EXAMPLES)) == world


GOOD = """\
collection: notes
key: [number]
fields:
  number: {type: identifier, emias: number, gosuslugi: Номер, required: true}
"""


def test_small_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text(GOOD, encoding="utf-8")
    (added,) = load_collections(tmp_path)
    assert (added.collection, added.forms["emias"].key, added.forms["gosuslugi"].key) == (
        "notes",
        ("number",),
        ("Номер",),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("identifier", "word"), ("notes.yaml:4", "«word»", "identifier, policy")),
        (GOOD.replace("notes", "visits"), ("notes.yaml:1", "новое имя")),
        (GOOD.replace("[number]", "[other]"), ("notes.yaml:2", "number")),
        (GOOD.replace("required", "needed"), ("notes.yaml:4", "«needed»", "required")),
        (GOOD.replace("emias: number, ", ""), ("notes.yaml:4", "emias")),
        (GOOD + "  owner: {type: policy, emias: o, gosuslugi: О, refers: people}\n", ("notes.yaml:5", "policies")),
        (GOOD + "  at: {type: date, emias: a, gosuslugi: А, make: {days_ago: 5}}\n", ("notes.yaml:5", "days_ago")),
        (GOOD + "  at: {type: code, emias: a, gosuslugi: А, codes: {x: {emias: X}}}\n", ("notes.yaml:5", "«x»")),
        (GOOD + "world: {flow: upwards}\n", ("notes.yaml:5", "emias, gosuslugi, both")),
        (GOOD + "world: {differ: {number: emias}}\n", ("notes.yaml:5", "make")),
        (GOOD + "key: [number]\n", ("notes.yaml:5", "YAML")),
        ("- a\n", ("notes.yaml:1", "collection, kind")),
        ("a: [\n", ("notes.yaml:2", "YAML")),
    ],
)
def test_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    (tmp_path / "notes.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CollectionErrors) as raised:
        load_collections(tmp_path)
    assert all(part in str(raised.value) for part in said), str(raised.value)


def test_every_fault_of_every_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("identifier", "word").replace("[number]", "[]"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("- 1\n", encoding="utf-8")
    program = [sys.executable, "-m", "medmost_stand.main", "--collections", str(tmp_path)]
    ran = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert [line.partition(" ")[0] for line in ran.stderr.splitlines()[1:]] == ["a.yaml:4:", "a.yaml:2:", "b.yaml:1:"]


async def test_written_configuration_has_a_stage_for_it(tmp_path: Path) -> None:
    added = load_collections(EXAMPLES)
    for described in (False, True):
        folder = tmp_path / str(described)
        (folder / "kinds").mkdir(parents=True)
        if described:
            (folder / "kinds" / "prescription.yaml").touch()
        async with running_stand(only="emias", added=added, config=folder):
            settings = (folder / "medmost.toml").read_text(encoding="utf-8")
        assert ('prescription = "full"' in settings) is described
