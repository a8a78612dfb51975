"""The shipped kinds are those of design §6: every field, by both systems' names, with its meaning in FHIR and law."""

from __future__ import annotations

import pytest

from field_tables import KEYS, TABLES
from medmost.domain.record import BOTH, Side
from medmost.mapping import load_mappings, mapping_hash
from medmost.mapping.language import RowField
from medmost.mapping.load import OURS

MAPPINGS = load_mappings()
BY_COLLECTION = {mapping.kind.collection: mapping for mapping in MAPPINGS.values()}
FLAT = [(mapping, field, leaf) for mapping in MAPPINGS.values() for field in mapping.rule.fields for leaf in
        ((field, *field.rows))]  # fmt: skip
REQUEST = {
    "order_id": ("order.id", "orderId"),
    "service_code": ("order.eserviceId", "serviceCode"),
    "service_name": ("order.serviceName", "serviceName"),
    "policy_number": ("order.orderAttributes[name=policyNumber].value", "policyNumber"),
    "submitted_at": ("order.orderDate", "submittedAt"),
    "comment": ("order.orderAttributes[name=comment].value", "comment"),
    "files": ("order.orderAttachmentFiles", "files"),
    "history": ("order.statuses", "history"),
}


def places(fields: tuple[RowField, ...]) -> dict[str, tuple[str, str]]:
    return {field.name: (field.place(Side.GOSUSLUGI).at, field.place(Side.EMIAS).at) for field in fields}


@pytest.mark.parametrize("collection", [name for name in TABLES if name != "observations"])
def test_fields_are_those_of_the_design(collection: str) -> None:
    rules = BY_COLLECTION[collection].rule.fields
    flat = tuple(rule for rule in rules if not rule.rows)
    assert places(flat) == {name: row[:2] for name, row in TABLES[collection].items()}
    if collection == "results":
        (observations,) = (rule for rule in rules if rule.rows)
        assert places((observations,)) == {"observations": ("Показатели", "observations")}
        assert places(observations.rows) == {name: row[:2] for name, row in TABLES["observations"].items()}


def test_request_is_that_of_the_design() -> None:
    assert places(MAPPINGS["request"].rule.fields) == REQUEST


def test_kinds_and_keys_are_those_of_the_design() -> None:
    assert {mapping.kind.collection: mapping.kind.key for mapping in MAPPINGS.values()} == KEYS


def test_every_field_has_its_meaning() -> None:
    """FHIR R4 element and class of personal data, down to the rows; a field of both systems shows an example."""
    assert [f"{mapping.kind.name}.{leaf.name}" for mapping, _, leaf in FLAT if None in (leaf.fhir, leaf.data)] == []
    bare = [leaf.name for _, _, leaf in FLAT if leaf.example is None and not getattr(leaf, "rows", ())]
    assert bare == []
    assert all(mapping.rule.sample is not None for mapping in MAPPINGS.values())


def test_personal_data_is_where_the_law_has_it() -> None:
    classes = {(mapping.kind.name, leaf.name): leaf.data for mapping, _, leaf in FLAT}
    for name in ("policy_number", "last_name", "first_name", "patronymic", "birth_date", "snils", "sex"):
        assert classes["policy", name] == "identity"
    assert {classes["policy", name] for name in ("phone", "email")} == {"contact"}
    assert {data for (kind, _), data in classes.items() if kind in ("organization", "slot")} == {"none"}
    for kind in ("result", "vaccination"):
        personal = {data for (of, _), data in classes.items() if of == kind}
        assert personal <= {"health", "identity", "administrative"}
        assert "health" in personal


def test_official_dictionaries_are_named() -> None:
    oids = {leaf.nsi for _, _, leaf in FLAT if leaf.nsi is not None}
    assert oids >= {
        "1.2.643.5.1.13.13.99.2.245",  # kinds of policy
        "1.2.643.5.1.13.13.11.1461",  # medical organizations
        "1.2.643.5.1.13.13.11.1070",  # services
        "1.2.643.5.1.13.13.11.1080",  # laboratory tests
        "1.2.643.5.1.13.13.11.1358",  # units
    }


def test_better_sample_is_the_same_mapping(tmp_path: pytest.TempPathFactory) -> None:
    text = (OURS / "slot.yaml").read_text(encoding="utf-8")
    (tmp_path / "slot.yaml").write_text(text.replace("Первичный приём", "Повторный приём"))
    assert mapping_hash(load_mappings(tmp_path)) == mapping_hash(MAPPINGS)
    assert all(field.place(side) for side in BOTH for field in MAPPINGS["slot"].rule.fields)
