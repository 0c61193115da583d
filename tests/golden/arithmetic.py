# SPDX-License-Identifier: LGPL-2.1-or-later
"""arithmetic.py - float32 as FORMAT.md, "Arithmetic", orders it, in numpy.

numpy rounds each product, sum, quotient and root by itself, but adds a row in an order of its own.
So sums are loops here, and constants are float32 from the start.
"""
import numpy as np

F = np.float32
EPSILON = F(1e-5)


def add_up(terms, first=None):
    """Adds the terms along the first axis, one after the other; `first` goes before them."""
    terms = np.asarray(terms, F)
    total = np.zeros(terms.shape[1:], F) if first is None else np.full(terms.shape[1:], first, F)
    for term in terms:
        total = total + term
    return total


def add_up_16(x):
    """Adds a row in 16 sums: sum j takes x[j], x[j + 16], ..."""
    x = np.concatenate([x, np.zeros(-len(x) % 16, F)])
    return add_up(add_up(x.reshape(-1, 16)))


def exp(x):
    x = np.minimum(np.maximum(np.atleast_1d(x), F(-87)), F(88))
    n = np.rint(x * F(1.44269504))
    r = (x - n * F(0.693359375)) + n * F(2.12194440e-4)
    p = F(0.00139304355)
    for c in (0.00833345205, 0.0416665795, 0.166666657, 0.5, 1, 1):
        p = F(c) + r * p
    return np.ldexp(p, n.astype(int))


def log(x):
    """Returns ln x; x is normal and finite."""
    u = np.atleast_1d(x).view(np.uint32) - np.uint32(0x3f3504f3)
    e = (u.view(np.int32) >> 23).astype(F)
    m = ((u & np.uint32(0x7fffff)) + np.uint32(0x3f3504f3)).view(F) - F(1)
    z = m * m
    p = F(7.0376836292e-2)
    for c in (-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
              -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1):
        p = F(c) + m * p
    return e * F(0.693359375) + (m + (z * (m * p) - F(0.5) * z - e * F(2.12194440e-4)))


# --- Layers ---

def quantise_weights(w):
    """Returns integers (O, I) and the scales of a matrix."""
    most = np.abs(w).max(1)
    s = np.where(most < F(1e-30), F(0), most / F(127))
    return np.rint(w / np.where(s > 0, s, F(1))[:, None]).astype(np.int64) * (s > 0)[:, None], s


def layer(w, name, x):
    """Multiplies in integers; w holds quantised matrices under NAME.w."""
    (W, s), most = w[name + '.w'], np.abs(x).max()
    if most < F(1e-30):
        return F(0) * s + w[name + '.b']
    q = np.rint(x * (F(2047) / most)).astype(np.int64)
    return (W @ q).astype(F) * ((most / F(2047)) * s) + w[name + '.b']


def float_layer(w, name, x):
    b = w[name + '.b']
    return add_up(np.concatenate([b[None], x[:, None] * w[name + '.w'].T]))


def gelu(x):
    u = F(0.79788456) * (x + F(0.044715) * x * x * x)
    return x / (F(1) + exp(F(-2) * u))


def norm(w, name, x):
    n = F(len(x))
    d = x - add_up_16(x) / n
    scale = F(1) / np.sqrt(add_up_16(d * d) / n + EPSILON)
    return w[name + '.g'] * (d * scale) + w[name + '.b']


def block(w, name, x, history):
    """x (C) -> x, and the history (taps - 1, C) of the next packet."""
    seen = np.concatenate([history, x[None]])
    h = add_up(np.concatenate([w[name + '.dw.b'][None], w[name + '.dw.w'].T * seen]))
    h = norm(w, name + '.norm', h)
    h = layer(w, name + '.down', gelu(layer(w, name + '.up', h)))
    return x + w[name + '.scale'] * h, seen[1:]


# --- The transform ---

def make_window():
    t = np.arange(160)
    rise = np.sin(np.pi / 2 * np.sin(np.pi * (t - 39.5) / 160) ** 2)
    half = np.where(t < 40, 0, np.where(t < 120, rise, 1))
    return np.concatenate([half, half[::-1]]).astype(F)


WINDOW = make_window()
COSINES = (np.sqrt(2 / 160) * np.cos(np.pi / 160 * (np.arange(160)[:, None] + 0.5)
                                     * (np.arange(160) + 0.5))).astype(F)


def dct(x):
    """DCT-IV of rows (rows, 160)."""
    return add_up(x.T[:, :, None] * COSINES[:, None, :])


def mdct(x):
    """Samples (hops, 320) -> coefficients (hops, 160)."""
    z = WINDOW * x
    return dct(np.concatenate([-z[:, 239:159:-1] - z[:, 240:], z[:, :80] - z[:, 159:79:-1]], 1))


def imdct(c):
    """Coefficients (hops, 160) -> samples (160 (hops + 1)), overlapped and added."""
    v = dct(c)
    z = np.concatenate([v[:, 80:], -v[:, :79:-1], -v[:, 79::-1], -v[:, :80]], 1)
    sound = np.zeros(160 * (len(c) + 1), F)
    for h, x in enumerate(WINDOW * z):
        sound[160 * h:160 * h + 320] += x
    return sound
