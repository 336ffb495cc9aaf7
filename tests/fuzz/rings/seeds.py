#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write the fuzzer's first inputs into a folder: honest peers, and the simplest liars.

An input is a scenario's number, its parameters, and operations with their operands, in the order in
which fuzz_rings.c takes them.
"""
import struct
import sys
from pathlib import Path

BLK, TX, RX, CTRL, FRONT, BYTES = range(6)
PUBLISH, HIDE, LIE, SERVE, REPLACE = (bytes([n]) for n in range(5))
ALL_FEATURES = 8 | 16 | 32 | 64


def blk_slot(op, segments, sector=8):
    slot = struct.pack("<BBHxxxxQQ", op, len(segments), 51712, 77, sector)
    for gref, first, last in segments:
        slot += struct.pack("<IBBxx", gref, first, last)
    return slot.ljust(112, b"\0")


def blk_indirect(op, count, sector=8):
    slot = struct.pack("<BBHxxxxQQHxxI", 6, op, count, 78, sector, 51712, 900)
    return slot.ljust(112, b"\0")


def blk_discard(sector, count, flag=0):
    return struct.pack("<BBHxxxxQQQ", 5, flag, 51712, 79, sector, count).ljust(112, b"\0")


def blk(*operations, order=0, bits=ALL_FEATURES, sectors=1 << 20, index=0):
    return struct.pack("<BBBII", BLK, order, bits, sectors, index) + b"".join(operations)


def tx(gref, offset, size, flags=0, number=1):
    return PUBLISH + struct.pack("<IHHHH", gref, offset, flags, number, size)


def extra(kind, more, payload):
    return PUBLISH + (struct.pack("<BB", kind, more) + payload).ljust(12, b"\0")


def net(scenario, *operations, index=0):
    return struct.pack("<BI", scenario, index) + b"".join(operations)


def table(count):
    return b"\1" + b"".join(struct.pack("<IBBxx", 1000 + i, 0, 7) for i in range(count)) + \
        bytes(4096 - 8 * count)


def lie(step, which, value=None):
    if value is None:
        return LIE + struct.pack("<bB", step, which)
    return LIE + struct.pack("<bBI", step, which | 0x80, value)


def seeds():
    page = (1, 0, 7)
    for op in range(8):
        yield f"blk-op-{op}", blk(PUBLISH + blk_slot(op, [page] * 3), SERVE)
    yield "blk-none", blk(PUBLISH + blk_slot(3, []), PUBLISH + blk_slot(2, []), SERVE)
    yield "blk-bad-segment", blk(PUBLISH + blk_slot(0, [(1, 5, 2), (1, 0, 9)]), SERVE)
    yield "blk-end", blk(PUBLISH + blk_slot(1, [page], (1 << 64) - 4), SERVE)
    yield "blk-discard", blk(PUBLISH + blk_discard(16, 800, 1), SERVE)
    yield "blk-discard-wrap", blk(PUBLISH + blk_discard(16, (1 << 64) - 8), SERVE)
    for count in (1, 32, 256, 257):
        yield f"blk-indirect-{count}", blk(PUBLISH + blk_indirect(0, count), SERVE,
                                           table(count % 257))
    yield "blk-indirect-short", blk(PUBLISH + blk_indirect(1, 9), SERVE, b"\0")
    yield "blk-4k", blk(PUBLISH + blk_slot(0, [page], 9), SERVE, bits=ALL_FEATURES | 3)
    yield "blk-read-only", blk(PUBLISH + blk_slot(1, [page]), SERVE, bits=4)
    yield "blk-order", blk(PUBLISH + blk_slot(0, [page]), SERVE, order=4, index=0xffffffff)
    yield "blk-full", blk((PUBLISH + blk_slot(0, [page])) * 32, SERVE)
    yield "blk-replace", blk(PUBLISH + blk_slot(0, [page]), REPLACE + b"\1", SERVE)
    yield "blk-lie", blk(HIDE + blk_slot(0, [page]), lie(33, 0), SERVE)
    yield "blk-flood", blk(lie(32, 0), SERVE, lie(64, 0), SERVE)
    gso = struct.pack("<HBxH", 1448, 1, 0)
    yield "tx-one", net(TX, tx(9, 0, 60), SERVE)
    yield "tx-chain", net(TX, tx(9, 0, 6000, 4), tx(10, 0, 2000, 4), tx(11, 96, 1000), SERVE)
    yield "tx-gso", net(TX, tx(9, 0, 5000, 1 | 4 | 8), extra(1, 0, gso), tx(10, 0, 4000), SERVE)
    yield "tx-hash", net(TX, tx(9, 0, 100, 8), extra(1, 1, gso),
                         extra(4, 0, bytes([1, 1, 2, 3, 4, 5])), SERVE)
    yield "tx-mcast", net(TX, tx(0, 0, 0, 8), extra(2, 0, b"\1\0\x5e\0\0\1"), SERVE)
    yield "tx-endless", net(TX, tx(9, 0, 100, 4) * 19, SERVE)
    yield "tx-open", net(TX, tx(9, 0, 100, 4), SERVE, index=0xfffffffe)
    yield "tx-lie", net(TX, lie(0, 0, 0x1000), SERVE)
    post = PUBLISH + struct.pack("<HHI", 5, 0, 44)
    yield "rx", net(RX, post * 6, SERVE + struct.pack("<HBBH", 9000, 1, 1, 0))
    yield "rx-failed", net(RX, post * 2, SERVE + struct.pack("<HBBH", 60, 0, 0, 1), SERVE)
    for kind in range(1, 11):
        message = PUBLISH + struct.pack("<HHIII", 1, kind, 1, 40, 0)
        yield f"ctrl-{kind}", net(CTRL, message, SERVE + b"\1\x7f")
    front = [b"\0" * 6, b"\1"]
    yield "front", bytes([FRONT]) + b"".join(front) + lie(-2, 2) + b"\3"
    yield "front-lie", bytes([FRONT]) + b"".join(front) + lie(1, 2) + b"\3"
    start = struct.pack("<BBII", BYTES, 2, 0xfffffff0, 0xfffffff0)
    yield "bytes", start + (b"\x20\0" + b"hello, this goes round and round") * 3 + b"\x40\1" * 2
    yield "bytes-lie", start + b"\x05\2" + b"\x40\1" + struct.pack("<BBI", 2, 2, 99) + b"\x04\0abcd"


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
