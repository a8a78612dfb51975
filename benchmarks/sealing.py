"""Sealing and opening one side of a pair, beside the bare cipher."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.measure import Row, Size, Wanted, in_turns, rates
from benchmarks.records import policies
from medmost.domain.record import Side, SideState
from medmost.mapping import load_mappings
from medmost.store.cipher import Cipher


def sealing(size: Size, wanted: Wanted) -> Iterator[Row]:
    """`cipher.seal` and `cipher.open`: bodies as the state keeps them."""
    mapping = load_mappings()["policy"]
    bodies = []
    for number, fields in enumerate(policies(size.records)):
        doc = mapping.write(Side.EMIAS, fields, None)
        state = SideState(ref=str(number), version=1, presence="here", doc=doc, now=fields, settled=fields)
        bodies.append(msgspec.msgpack.encode(state))
    cipher, patient, bare = Cipher(os.urandom(32)), os.urandom(16), AESGCM(os.urandom(32))
    nonce, bound = os.urandom(12), b"pair.e|1|" + patient
    sealed = [cipher.seal("pair.e", number, patient, body) for number, body in enumerate(bodies)]
    closed = [bare.encrypt(nonce, body, bound) for body in bodies]
    ways = {
        "cipher.seal": (
            lambda: [cipher.seal("pair.e", number, patient, body) for number, body in enumerate(bodies)],
            lambda: [bare.encrypt(nonce, body, bound) for body in bodies],
        ),
        "cipher.open": (
            lambda: [cipher.open("pair.e", number, patient, blob) for number, blob in enumerate(sealed)],
            lambda: [bare.decrypt(nonce, blob, bound) for blob in closed],
        ),
    }
    for name, both in ways.items():
        if wanted(name):
            yield rates(name, "bodies/s", len(bodies), *in_turns(size.rounds, *both))
