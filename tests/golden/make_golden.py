#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make_golden.py - makes a tiny weight file, and the results of its network.

The network is written with numpy from FORMAT.md and the op headers, without the C code, in
float32 in the order that they state. tests/codec/test_golden.c compares the two, bit for bit. Run
it again only when the format changes:

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

import containers
import decode
from arithmetic import F, add_up, block, exp, float_layer, imdct, layer, log, mdct

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


# --- Weights: name -> array as stored ---

stored = {}


def put(name, dtype, array):
    array = np.asarray(array)
    if dtype == "BF16":
        bits = array.astype("<f4").view("<u4").astype(np.uint64)
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16         # to nearest even
        data = bits.astype("<u2")
    else:
        kinds = {"F32": "<f4", "I16": "<i2", "U16": "<u2", "U8": "u1"}
        data = array.astype(kinds[dtype])
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
    stored["post.out.b"][1][20:40] = 3    # a correction beyond the step
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


# --- The network ---

def transform(pcm):
    """Hop h sees samples [160 h - 120, 160 h + 200); zeros outside the sound."""
    padded = np.concatenate([np.zeros(120, F), pcm, np.zeros(200, F)])
    hops = [padded[HOP * h:HOP * h + 2 * HOP] for h in range(2 * PACKETS)]
    return mdct(np.array(hops)).reshape(PACKETS, 2 * HOP)


def hear(coefs):
    """Returns the packets' samples, from -80 on."""
    return imdct(coefs.reshape(2 * PACKETS, HOP))[120 - 80:][:2 * HOP * PACKETS]


def compand(x):
    return np.concatenate([F(3) * np.sign(x) * np.sqrt(np.abs(x) + F(1e-6)),
                           F(0.2) * log(np.abs(x) + F(1e-4)) + F(1)])


class Network:
    """A network of blocks, called for one packet after the other."""

    def __init__(self, w, net):
        self.w, self.net = w, net
        width = CONFIG[net + "_width"]
        self.past = [np.zeros((CONFIG["kernel"] - 1, width), F)
                     for _ in range(CONFIG[net + "_blocks"])]

    def run(self, x):
        x = layer(self.w, self.net + ".in", x)
        for i, past in enumerate(self.past):
            x, self.past[i] = block(self.w, f"{self.net}.{i}", x, past)
        return x


def encode(w, coefs):
    net = Network(w, "enc")
    return np.array([layer(w, "enc.out", net.run(compand(c))) for c in coefs])


def head(w, x):
    scale = layer(w, "dec.scale", x)
    return scale, layer(w, "dec.value", x) * exp(np.minimum(np.maximum(scale, F(-8)), F(3)))


def decode_network(w, latent):
    net = Network(w, "dec")
    scales, out = zip(*(head(w, net.run(x)) for x in latent))
    assert np.min(scales) < -8 and np.max(scales) > 3
    return np.array(out)


def nearest(z, book):
    """Returns the index of the nearest row, the lowest of equal ones."""
    return np.argmin(add_up(((z - book) * (z - book)).T))


def quantise(w, latent, stages, bits):
    """Returns codes of the first stages, a prefix of `bits` bits of the next one, and the sum."""
    rest, total, codes = latent, np.zeros_like(latent), []
    for s in range(stages + (bits > 0)):
        book = w[f"vq.{s}.book"]
        if s == stages:        # nodes: means of the codes that share their first bits
            wide = len(book) >> bits
            book = add_up(book.reshape(1 << bits, wide, -1).transpose(1, 0, 2)) / F(wide)
        codes.append(nearest(float_layer(w, f"vq.{s}.in", rest), book))
        v = float_layer(w, f"vq.{s}.out", book[codes[-1]])
        rest, total = rest - v, total + v
    return codes, total


def quantise_all(w, latent, stages, bits):
    codes, totals = zip(*(quantise(w, x, stages, bits) for x in latent))
    return np.array(codes), np.array(totals)


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


def alone(w, coefs, codes):
    """Dequantises packets of a base layer alone."""
    refinement = decode.Refinement(w)
    return np.array([refinement.alone(c.reshape(2, HOP), refinement.signs(row, 0))
                     for c, row in zip(coefs, codes)])


def main():
    put_all()
    put_postnet()
    path = os.path.join(here, "tiny.safetensors")
    write_weights(path)
    _, _, w = containers.read_weights(path)
    pcm = voice()
    coefs = transform(pcm)
    latent = encode(w, coefs)
    codes, total = quantise_all(w, latent, CONFIG["stages"], 0)
    some, partial = quantise_all(w, latent, SPLIT, PREFIX_BITS)
    assert (some[:, :SPLIT] == codes[:, :SPLIT]).all()
    out = decode_network(w, total)
    with open(os.path.join(here, "golden.bin"), "wb") as f:
        for array, dtype in ((pcm, "<f4"), (coefs, "<f4"), (latent, "<f4"),
                             (codes, "<i4"), (total, "<f4"), (some[:, SPLIT], "<i4"),
                             (partial, "<f4"), (out, "<f4"), (hear(out), "<f4"),
                             (hear(alone(w, out, codes)), "<f4")):
            assert array.dtype == F or dtype == "<i4"
            f.write(np.ascontiguousarray(array).astype(dtype).tobytes())


if __name__ == "__main__":
    main()
