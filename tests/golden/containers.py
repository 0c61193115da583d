# SPDX-License-Identifier: LGPL-2.1-or-later
"""containers.py - readers of the weight file and of the .tlc file, written from FORMAT.md."""
import hashlib
import json
import struct
import zlib

import numpy as np

from arithmetic import quantise_weights


# --- The weight file ---

def check_sums(meta, header, data):
    """Compares the sums of a header with the tensors; those of writers stand in their order."""
    def add(texts, kept):
        digest = hashlib.sha256(''.join(texts).encode())
        for name, t in header.items():
            if kept(name):
                digest.update(data[slice(*t['data_offsets'])])
        return digest.hexdigest()

    ids = [meta['model_id']] + [meta['postnet_id']] * ('postnet' in meta)
    if meta['version'] == '5':
        assert meta['weights_sha256'] == add(ids, lambda name: True)
        return
    parts = [lambda name: not name.startswith('post.'), lambda name: name.startswith('post.')]
    assert ids == [add([], part) for part in parts[:len(ids)]]


def read_weights(path):
    """Returns the config, the model id, and the tensors: floats as float32, matrices of layers as
    integers with scales, tables as ints."""
    with open(path, 'rb') as file:
        data = file.read()
    size = struct.unpack_from('<Q', data)[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop('__metadata__')
    assert meta['format'] == 'telucodec' and meta['version'] in ('4', '5')
    kinds = {'F32': '<f4', 'BF16': '<u2', 'I16': '<i2', 'U16': '<u2', 'U8': 'u1', 'I8': 'i1'}
    check_sums(meta, header, data[8 + size:])
    w = {}
    for name, t in header.items():
        first, end = t['data_offsets']
        a = np.frombuffer(data[8 + size + first:8 + size + end], kinds[t['dtype']])
        if t['dtype'] == 'BF16':
            a = (a.astype(np.uint32) << 16).view(np.float32).reshape(t['shape'])
            w[name] = quantise_weights(a)
            continue
        a = a.reshape(t['shape'])
        w[name] = a if a.dtype.kind == 'f' else a.astype(int)
    for name in [name for name in w if header[name]['dtype'] == 'I8']:
        w[name] = w[name], w.pop(name[:-1] + 's')
    config = json.loads(meta['config'])
    config['postnet'] = json.loads(meta.get('postnet', '{}'))
    return config, meta['model_id'], w


# --- The .tlc file ---

class Bits:
    """Reads bits of a byte string, the most significant of the first byte first."""

    def __init__(self, data):
        self.data, self.pos = data, 0

    def left(self):
        return 8 * len(self.data) - self.pos

    def get(self, n):
        value = 0
        for _ in range(n):
            value = value * 2 + (self.data[self.pos >> 3] >> (7 - self.pos % 8) & 1)
            self.pos += 1
        return value


def check_sum(data, end):
    assert struct.unpack_from('<I', data, end)[0] == zlib.crc32(data[:end])


def read_page(data):
    """Returns bytes of the page, last?, trim, index, packets (empty: missing)."""
    sync, flags, index, size, count, how = struct.unpack_from('<3sBIHBH', data)
    assert sync == b'TLP' and flags < 16
    check_sum(data[:17 + size], 13 + size)
    last, F = flags & 1, flags >> 1 & 7
    s, k, start = how >> 14, how >> 10 & 15, how & 1023
    assert F <= 5 and (k <= 10 or k == 15) and (count or last)

    body = data[13:13 + size]
    trim = 0
    if last:
        trim, body = struct.unpack_from('<H', body)[0], body[2:]
    kept = 1 << (F - 1) if F else 0
    firsts, bits = body[:kept], Bits(body[kept:])
    p = 8 * start
    lengths, starts = [], []
    for _ in range(count):
        length = start
        if k != 15:
            u = 0
            while bits.get(1):
                u += 1
            z = (u << k) + bits.get(k)
            length = (p + 4 >> 3) + (-(z + 1 >> 1) if z & 1 else z >> 1)
            if s != 3:
                p += 8 * length - p >> s
        assert 0 <= length <= 1000
        first = F and length
        starts.append(firsts[(i := bits.get(F - 1)):i + 1] if first else b'')
        lengths.append(length)
    at = bits.pos + 7 >> 3
    packets = []
    for length, first in zip(lengths, starts):
        rest = length - len(first)
        packets.append(first + bits.data[at:at + rest])
        at += rest
    assert at == len(bits.data)
    return 17 + size, last, trim, index, packets


def read_tlc(path):
    """Returns model id, samples to drop at the start and end, packets."""
    with open(path, 'rb') as file:
        data = file.read()
    assert data[:4] == b'TeLC' and data[4] == 1
    check_sum(data[:49], 45)
    skip = struct.unpack_from('<H', data, 5)[0]
    model_id, at, packets, last = data[13:45], 49, [], False
    if data[at:at + 4] == b'TeLT':
        size = 10 + struct.unpack_from('<H', data, at + 4)[0]
        check_sum(data[at:at + size], size - 4)
        at += size
    while not last:
        size, last, trim, index, more = read_page(data[at:])
        assert index == len(packets), 'packets are missing'
        packets += more
        at += size
    assert at == len(data)
    return model_id, skip, trim, packets
