#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make_stream.py - makes a stream with every kind of packet, and its decoded samples.

It is written from kernels/FORMAT.md like decode.py. Random numbers instead of bytes drive
decode.py's readers of coefficients and levels, and a range encoder writes the symbols drawn.
Run it again only when the format changes:

    python3 make_stream.py      writes tiny.tlc, tiny.f32, tiny_postnet.f32 beside itself

tiny.tlc: made for tiny.safetensors; tiny.f32 and tiny_postnet.f32: what decode.py gives for it
without and with the post-network, 32-bit floats, little-endian. tests/codec/test_independent.c
compares the C decoder's.
"""
import os
import struct
import zlib

import numpy as np

import decode

rng = np.random.default_rng(25)
here = os.path.dirname(os.path.abspath(__file__))


class Dice(decode.Range):
    """Draws symbols, small ones more often, and encodes them; codes evenly, the step as given."""

    def __init__(self, spread, step=0):
        self.low, self.range, self.count, self.cuts = 0, 2 ** 32 - 1, 4, 4
        self.pos, self.data = 0, b''      # nothing is read
        odds = [np.exp(-np.arange(18) / spread) + 0.0003, np.exp(-abs(np.arange(10) - 4) / 1.5),
                np.ones(16), np.arange(128) == step]
        self.odds = {len(each): each / each.sum() for each in odds}

    def cut(self):
        self.cuts = self.count            # bytes that a decoder has read by now
        return False

    def put(self, c, f, t):
        r = self.range >> t
        self.low, self.range = self.low + r * c, r * f
        while self.range < 1 << 24:
            self.low, self.range, self.count = self.low << 8, self.range << 8, self.count + 1

    def symbol(self, cumulative, sure=False):
        symbols = len(cumulative) - 1     # 18 of coefficients, 10 of levels, 16 codes, 128 steps
        i = int(rng.choice(symbols, p=self.odds[symbols]))
        self.put(cumulative[i], cumulative[i + 1] - cumulative[i],
                 cumulative[-1].bit_length() - 1)
        return i

    def bits(self, n):
        """Draws bits, mostly zeros, which make an escape long."""
        value = sum(int(rng.random() < 0.3) << i for i in range(n))
        for i in reversed(range(n)):
            self.put(value >> i & 1, 1, 1)
        return value

    def finish(self):
        """Returns the fewest bytes within the last interval."""
        for zeros in reversed(range(33)):
            value = self.low + (1 << zeros) - 1 >> zeros << zeros
            if value < self.low + self.range:
                break
        data = value.to_bytes(self.count, 'big').rstrip(b'\0')
        return data.ljust(max(0, self.cuts - 4), b'\0')


def bits(*fields):
    """Packs (value, width) ... into bytes, the last one padded with zeros."""
    text = ''.join(format(v, '0%db' % n) for v, n in fields if n)
    text += '0' * (-len(text) % 8)
    return int('0' + text, 2).to_bytes(len(text) // 8, 'big')


def base_only(size):
    """Makes a base-only packet of random bits: codes, a prefix, or ignored bits."""
    return bytes([rng.integers(128)]) + rng.bytes(size - 1)


def complete(tables, S, shape, data):
    """Adds the zeros without which the packet would count as cut."""
    while True:
        coder = decode.Range(data)
        codes = tables.read(coder, S)
        if len(codes) == S and (shape == 3 or tables.step(coder) is not None):
            return bits((1, 1), (S, 5), (shape, 2)) + data
        data += b'\0'


def refined(tables, refinement, levels, S, shape, step, spread):
    dice = Dice(spread, step)
    codes = tables.read(dice, S)
    tables.step(dice)
    refinement.plan(codes, step, shape)
    q, _ = refinement.read(dice)
    if shape and S:
        levels.read(dice, q, S)
    return complete(tables, S, shape, dice.finish()), q


def leveled(tables, levels, S):
    """Makes a packet of base layer and levels."""
    dice = Dice(1)
    tables.read(dice, S)
    if S:
        levels.read(dice, None, S)
    return complete(tables, S, 3, dice.finish())


def page(index, packets, last, s, k, F, start, trim=0):
    firsts = sorted({p[:1] for p in packets}) if F else []
    body = struct.pack('<H', trim) if last else b''
    if F:
        assert len(firsts) <= 1 << (F - 1)
        body += b''.join(firsts).ljust(1 << (F - 1), b'\0')
    fields, average = [], 8 * start
    for data in packets:
        if k < 15:
            d = len(data) - (average + 4 >> 3)
            z = 2 * d if d >= 0 else -2 * d - 1
            fields += [(1, 1)] * (z >> k) + [(0, 1), (z & (1 << k) - 1, k)]
            if s < 3:
                average += 8 * len(data) - average >> s
        else:
            assert len(data) == start
        if F:
            fields.append((firsts.index(data[:1]), F - 1))
    body += bits(*fields) + b''.join(data[1 if F else 0:] for data in packets)
    out = struct.pack('<3sBIHBH', b'TLP', last | F << 1, index, len(body), len(packets),
                      s << 14 | k << 10 | start) + body
    return out + struct.pack('<I', zlib.crc32(out))


def main():
    config, model_id, w = decode.read_weights(os.path.join(here, 'tiny.safetensors'))
    tables, refinement, levels = decode.Codes(w), decode.Refinement(w), decode.Levels(w)
    groups = [[base_only(size)] * 2 for size in (1, 2, 3, 5)]
    groups.append([base_only(2) for _ in range(4)])

    # Every S with every shape: from silence to many escapes; shape 3: base layer and levels.
    made, largest = [], 0
    for S in range(config['stages'] + 1):
        for shape in range(3):
            spread, step = ((0.2, 108), (0.8, 100), (3, 90), (15, 60))[(S + shape) % 4]
            data, q = refined(tables, refinement, levels, S, shape, step - S, spread)
            largest = max(largest, abs(q).max())
            made.append(data)
        made.append(leveled(tables, levels, S))
    assert largest > 1000, largest
    groups += [made[:10], made[10:]]

    # As CBR pads them, and cut: in the codes, after them, in the range coder's bytes.
    size = max(map(len, made)) + 1
    groups.append([made[i].ljust(size, b'\0') for i in (3, 9, 15, 18, 19)])
    long, short = made[-3], made[15]
    groups.append([long[:cut] for cut in (1, 2, 3, 4, 5, 20, len(long) // 2)])
    groups.append([long[:-cut] for cut in (5, 4, 3, 2, 1)])
    groups.append([short[:cut] for cut in range(1, len(short))])
    groups.append([base_only(3), made[-1], made[6]])

    header = struct.pack('<4sBH', b'TeLC', 1, 80)
    packets = sum(groups, [])
    trim = 100
    header += (320 * len(packets) - 80 - trim).to_bytes(6, 'little')
    header += bytes.fromhex(model_id)
    stream = header + struct.pack('<I', zlib.crc32(header))
    index = 0
    for i, group in enumerate(groups):
        same = len({len(p) for p in group}) == 1
        few = len({p[:1] for p in group})
        F = 1 + (few - 1).bit_length() if few <= 16 and i % 3 else 0
        last = group is groups[-1]
        stream += page(index, group, last, i % 4, 15 if same else 4 + i % 5, F,
                       len(group[0]), trim if last else 0)
        index += len(group)
    name = os.path.join(here, 'tiny.tlc')
    with open(name, 'wb') as file:
        file.write(stream)
    weights = os.path.join(here, 'tiny.safetensors')
    decode.main(weights, name, os.path.join(here, 'tiny.f32'), None, 'plain')
    decode.main(weights, name, os.path.join(here, 'tiny_postnet.f32'))


if __name__ == '__main__':
    main()
