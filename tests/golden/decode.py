#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""decode.py - an independent decoder, written from kernels/FORMAT.md without the C code.

    python3 decode.py weights.safetensors in.tlc out.f32 [q.txt [plain]]

Writes the samples as raw 32-bit floats, little-endian, and to q.txt, unless it is empty, the
refined packets' integers, one line per packet. "plain" leaves the post-network out. Integers are
Python's; network and synthesis compute in float32 in the order of FORMAT.md (arithmetic.py), so
the samples are those of every other decoder, bit for bit. A lost or damaged packet is an error,
since FORMAT.md does not prescribe concealment. Needs numpy.
"""
import bisect
import sys

import numpy as np

from arithmetic import F, add_up, add_up_16, block, exp, float_layer, imdct, layer, log, mdct
from containers import Bits, read_tlc, read_weights

EDGE = [0, 4, 8, 12, 16, 20, 23, 26, 30, 34, 38,
        44, 50, 57, 64, 73, 84, 95, 108, 123, 140, 160]
BAND = [b for b in range(21) for _ in range(EDGE[b], EDGE[b + 1])]
NOISY = np.array(BAND) >= 16
MOVING = np.array(BAND) < 10


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


def sum_in_bands(x, first=None):
    """Adds x (2, 160) over each band of each hop: (2, 21)."""
    return np.stack([add_up(x[:, EDGE[b]:EDGE[b + 1]].T, first) for b in range(21)], 1)


def mean_in_bands(x):
    return sum_in_bands(x) / np.diff(EDGE).astype(F)


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
        self.expected = np.zeros(21, F)

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
        return k[2:]

    def expect(self, d, base):
        """Learns from d, with levels, which levels a cut packet is to have."""
        powers = [[add_up(band * band) + F(1e-9) * F(len(band)) + F(1e-30) for band in in_bands(x)]
                  for x in (d, base)]
        steps = F(0.6) * (F(0.96179669) * (log(np.array(powers[0])) - log(np.array(powers[1]))))
        self.expected = np.minimum(np.maximum(steps, F(-4)), F(5))

    def sound(self, d, levels, q):
        twice = np.array(EDGE[:-1]) + EDGE[1:] - 1       # twice the middles of the bands
        k, b, v = np.arange(160), np.array(BAND), np.array(levels)
        to = np.clip(np.where(2 * k < twice[b], b - 1, b + 1), 0, 20)
        part = (2 * k - twice[b]).astype(F) / np.where(to == b, 1, twice[to] - twice[b]).astype(F)
        x = v[b].astype(F) + (v[to] - v[b]).astype(F) * part
        gain = np.where(x == 0, F(1), exp(F(0.519860385) * x))
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
        L = np.array(self.L)
        self.step = np.ldexp((2 ** ((L & 31) / 32)).astype(F), L >> 5)

    def read(self, coder):
        """Returns the integers, and how many are known if the packet was cut."""
        known = 0
        size = [[0] * 170, [0] * 170]     # |q[h][k]| at k + 8
        q = np.zeros((2, 160), int)
        for h in range(2):
            for k in range(160):
                if coder.cut():
                    return q, known
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
                known += coder.pos <= len(coder.data) + 3
        return q, known

    def signs(self, codes, last):
        u = 0
        for value in list(codes) + [last]:
            u = (1664525 * u + 1013904223 + int(value)) & 0xffffffff
        drawn = []
        for _ in range(320):
            u = (1664525 * u + 1013904223) & 0xffffffff
            drawn.append(-1 if u >> 31 else 1)
        return np.array(drawn, F).reshape(2, 160)

    def sound(self, c, q, S, shape, sign):
        w, step = self.w, self.step[BAND]
        g = (w['tab.gain'][S] / 128).astype(F)
        recon = ((w['tab.recon'] - 128) / 256).astype(F)[np.minimum(np.abs(q), 3)]
        mean, limit = mean_in_bands(np.abs(c)), F(w['tab.fill'][shape] / 64) * self.step
        above = np.arange(21) >= 16
        m = np.where(above, np.abs(F(1) - g), F(0.75))
        m = np.where(m * mean > limit, limit / np.where(mean > 0, mean, F(1)), m)
        m = np.where(above, m, np.maximum(g, m))[:, BAND]
        mean, g = mean[:, BAND], g[BAND]
        zero = self.spread(c, mean, np.where(NOISY, g, m), np.where(NOISY, m, F(0)),
                           step / np.where(NOISY, F(8), F(32)), sign)
        zero = np.where(MOVING, m * c, zero)
        v = (np.abs(q).astype(F) + recon) * step
        return np.where(q != 0, g * c + np.sign(q).astype(F) * v, zero)

    def spread(self, c, mean, f, more, doubt, sign):
        x, p = f * c, doubt * doubt + F(1e-30)
        rest = p / (x * x + p)
        G = F(1) - rest
        size = F(0.5) * np.abs(c) + F(0.75) * mean
        return G * x + sign * (size * np.sqrt(f * f * (F(1) + G) * rest + more * more))

    def postfilter(self, d, a, strength, shape):
        """Returns the postfilter's change of coefficients d, given their prediction a."""
        x = a - d
        r = x * (F(1 if shape else 2) * (F(1) / self.step)[BAND])
        D = np.where(r * r < F(1e30), strength[:, None] * x / (F(1) + r * r), F(0))
        if not shape:
            return D
        D = np.where(NOISY, F(0), D)
        before = sum_in_bands(d * d, F(1e-20))
        after = sum_in_bands((d + D) * (d + D), F(1e-20))
        root = np.sqrt(np.sqrt(before / after))
        bounded = (before < F(1e30)) & (after < F(1e30))
        gain = np.where(bounded, root * np.sqrt(root), F(1))[:, BAND]
        return gain * (d + D) - d

    def alone(self, c, sign):
        mean = mean_in_bands(np.abs(c))[:, BAND]
        return np.where(MOVING, c, sign * (F(0.5) * np.abs(c) + F(0.75) * mean))


# --- The long-term postfilter ---

def look_back(v):
    """Returns the prediction of the hop's window from its past, and the confidence.
    v: 480 samples up to the last complete one of a hop."""
    now, lags = v[320:], np.arange(240)
    then = v[lags + np.arange(160)[:, None]]             # (160, 240)
    energy = add_up(now * now, F(1.6e-5))
    r = add_up(now[:, None] * then) / np.sqrt(energy * (add_up(then * then) + F(1.6e-5)))
    w = exp(F(32) * (r - r.max()))
    w = w / add_up_16(w)
    window = np.zeros(320, F)
    window[40:280] = add_up(w[:, None] * v[lags[:, None] + lags])
    return window, F(0.5) * np.maximum(add_up_16(w * r), F(0))


# --- The network and the sound ---

class Decoder:
    def __init__(self, config, w):
        self.config, self.w = config, w
        self.bits = config['codes'].bit_length() - 1
        self.codes, self.refinement, self.levels = Codes(w), Refinement(w), Levels(w)
        self.forget()
        self.forget_postnet()
        self.tail = np.zeros(80, F)       # overlaps the next packet
        self.change_tail = np.zeros(80, F)               # that of the correction
        self.before = np.zeros(320, F)    # the packet before, without that

    def forget(self):
        c = self.config
        self.history = [np.zeros((c['kernel'] - 1, c['dec_width']), F)
                        for _ in range(c['dec_blocks'])]

    def forget_postnet(self):
        post = self.config['postnet']
        self.past = [np.zeros((self.config['kernel'] - 1, post['width']), F)
                     for _ in range(post.get('blocks', 0))]

    def base(self, codes, k, prefix):
        """Returns the base layer's coefficients (2, 160); a prefix of k bits may follow."""
        if not codes and not k:
            self.forget()
            return np.zeros((2, 160), F)
        w = self.w
        vectors = [w['vq.%d.book' % s][code] for s, code in enumerate(codes)]
        if k:
            wide = 1 << (self.bits - k)
            book = w['vq.%d.book' % len(codes)]
            vectors.append(add_up(book[prefix * wide:(prefix + 1) * wide]) / F(wide))
        x = add_up([float_layer(w, 'vq.%d.out' % s, v) for s, v in enumerate(vectors)])
        x = layer(w, 'dec.in', x)
        for i, past in enumerate(self.history):
            x, self.history[i] = block(w, 'dec.%d' % i, x, past)
        scale = np.minimum(np.maximum(layer(w, 'dec.scale', x), F(-8)), F(3))
        return (layer(w, 'dec.value', x) * exp(scale)).reshape(2, 160)

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
        coder, step, cut, known = None, 0, False, 0
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
            cut = not whole and shape > 0 and S > 0
        else:
            codes, k, prefix = self.base_only(data)
        base = c = self.base(codes, k, prefix)
        q = levels = None
        if coder:
            if shape != 3:
                self.refinement.plan(codes, step, shape)
                q, known = self.refinement.read(coder)
            if shape and S:
                levels = self.levels.read(coder, q, S)
                cut = coder.cut()
            coder.close()
        if cut:
            levels = None
            q = q if known else None
        late = (np.arange(320) >= known).reshape(2, 160)       # behind the cut, if there is one
        if cut and q is not None:
            q[late] = 0
        alone = self.refinement.alone(base, self.refinement.signs(codes, prefix))
        if q is None:
            c = alone
        else:
            c = self.refinement.sound(c, q, S, shape, self.refinement.signs(codes, step))
        if levels:
            c = self.levels.sound(c, levels, q)
            self.levels.expect(c, base)
        if cut:
            c = np.where(late, self.levels.sound(alone, self.levels.expected, None), c)
        wave = imdct(c)[40:]
        plain = wave[:320].copy()
        plain[:80] += self.tail
        self.tail = wave[320:400]
        u = np.concatenate([self.before, plain])
        window, strength = zip(*(look_back(u[160 * h:160 * h + 480]) for h in (0, 1)))
        prediction, strength = mdct(np.array(window)), np.array(strength)
        change = np.zeros((2, 160), F)
        kind = 2 if q is not None else 1 if levels or cut else 0
        if self.past and kind and not (kind == 2 and shape == 0):
            change = self.postnet(c, base, prediction, strength, q, kind, len(codes))
        else:
            self.forget_postnet()
            if q is not None:
                change = self.refinement.postfilter(c, prediction, strength, shape)
        self.before = plain
        heard = plain.copy()
        heard[:80] += self.change_tail
        wave = imdct(change)[40:]
        self.change_tail = wave[320:400]
        return heard + wave[:320], q

    def postnet(self, d, base, a, strength, q, kind, S):
        """Returns the post-network's change of coefficients d (2, 160); a: the prediction."""
        w = self.w
        root = np.sqrt(mean_in_bands(d * d) + F(1e-10))
        step = self.refinement.step if kind == 2 else np.ones(21, F)
        coded = q != 0 if kind == 2 else np.zeros((2, 160), bool)
        scaled = [x * (F(1) / root)[:, BAND] for x in (d, base, a)]
        parts = [F(2) * x / (F(1) + np.abs(x)) for x in scaled] + [coded]
        parts += [F(0.3) * log(root.ravel()) + F(1)]
        parts += [(F(0.3) * log(step) + F(1)) * F(kind == 2), strength, np.eye(4)[kind]]
        x = np.concatenate([np.ravel(p) for p in parts] + [[S / 8, 0, 0]]).astype(F)
        x = layer(w, 'post.in', x)
        for i, past in enumerate(self.past):
            x, self.past[i] = block(w, 'post.%d' % i, x, past)
        o, to_a, to_base = layer(w, 'post.out', x).reshape(3, 2, 160)
        most = step[BAND]
        near = F(0.5) * most * o + to_a * (a - d) + to_base * (base - d)
        near = np.minimum(np.maximum(near, -most), most)
        rest = np.where(coded, F(0), d)
        count = sum_in_bands((~coded).astype(F))
        size = np.sqrt(sum_in_bands(rest * rest) / (count + F(1e-3)))[:, BAND]
        y = d + size * o + to_a * (a - d) + to_base * (base - d)
        y = np.where(np.abs(y) < F(1e15), y, d)
        y = np.where(MOVING, y, np.where(d < 0, F(-1), F(1)) * np.abs(y))
        y = np.where(coded, F(0), y)
        gain = np.array([self.restore(in_bands(rest)[b], in_bands(y)[b]) for b in range(21)])
        y = np.where(np.arange(160) < 150, gain[BAND] * y, F(0))
        return np.where(coded, near, y - d)

    def restore(self, had, has):
        """Returns the gain that gives `has` the energy of `had`."""
        energy = add_up(had * had, F(1e-10)) / add_up(has * has, F(1e-10))
        return np.minimum(F(10), np.sqrt(energy))


def main(weights, stream, out, integers=None, plain=None):
    config, model_id, w = read_weights(weights)
    if plain:
        config['postnet'] = {}
    stream_id, skip, trim, packets = read_tlc(stream)
    assert stream_id in (bytes(32), bytes.fromhex(model_id)), 'made with other weights'
    decoder = Decoder(config, w)
    decoded = [decoder.packet(p) for p in packets]
    pcm = np.concatenate([np.zeros(0, F)] + [sound for sound, q in decoded])
    pcm = pcm[skip:max(skip, len(pcm) - trim)]
    assert pcm.dtype == F
    pcm.astype('<f4').tofile(out)
    if integers:
        with open(integers, 'w') as file:
            for _, q in decoded:
                print(*([] if q is None else q.ravel()), file=file)


if __name__ == '__main__':
    main(*sys.argv[1:])
