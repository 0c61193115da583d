#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""decode.py - an independent decoder, written from kernels/FORMAT.md without the C code.

    python3 decode.py weights.safetensors in.tlc out.f32 [q.txt [plain]]

Writes the samples as raw 32-bit floats, little-endian, and to q.txt, unless it is empty, the
refined packets' integers, one line per packet. "plain" leaves the post-network out. Integers are
Python's; network and synthesis compute in double. A lost or damaged packet is an error, since
FORMAT.md does not prescribe concealment. Needs numpy.
"""
import bisect
import json
import struct
import sys
import zlib

import numpy as np

EDGE = [0, 4, 8, 12, 16, 20, 23, 26, 30, 34, 38,
        44, 50, 57, 64, 73, 84, 95, 108, 123, 140, 160]
BAND = [b for b in range(21) for _ in range(EDGE[b], EDGE[b + 1])]
NOISY = np.array(BAND) >= 16
MOVING = np.array(BAND) < 10


# --- The weight file ---

def read_weights(path):
    with open(path, 'rb') as file:
        data = file.read()
    size = struct.unpack_from('<Q', data)[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop('__metadata__')
    assert meta['format'] == 'telucodec' and meta['version'] == '4'
    kinds = {'F32': '<f4', 'BF16': '<u2', 'I16': '<i2', 'U16': '<u2', 'U8': 'u1'}
    w = {}
    for name, t in header.items():
        first, end = t['data_offsets']
        a = np.frombuffer(data[8 + size + first:8 + size + end], kinds[t['dtype']])
        if t['dtype'] == 'BF16':
            a = (a.astype(np.uint32) << 16).view(np.float32)
        a = a.reshape(t['shape'])
        w[name] = a.astype(np.float64) if a.dtype.kind == 'f' else a.astype(int)
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


# --- The range coder, the codes, the refinement layer and the levels ---

class Damage(Exception):
    pass


class Range:
    def __init__(self, data):
        self.data, self.pos = data, 4
        self.range = 2 ** 32 - 1
        self.code = int.from_bytes((data + bytes(4))[:4], 'big')

    def cut(self):
        return self.pos > len(self.data) + 4

    def close(self):
        if any(self.data[self.pos:]):
            raise Damage

    def find(self, t):
        self.r = self.range >> t
        return min(self.code // self.r, 2 ** t - 1)

    def take(self, c, f):
        self.code = (self.code - self.r * c) & 0xffffffff
        self.range = self.r * f
        while self.range < 1 << 24:
            byte = self.data[self.pos] if self.pos < len(self.data) else 0
            self.code = (self.code << 8 | byte) & 0xffffffff
            self.range <<= 8
            self.pos += 1

    def certain(self, end):
        """Tells whether no byte past the end could lift the symbol above `end`."""
        missing = min(4, max(0, self.pos - len(self.data)))
        return not missing or self.code + 256 ** missing - 1 < self.r * end

    def symbol(self, cumulative, sure=False):
        """sure: returns None for a symbol that bytes past the end could change."""
        total = cumulative[-1]
        i = bisect.bisect_right(cumulative, self.find(total.bit_length() - 1)) - 1
        if sure and cumulative[i + 1] < total and not self.certain(cumulative[i + 1]):
            return None
        self.take(cumulative[i], cumulative[i + 1] - cumulative[i])
        return i

    def bits(self, n):
        value = 0
        for _ in range(n):
            bit = self.find(1)
            self.take(bit, 1)
            value = 2 * value + bit
        return value


def clamp(x, least, most):
    return max(least, min(most, x))


def magnitude(coder, cumulative, shift):
    a = coder.symbol(cumulative)
    if a == 17:
        z = 0
        while not coder.bits(1):
            z += 1
            if z > 16:
                raise Damage
        a += (1 << z) + coder.bits(z) - 1
    a = (a << shift) + coder.bits(shift)
    if a > 65535:
        raise Damage
    return a


def classify(n):
    return bisect.bisect_right([1, 2, 3, 5, 8, 13, 21, 34], n)


def mean_in_bands(c):
    """Returns for each coefficient the mean magnitude in its band and hop."""
    each = np.eye(21)[BAND]               # (160, 21): which band
    return (np.abs(c) @ each / each.sum(0))[:, BAND]


def sum_in_bands(c):
    """Returns for each coefficient the sum over its band and hop."""
    return (c @ np.eye(21)[BAND])[:, BAND]


def power_in_bands(c):
    """Returns for each coefficient the power of its band and hop, never 0."""
    return sum_in_bands(c ** 2) + 1e-20


def in_bands(q):
    """Returns for each band the numbers of one value per coefficient of both hops."""
    return [np.ravel(q[:, EDGE[b]:EDGE[b + 1]]) for b in range(21)]


def sums(rows):
    """Returns rows of frequencies as rows that begin with 0 and add up."""
    return [[0] + row.tolist() for row in np.cumsum(rows, axis=1)]


class Codes:
    def __init__(self, w):
        self.group, self.cumulative = w['tab.group'], sums(w['tab.code'])

    def read(self, coder, S):
        """Returns the codes, fewer than S when the packet was cut."""
        codes = []
        for s in range(S):
            row = 1 + 16 * (s - 1) + self.group[codes[0]] if s else 0
            code = coder.symbol(self.cumulative[row], sure=True)
            if code is None:
                break
            codes.append(code)
        return codes

    def step(self, coder):
        """Returns the step, None when the packet was cut."""
        return coder.symbol(list(range(129)), sure=True)


class Levels:
    def __init__(self, w):
        self.cumulative = sums(w['tab.level'])

    def kind(self, q, S):
        """Returns the kind of each band, None: it has no level. q: None without refinement."""
        if q is None:
            return 21 * [4 if S <= 3 else 5 if S <= 7 else 6]
        shares = [(np.count_nonzero(band), len(band)) for band in in_bands(q)]
        return [None if 2 * m > n else 0 if m == 0 else 1 if 8 * m <= n else
                2 if 4 * m <= n else 3 for m, n in shares]

    def read(self, coder, q, S):
        k = [0, 0]                        # of two bands that are not there, then band by band
        for b, kind in enumerate(self.kind(q, S)):
            level = 0
            if kind is not None and not coder.cut():
                near = clamp((2 * k[-1] + k[-2] + 1) // 3, -3, 3)
                level = coder.symbol(self.cumulative[(7 * kind + near + 3) * 21 + b]) - 4
            k.append(level)
        return 21 * [0] if coder.cut() else k[2:]

    def sound(self, d, levels, q):
        middle = (np.array(EDGE[:-1]) + EDGE[1:] - 1) / 2
        gain = 2.0 ** (0.75 * np.interp(np.arange(160), middle, levels))
        return d * gain if q is None else np.where(q == 0, d * gain, d)


class Refinement:
    def __init__(self, w):
        self.w = w
        self.cumulative = sums(w['tab.freq'])

    def plan(self, codes, step, shape):
        """Returns L and C for each band."""
        w, S = self.w, len(codes)
        e = w['tab.bias'].copy()
        for s in range(min(S, len(w.get('tab.env', [])))):
            e += w['tab.env'][s][codes[s]]
        self.L, self.C = [], []
        for b in range(21):
            level = clamp(4 * (step - 120)
                          + (int(w['tab.shape'][shape]) * int(e[b]) >> 6)
                          + int(w['tab.tilt'][shape][b]), -640, 64)
            G = 0 if S <= 2 else 1 if S <= 5 else 2
            self.L.append(level)
            self.C.append(8 * b // 21 if S == 0 else
                          8 + 12 * G + clamp((int(e[b]) - level + 64) // 24, 0, 11))

    def read(self, coder):
        size = [[0] * 170, [0] * 170]     # |q[h][k]| at k + 8
        q = np.zeros((2, 160), int)
        for h in range(2):
            for k in range(160):
                if coder.cut():
                    return q
                i, now = k + 8, size[h]
                n = 2 * now[i - 1] + now[i - 2]
                if h == 0:
                    p, m = sum(now[k:i]), n // 3
                else:
                    p = size[0][i - 1] + 2 * size[0][i] + size[0][i + 1]
                    m = (n + p) // 7
                shift = max(0, max(m, 1).bit_length() - 4)
                context = ((9 * h + classify(n)) * 9 + classify(p)) * 44 + self.C[BAND[k]]
                a = magnitude(coder, self.cumulative[context], shift)
                now[i] = a
                q[h, k] = -a if a and coder.bits(1) else a
        return q

    def signs(self, codes, last):
        u = 0
        for value in list(codes) + [last]:
            u = (1664525 * u + 1013904223 + int(value)) & 0xffffffff
        drawn = []
        for _ in range(320):
            u = (1664525 * u + 1013904223) & 0xffffffff
            drawn.append(-1 if u >> 31 else 1)
        return np.array(drawn).reshape(2, 160)

    def sound(self, c, q, S, shape, sign):
        w = self.w
        g = w['tab.gain'][S][BAND] / 128
        step = 2.0 ** (np.array(self.L)[BAND] / 32)
        size = np.abs(q)
        recon = (w['tab.recon'][np.minimum(size, 3)] - 128) / 256
        mean, limit = mean_in_bands(c), w['tab.fill'][shape] / 64 * step
        own = limit / np.maximum(mean, 1e-30)
        f = np.where(NOISY, g, np.maximum(g, np.minimum(0.75, own)))
        more = np.where(NOISY, np.minimum(np.abs(1 - g), own), 0)
        zero = self.spread(c, mean, f, more, step / np.where(NOISY, 8, 32), sign)
        zero = np.where(MOVING, f * c, zero)
        return np.where(q != 0, g * c + np.sign(q) * (size + recon) * step, zero)

    def spread(self, c, mean, f, more, doubt, sign):
        x = f * c
        G = x ** 2 / (x ** 2 + doubt ** 2 + 1e-30)
        size = np.abs(c) / 2 + 0.75 * mean
        return G * x + sign * size * np.sqrt(f ** 2 * (1 - G ** 2) + more ** 2)

    def postfilter(self, d, prediction, strength, shape):
        """Returns the postfilter's change of coefficients d, given their prediction."""
        step = 2.0 ** (np.array(self.L)[BAND] / 32)
        x = prediction - d
        moved = strength[:, None] * x / (1 + (x / step * (1 if shape else 2)) ** 2)
        if not shape:
            return moved
        moved = np.where(NOISY, 0, moved)
        before, after = power_in_bands(d), power_in_bands(d + moved)
        return (before / after) ** 0.375 * (d + moved) - d

    def alone(self, c, sign):
        mean = mean_in_bands(c)
        return np.where(MOVING, c, sign * (np.abs(c) / 2 + 0.75 * mean))


# --- The long-term postfilter ---

def look_back(v):
    """Returns the prediction of the hop's window from its past, and the confidence.
    v: 480 samples up to the last complete one of a hop."""
    now, lags = v[320:], np.arange(240)
    then = v[lags[:, None] + np.arange(160)]
    r = then @ now / np.sqrt((now @ now + 1.6e-5) * ((then ** 2).sum(1) + 1.6e-5))
    w = np.exp(32 * (r - r.max()))
    w /= w.sum()
    window = np.zeros(320)
    window[40:280] = w @ v[lags[:, None] + lags]
    return window, max(0, w @ r) / 2


# --- The network and the sound ---

class Decoder:
    def __init__(self, config, w):
        self.config, self.w = config, w
        self.bits = config['codes'].bit_length() - 1
        self.codes, self.refinement, self.levels = Codes(w), Refinement(w), Levels(w)
        self.forget()
        self.forget_postnet()
        t = np.arange(320)
        rise = np.sin(np.pi / 2 * np.sin(np.pi * (t - 39.5) / 160) ** 2)
        half = np.where(t < 40, 0, np.where(t < 120, rise, 1))[:160]
        window = np.concatenate([half, half[::-1]])
        k = np.arange(160)[:, None] + 0.5
        self.basis = np.sqrt(2 / 160) * window * np.cos(np.pi / 160 * (t + 80.5) * k)
        self.overlap = np.zeros(320)      # samples from the packet's start - 120 on
        self.added = np.zeros(320)        # the same of what the postfilter adds
        self.before = np.zeros(320)       # the packet before, without that

    def forget(self):
        c = self.config
        self.history = [np.zeros((c['kernel'] - 1, c['dec_width']))
                        for _ in range(c['dec_blocks'])]

    def forget_postnet(self):
        post = self.config['postnet']
        self.past = [np.zeros((self.config['kernel'] - 1, post['width']))
                     for _ in range(post.get('blocks', 0))]

    def linear(self, name, x):
        return self.w[name + '.w'] @ x + self.w[name + '.b']

    def block(self, net, i, x, history):
        w, name = self.w, '%s.%d.' % (net, i)
        seen = np.vstack([history[i], x])
        history[i] = seen[1:]
        h = (w[name + 'dw.w'].T * seen).sum(0) + w[name + 'dw.b']
        h = (h - h.mean()) / np.sqrt(h.var() + 1e-5)
        h = w[name + 'norm.g'] * h + w[name + 'norm.b']
        h = self.linear(name + 'up', h)
        h = h / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * (h + 0.044715 * h ** 3)))
        return x + w[name + 'scale'] * self.linear(name + 'down', h)

    def base(self, codes, k, prefix):
        """Returns the base layer's coefficients (2, 160); a prefix of k bits may follow."""
        if not codes and not k:
            self.forget()
            return np.zeros((2, 160))
        vectors = [self.w['vq.%d.book' % s][code] for s, code in enumerate(codes)]
        if k:
            wide = 1 << (self.bits - k)
            book = self.w['vq.%d.book' % len(codes)]
            vectors.append(book[prefix * wide:(prefix + 1) * wide].mean(0))
        x = sum(self.linear('vq.%d.out' % s, v) for s, v in enumerate(vectors))
        x = self.linear('dec.in', x)
        for i in range(self.config['dec_blocks']):
            x = self.block('dec', i, x, self.history)
        scale = np.clip(self.linear('dec.scale', x), -8, 3)
        return (self.linear('dec.value', x) * np.exp(scale)).reshape(2, 160)

    def base_only(self, data):
        """Returns codes, and a prefix of k bits: k, prefix."""
        bits, n, stages = Bits(data), self.bits, self.config['stages']
        bits.get(1)
        codes = [bits.get(n) for _ in range(min(stages, bits.left() // n))]
        k = min(n - 1, bits.left()) if len(codes) < stages else 0
        return codes, k, bits.get(k)

    def packet(self, data):
        """Returns 320 samples, and the integers or None."""
        if not data:
            raise Damage
        coder, step = None, 0
        if data[0] >> 7:
            S, shape, k, prefix = data[0] >> 2 & 31, data[0] & 3, 0, 0
            if S > self.config['stages']:
                raise Damage
            coder = Range(data[1:])
            codes = self.codes.read(coder, S)
            whole = len(codes) == S
            if whole and shape != 3:
                step = self.codes.step(coder)
                whole = step is not None
            coder = coder if whole else None
        else:
            codes, k, prefix = self.base_only(data)
        base = c = self.base(codes, k, prefix)
        q = levels = None
        if coder:
            if shape != 3:
                self.refinement.plan(codes, step, shape)
                q = self.refinement.read(coder)
            if shape and S:
                levels = self.levels.read(coder, q, S)
            coder.close()
        sign = self.refinement.signs(codes, prefix if q is None else step)
        if q is None:
            c = self.refinement.alone(c, sign)
        else:
            c = self.refinement.sound(c, q, S, shape, sign)
        if levels:
            c = self.levels.sound(c, levels, q)
        plain, self.overlap = self.inverse(c, self.overlap)
        u = np.concatenate([self.before, plain])
        window, strength = zip(*(look_back(u[160 * h:160 * h + 480]) for h in (0, 1)))
        prediction, strength = np.array(window) @ self.basis.T, np.array(strength)
        change = np.zeros((2, 160))
        kind = 2 if q is not None else 1 if levels else 0
        if self.past and kind and not (kind == 2 and shape == 0):
            change = self.postnet(c, base, prediction, strength, q, kind, len(codes))
        else:
            self.forget_postnet()
            if q is not None:
                change = self.refinement.postfilter(c, prediction, strength, shape)
        self.before = plain
        more, self.added = self.inverse(change, self.added)
        return plain + more, q

    def postnet(self, d, base, prediction, strength, q, kind, S):
        """Returns the post-network's change of coefficients d (2, 160)."""
        root = np.sqrt(mean_in_bands(d ** 2) + 1e-10)
        step = 2.0 ** (np.array(self.refinement.L) / 32) if kind == 2 else np.ones(21)
        coded = q != 0 if kind == 2 else np.zeros((2, 160), bool)
        parts = [2 * x / (root + np.abs(x)) for x in (d, base, prediction)] + [coded]
        parts += [0.3 * np.log(root[:, EDGE[:21]]) + 1]
        parts += [(0.3 * np.log(step) + 1) * (kind == 2), strength, np.eye(4)[kind]]
        x = np.concatenate([np.ravel(p) for p in parts] + [[S / 8, 0, 0]])
        x = self.linear('post.in', x)
        for i in range(len(self.past)):
            x = self.block('post', i, x, self.past)
        u, v, w = self.linear('post.out', x).reshape(3, 2, 160)
        drawn = v * (prediction - d) + w * (base - d)
        near = np.clip(step[BAND] / 2 * u + drawn, -step[BAND], step[BAND])
        rest = np.where(coded, 0, d)
        size = np.sqrt(sum_in_bands(rest ** 2) / (sum_in_bands(~coded) + 1e-3))
        y = d + size * u + drawn
        y = np.where(MOVING, y, np.where(d < 0, -1, 1) * np.abs(y))
        y = np.where(coded, 0, y)
        had, has = sum_in_bands(rest ** 2).sum(0), sum_in_bands(y ** 2).sum(0)
        gain = np.minimum(10, np.sqrt((had + 1e-10) / (has + 1e-10)))
        return np.where(coded, near, gain * y - d)

    def inverse(self, c, overlap):
        """Returns 320 samples, and the overlap for the next packet."""
        sound = np.zeros(640)
        sound[:320] = overlap
        sound[0:320] += c[0] @ self.basis
        sound[160:480] += c[1] @ self.basis
        return sound[40:360], sound[320:]


def main(weights, stream, out, integers=None, plain=None):
    config, model_id, w = read_weights(weights)
    if plain:
        config['postnet'] = {}
    stream_id, skip, trim, packets = read_tlc(stream)
    assert stream_id in (bytes(32), bytes.fromhex(model_id)), 'made with other weights'
    decoder = Decoder(config, w)
    decoded = [decoder.packet(p) for p in packets]
    pcm = np.concatenate([np.zeros(0)] + [sound for sound, q in decoded])
    pcm = pcm[skip:max(skip, len(pcm) - trim)]
    pcm.astype('<f4').tofile(out)
    if integers:
        with open(integers, 'w') as file:
            for _, q in decoded:
                print(*([] if q is None else q.ravel()), file=file)


if __name__ == '__main__':
    main(*sys.argv[1:])
