#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make_golden.py - makes a tiny weight file, and the results of its network.

The network is written with numpy from FORMAT.md and the op headers, in double, without the C
code. tests/codec/test_golden.c compares the two. Run it again only when the format changes:

    python3 make_golden.py          writes tiny.safetensors and golden.bin beside itself

golden.bin: float32 and int32, little-endian, for P = 12 packets, in this order:
  pcm      (320 P)       the sound, from its first sample
  coefs    (P, 320)      its MDCT
  latent   (P, 16)       encoder network
  codes    (P, 4) int32  residual VQ
  sum      (P, 16)       what the codes decode to
  prefix   (P) int32     two codes and two bits of the third: the bits
  partial  (P, 16)       what they decode to
  out      (P, 320)      decoder network on `sum`
  sound    (320 P)       its inverse MDCT, samples from -80 on
  heard    (320 P)       the decoder's: with signs by chance from band 10 on
"""
import hashlib
import json
import os
import struct

import numpy as np

PACKETS, HOP = 12, 160
CONFIG = {
    "enc_width": 24, "enc_blocks": 2, "dec_width": 32, "dec_blocks": 2, "kernel": 7,
    "expand": 2, "latent": 16, "stages": 4, "codes": 16, "dim": [8, 8, 4, 4],
    "env_stages": 2,
}
POSTNET = {"width": 12, "blocks": 2}
BANDS, CONTEXTS, SYMBOLS, RATES = 21, 2 * 9 * 9 * 44, 18, 12
KINDS, LEVELS, GROUPS = 7, 10, 16
SPLIT, PREFIX_BITS = 2, 2

rng = np.random.default_rng(20)
here = os.path.dirname(os.path.abspath(__file__))


# --- Weights: name -> array as stored, and as the double that it stands for ----------

stored, value = {}, {}


def put(name, dtype, array):
    array = np.asarray(array)
    if dtype == "BF16":
        bits = array.astype("<f4").view("<u4").astype(np.uint64)
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16         # to nearest even
        data = bits.astype("<u2")
        value[name] = (data.astype("<u4") << 16).view("<f4").astype(np.float64)
    else:
        kinds = {"F32": "<f4", "I16": "<i2", "U16": "<u2", "U8": "u1"}
        data = array.astype(kinds[dtype])
        value[name] = data.astype(np.float64)
    stored[name] = (dtype, data)


def put_linear(name, dtype, out, inputs, gain=1.0):
    put(name + ".w", dtype, gain * rng.standard_normal((out, inputs)) / np.sqrt(inputs))
    put(name + ".b", "F32", 0.1 * rng.standard_normal(out))


def put_block(name, width):
    put(name + ".dw.w", "F32", 0.4 * rng.standard_normal((width, CONFIG["kernel"])))
    put(name + ".dw.b", "F32", 0.1 * rng.standard_normal(width))
    put(name + ".norm.g", "F32", 1.0 + 0.2 * rng.standard_normal(width))
    put(name + ".norm.b", "F32", 0.1 * rng.standard_normal(width))
    put_linear(name + ".up", "BF16", CONFIG["expand"] * width, width)
    put_linear(name + ".down", "BF16", width, CONFIG["expand"] * width)
    put(name + ".scale", "F32", 0.5 + 0.2 * rng.standard_normal(width))


def put_all():
    """Puts all tensors, in the order of the file."""
    put_linear("enc.in", "BF16", CONFIG["enc_width"], 4 * HOP)
    for i in range(CONFIG["enc_blocks"]):
        put_block(f"enc.{i}", CONFIG["enc_width"])
    put_linear("enc.out", "BF16", CONFIG["latent"], CONFIG["enc_width"])
    for s, dim in enumerate(CONFIG["dim"]):
        put_linear(f"vq.{s}.in", "F32", dim, CONFIG["latent"])
        put_linear(f"vq.{s}.out", "F32", CONFIG["latent"], dim, 0.6)
        put(f"vq.{s}.book", "F32", rng.standard_normal((CONFIG["codes"], dim)))
    put_linear("dec.in", "BF16", CONFIG["dec_width"], CONFIG["latent"])
    for i in range(CONFIG["dec_blocks"]):
        put_block(f"dec.{i}", CONFIG["dec_width"])
    put_linear("dec.value", "BF16", 2 * HOP, CONFIG["dec_width"])
    # Wide enough that the head's clamp is met at both ends.
    put_linear("dec.scale", "BF16", 2 * HOP, CONFIG["dec_width"], 3.0)

    # The tables have their own generator, and none is flat: a wrong index must be audible.
    dice = np.random.default_rng(22)
    stages, codes = CONFIG["stages"], CONFIG["codes"]
    put("tab.bias", "I16", dice.integers(-220, -100, BANDS))
    put("tab.env", "I16", dice.integers(-80, 81, (CONFIG["env_stages"], codes, BANDS)))
    put("tab.gain", "U8", dice.integers(32, 129, (stages + 1, BANDS)))
    odds = np.exp(-np.arange(SYMBOLS) / dice.uniform(0.3, 8, (CONTEXTS, 1)))
    odds /= odds.sum(1, keepdims=True)
    freq = 1 + np.floor(odds * (32768 - SYMBOLS)).astype(int)
    freq[:, 0] += 32768 - freq.sum(1)
    put("tab.freq", "U16", freq)
    put("tab.recon", "U8", [128, 96, 112, 120])
    put("tab.shape", "U8", [0, 16, 32, 48])
    put("tab.fill", "U8", [0, 8, 16, 32])
    split = np.tile(np.minimum(np.arange(RATES) // 2, CONFIG["stages"]), (2, 1))
    split[0, 2] = 254                     # base layer and levels at 4 kbit/s
    put("tab.split", "U8", split)
    put("tab.tilt", "I16", dice.integers(-48, 25, (4, BANDS)))
    odds = np.random.default_rng(23).dirichlet(np.full(LEVELS, 0.7), KINDS * 7 * BANDS)
    odds = 0.6 * odds + 0.4 * (np.arange(LEVELS) == 4)       # levels of 0 fit into a packet
    freq = 1 + np.floor(odds * (32768 - LEVELS)).astype(int)
    freq[np.arange(len(freq)), freq.argmax(1)] += 32768 - freq.sum(1)
    put("tab.level", "U16", freq)
    dice = np.random.default_rng(24)
    put("tab.group", "U8", dice.integers(0, GROUPS, codes))
    odds = dice.dirichlet(np.full(codes, 0.5), 1 + (stages - 1) * GROUPS)
    freq = 1 + np.floor(odds * (32768 - codes)).astype(int)
    freq[np.arange(len(freq)), freq.argmax(1)] += 32768 - freq.sum(1)
    put("tab.code", "U16", freq)
    put("tab.lambda", "F32", dice.uniform(0, 0.004, stages))


def put_postnet():
    """Puts a gentle post-network, like a trained one; some outputs reach a bound of its change."""
    global rng
    kept, rng = rng, np.random.default_rng(25)
    put_linear("post.in", "BF16", POSTNET["width"], 1352)
    for i in range(POSTNET["blocks"]):
        put_block(f"post.{i}", POSTNET["width"])
    put_linear("post.out", "BF16", 6 * HOP, POSTNET["width"], 0.02)
    bias = value["post.out.b"]
    bias[20:40] = 3                       # a correction beyond the step
    put("post.out.b", "F32", bias)
    rng = kept


def write_weights(path):
    def bytes_of(post):
        return b"".join(data.tobytes() for name, (_, data) in stored.items()
                        if name.startswith("post.") == post)

    tensors = bytes_of(False) + bytes_of(True)
    header = {"__metadata__": {
        "format": "telucodec", "version": "4", "config": json.dumps(CONFIG),
        "model_id": hashlib.sha256(bytes_of(False)).hexdigest(),
        "postnet": json.dumps(POSTNET),
        "postnet_id": hashlib.sha256(bytes_of(True)).hexdigest(),
        "training": "none: random numbers for tests", "licence": "LGPL-2.1-or-later",
    }}
    at = 0
    for name, (dtype, data) in stored.items():
        header[name] = {"dtype": dtype, "shape": list(data.shape),
                        "data_offsets": [at, at + data.nbytes]}
        at += data.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + tensors)


# --- The network ----------------------------------------------------------------------

def window():
    t = np.arange(HOP)
    slope = np.sin(np.pi / 2 * np.sin(np.pi * (t - 40 + 0.5) / 160) ** 2)
    half = np.where(t < 40, 0.0, np.where(t < 120, slope, 1.0))
    return np.concatenate([half, half[::-1]])


def basis():
    t, k = np.arange(2 * HOP)[:, None], np.arange(HOP)[None, :]
    angle = np.pi / HOP * (t + 0.5 + HOP / 2) * (k + 0.5)
    return np.sqrt(2 / HOP) * window()[:, None] * np.cos(angle)


def mdct(pcm):
    """Hop h sees samples [160 h - 120, 160 h + 200); zeros outside the sound."""
    padded = np.concatenate([np.zeros(120), pcm, np.zeros(200)])
    hops = [padded[HOP * h:HOP * h + 2 * HOP] @ basis() for h in range(2 * PACKETS)]
    return np.array(hops).reshape(PACKETS, 2 * HOP)


def imdct(coefs):
    """Returns samples from -120 on."""
    sound = np.zeros((2 * PACKETS + 1) * HOP)
    for h, x in enumerate(coefs.reshape(2 * PACKETS, HOP)):
        sound[HOP * h:HOP * h + 2 * HOP] += basis() @ x
    return sound


def compand(x):
    return np.concatenate([3 * np.sign(x) * np.sqrt(np.abs(x) + 1e-6),
                           0.2 * np.log(np.abs(x) + 1e-4) + 1], axis=1)


def linear(name, x):
    return x @ value[name + ".w"].T + value[name + ".b"]


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def block(name, x):
    """x (P, C): all packets at once, with a history of zeros."""
    taps = CONFIG["kernel"]
    past = np.concatenate([np.zeros((taps - 1, x.shape[1])), x])
    y = value[name + ".dw.b"] + sum(past[k:k + len(x)] * value[name + ".dw.w"][:, k]
                                    for k in range(taps))
    y = (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 1e-5)
    y = value[name + ".norm.g"] * y + value[name + ".norm.b"]
    y = linear(name + ".down", gelu(linear(name + ".up", y)))
    return x + value[name + ".scale"] * y


def encode(coefs):
    x = linear("enc.in", compand(coefs))
    for i in range(CONFIG["enc_blocks"]):
        x = block(f"enc.{i}", x)
    return linear("enc.out", x)


def decode(latent):
    x = linear("dec.in", latent)
    for i in range(CONFIG["dec_blocks"]):
        x = block(f"dec.{i}", x)
    scale = linear("dec.scale", x)
    assert scale.min() < -8 and scale.max() > 3
    return linear("dec.value", x) * np.exp(np.clip(scale, -8, 3))


def nearest(z, book):
    """Returns the rows' nearest codes, and asserts that float32 cannot choose others."""
    dist = ((z[:, None, :] - book[None, :, :]) ** 2).sum(2)
    best = np.sort(dist, 1)
    assert (best[:, 1] - best[:, 0] > 1e-4 * best[:, 1]).all(), "a tie: another seed"
    return dist.argmin(1)


def quantise(latent, stages, bits):
    """Returns codes of the first stages, and a prefix of `bits` bits of the next one."""
    rest, codes = latent.copy(), []
    for s in range(stages + (bits > 0)):
        book = value[f"vq.{s}.book"]
        if s == stages:        # nodes: means of the codes that share their first bits
            book = book.reshape(1 << bits, -1, book.shape[1]).mean(1)
        codes.append(nearest(linear(f"vq.{s}.in", rest), book))
        rest -= linear(f"vq.{s}.out", book[codes[-1]])
    return np.array(codes).T, latent - rest


def voice():
    """Makes pulses of rising pitch through two resonances, loud and soft, with a pause."""
    n = HOP * 2 * PACKETS
    phase = np.cumsum(100 + 60 * np.arange(n) / n) / 16000
    x = (np.diff(np.floor(phase), prepend=0) > 0) + 0.01 * rng.standard_normal(n)
    for f, r in ((500, 0.98), (1700, 0.96)):
        y = np.zeros(n + 2)
        for i in range(n):
            y[i] = x[i] + 2 * r * np.cos(2 * np.pi * f / 16000) * y[i - 1] \
                - r * r * y[i - 2]
        x = y[:n]
    x *= np.repeat([0, 1, 1, 0.5, 0.02, 0, 0, 1, 1, 2, 0.1, 1], 2 * HOP)
    return (0.5 * x / np.abs(x).max()).astype("<f4")


def alone(coefs, codes):
    """Dequantises a base layer alone: FORMAT.md, Sound."""
    y = coefs.copy()
    edges = [38, 44, 50, 57, 64, 73, 84, 95, 108, 123, 140, 160]
    for p, row in enumerate(codes):
        u = 0
        for code in [*row, 0]:            # the prefix: none
            u = (1664525 * u + 1013904223 + int(code)) % 2 ** 32
        for h in range(2):
            for k in range(HOP):
                u = (1664525 * u + 1013904223) % 2 ** 32
                if k < edges[0]:
                    continue
                b = np.searchsorted(edges, k, "right")
                mean = np.abs(coefs[p, HOP * h + edges[b - 1]:HOP * h + edges[b]]).mean()
                c = coefs[p, HOP * h + k]
                size = abs(c) / 2 + 0.75 * mean
                y[p, HOP * h + k] = -size if u >> 31 else size
    return y


def main():
    put_all()
    put_postnet()
    write_weights(os.path.join(here, "tiny.safetensors"))
    pcm = voice()
    coefs = mdct(pcm.astype(np.float64))
    latent = encode(coefs)
    codes, total = quantise(latent, CONFIG["stages"], 0)
    some, partial = quantise(latent, SPLIT, PREFIX_BITS)
    assert (some[:, :SPLIT] == codes[:, :SPLIT]).all()
    out = decode(total)
    sound = imdct(out)[120 - 80:][:2 * HOP * PACKETS]
    heard = imdct(alone(out, codes))[120 - 80:][:2 * HOP * PACKETS]
    with open(os.path.join(here, "golden.bin"), "wb") as f:
        for array, dtype in ((pcm, "<f4"), (coefs, "<f4"), (latent, "<f4"),
                             (codes, "<i4"), (total, "<f4"), (some[:, SPLIT], "<i4"),
                             (partial, "<f4"), (out, "<f4"), (sound, "<f4"),
                             (heard, "<f4")):
            f.write(np.ascontiguousarray(array).astype(dtype).tobytes())


if __name__ == "__main__":
    main()
