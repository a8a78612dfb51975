"""Sealed bodies, blind indexes, our marks: what the key holds together and what nobody can make without it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmost.domain.errors import Fatal
from medmost.store.cipher import Cipher

CIPHER, OTHER = Cipher(bytes(range(32))), Cipher(bytes(32))
BODY = "Воробьёва Алёна".encode()


def code(call: object, *given: object) -> str:
    with pytest.raises(Fatal) as met:
        call(*given)  # type: ignore[operator]  # a bound method
    return met.value.code


def test_a_body_opens_as_it_was_sealed() -> None:
    blob = CIPHER.seal("pair.g", 7, b"patient", BODY)
    assert CIPHER.open("pair.g", 7, b"patient", blob) == BODY
    assert BODY not in blob


def test_every_flipped_byte_is_refused() -> None:
    blob = CIPHER.seal("pair.g", 7, b"patient", BODY)
    for place in range(len(blob)):
        for flip in (0x01, 0x80):
            broken = bytearray(blob)
            broken[place] ^= flip
            expected = "MM-KEY-OTHER" if place < 5 else "MM-STATE-DAMAGED"
            assert code(CIPHER.open, "pair.g", 7, b"patient", bytes(broken)) == expected


def test_every_cut_is_refused() -> None:
    blob = CIPHER.seal("pair.g", 7, b"patient", BODY)
    for length in range(len(blob)):
        assert code(CIPHER.open, "pair.g", 7, b"patient", blob[:length]) in ("MM-KEY-OTHER", "MM-STATE-DAMAGED")


def test_a_body_opens_only_in_its_own_place() -> None:
    blob = CIPHER.seal("pair.g", 7, b"patient", BODY)
    for place in (("pair.e", 7, b"patient"), ("pair.g", 8, b"patient"), ("pair.g", 7, b"another"), ("pair.g", 7, None)):
        assert code(CIPHER.open, *place, blob) == "MM-STATE-DAMAGED"


def test_another_key_opens_nothing() -> None:
    assert code(OTHER.open, "pair.g", 7, None, CIPHER.seal("pair.g", 7, None, BODY)) == "MM-KEY-OTHER"


def test_equal_bodies_are_sealed_differently() -> None:
    assert CIPHER.seal("pair.g", 7, None, BODY) != CIPHER.seal("pair.g", 7, None, BODY)


def test_blind_indexes_depend_on_purpose_and_key() -> None:
    number = "7756410834123459"
    index = CIPHER.blind("patient", number)
    assert index == CIPHER.blind("patient", number)
    assert len(index) == 16
    assert len({index, CIPHER.blind("account", number), OTHER.blind("patient", number)}) == 3


@given(st.integers(0, 2**40), st.integers(0, 2**20))
def test_a_mark_names_its_pair(pair: int, incarnation: int) -> None:
    assert CIPHER.marked(CIPHER.mark(pair, incarnation)) == (pair, incarnation)


def test_a_mark_cannot_be_forged() -> None:
    mark = CIPHER.mark(7, 1)
    forged = [mark.replace("-7-", "-8-"), mark.replace("-1-", "-2-"), mark[:-1], mark + "0", mark.upper(),
              OTHER.mark(7, 1), "mm-7-1-", "mm-7-1", "mm--7-1-00", "mm-7-1-я", "", "portal-order-7"]  # fmt: skip
    forged += [mark[:i] + ("0" if mark[i] != "0" else "1") + mark[i + 1 :] for i in range(len(mark))]
    assert [one for one in forged if CIPHER.marked(one) is not None] == []
    assert CIPHER.marked(None) is None


@given(st.text(max_size=40))
def test_no_text_passes_for_our_mark(text: str) -> None:
    assert CIPHER.marked(text) is None


def test_a_key_is_32_bytes_in_base64() -> None:
    made = Cipher.from_text(base64.b64encode(bytes(range(32))).decode() + "\n")
    assert made.blind("x", "y") == CIPHER.blind("x", "y")
    for wrong in ("", "short", base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(33)).decode(), "!" * 44):
        assert code(Cipher.from_text, wrong) == "MM-KEY-FORMAT"
