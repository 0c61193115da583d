#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_robust.py - the codec on sounds it was not tuned on: levels, lines, noise, rooms, music.

    python3 tests/bench/bench_robust.py build/kernels/libtelu.so WEIGHTS --data FOLDER \\
        [--noise FOLDER] [--files 8] [--rates 3.2,6,16]

FOLDER holds 16 kHz mono recordings of speech (flac, wav); every second one is left out, as in
bench_quality.py --half 1. The folder of --noise holds noise*.flac and rir*.flac (room impulse
responses). A table on stdout has for each kind of sound and rate, in dB,

    level   energy of the decoded sound over the original's; both in silence: the decoded one's
            level below full scale
    worst   greatest level of a 20 ms frame over the loudest of the original's three around it,
            frames above -50 dB of full scale: a howl or a burst would show here

and PESQ (pip install pesq) where the original is speech. The original is what the encoder gets.
Ends with status 1 when a burst exceeds 6 dB.
"""
import argparse
import ctypes
import pathlib
import sys

import numpy as np
import scipy.signal
import soundfile

RATE, PACKET, DELAY = 16000, 320, 80
SECONDS = 5
rng = np.random.default_rng(1)


# --- The codec, through its library ---

class Rate(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ('bitrate', 'mode', 'tune', 'refinement',
                                                  'highpass')]
    _fields_ += [('reserved', ctypes.c_int * 3)]


class Codec:
    def __init__(self, library, weights):
        t = self.telu = ctypes.CDLL(library)
        for name in ('telu_model_open', 'telu_encoder_new', 'telu_decoder_new'):
            getattr(t, name).restype = ctypes.c_void_p
        t.telu_error.restype = ctypes.c_char_p
        t.telu_rate_init.restype = Rate
        t.telu_encode.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                                  ctypes.c_size_t]
        t.telu_decode.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
                                  ctypes.c_void_p]
        self.model = ctypes.c_void_p(t.telu_model_open(weights.encode()))
        if not self.model:
            sys.exit(t.telu_error().decode())

    def __call__(self, x, kbps):
        t = self.telu
        enc = ctypes.c_void_p(t.telu_encoder_new(self.model, None))
        dec = ctypes.c_void_p(t.telu_decoder_new(self.model, None))
        rate = t.telu_rate_init()
        rate.bitrate = round(1000 * kbps)
        if t.telu_encoder_set(enc, ctypes.byref(rate)):
            sys.exit(t.telu_error().decode())
        packets = -(-(len(x) + DELAY) // PACKET)
        pcm = np.zeros(packets * PACKET, np.float32)
        pcm[:len(x)] = x
        out, packet = np.zeros_like(pcm), (ctypes.c_uint8 * 1000)()
        for at in range(0, 4 * len(pcm), 4 * PACKET):
            n = t.telu_encode(enc, pcm.ctypes.data + at, packet, 1000)
            if n < 0 or t.telu_decode(dec, packet, n, out.ctypes.data + at):
                sys.exit(t.telu_error().decode())
        t.telu_encoder_free(enc)
        t.telu_decoder_free(dec)
        return out[DELAY:DELAY + len(x)]


# --- Sounds: each a list of (signal, 1 when speech) ---

def peak(x, db):
    return x * 10 ** (db / 20) / np.max(np.abs(x))


def band(x, low, high):
    return scipy.signal.sosfilt(scipy.signal.butter(6, [low, high], 'band', fs=RATE,
                                                    output='sos'), x)


def mixed(x, noise, db):
    noise = np.resize(noise, len(x))
    return x + noise * np.sqrt(np.mean(x ** 2) / np.mean(noise ** 2)) * 10 ** (-db / 20)


def sung():
    """A vowel with vibrato that climbs two octaves."""
    t = np.arange(SECONDS * RATE) / RATE
    pitch = 110 * 4 ** (t / SECONDS) * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    x = sum(np.sin(k * phase) / k * (k * pitch < 7600) for k in range(1, 60))
    for f in (600, 1200, 2600):
        x = x + 2 * scipy.signal.lfilter(*scipy.signal.iirpeak(f, 6, fs=RATE), x)
    return x


def chords():
    """Plucked chords, as on hold."""
    x, t = np.zeros(SECONDS * RATE), np.arange(RATE) / RATE
    for i in range(2 * SECONDS - 1):
        root = 220 * 2 ** (rng.integers(0, 12) / 12)
        note = sum(np.sin(2 * np.pi * root * r * k * t) / k * np.exp(-3 * k * t)
                   for r in (1, 1.26, 1.5) for k in range(1, 8))
        x[i * RATE // 2:i * RATE // 2 + RATE] += note[:len(x) - i * RATE // 2]
    return x


def clicks():
    x = np.zeros(SECONDS * RATE)
    x[::RATE // 3] = 0.8
    return x


def sounds(speech, noise):
    t = np.arange(SECONDS * RATE) / RATE
    voice = [peak(x, -6) for x in speech]
    young = [peak(scipy.signal.resample_poly(x, 3, 4), -6) for x in speech]
    all_ = {f'peak at {db} dB': [peak(x, db) for x in speech] for db in (-40, -20, 0)}
    all_['clipped by 12 dB'] = [np.clip(peak(x, 12), -1, 1) for x in speech]
    all_['telephone band'] = [peak(band(x, 300, 3400), -6) for x in speech]
    all_['a third higher, for children'] = young
    all_['two voices'] = [peak(a + np.resize(b, len(a)), -6)
                          for a, b in zip(voice, voice[1:] + voice[:1])]
    for path in noise:
        x = soundfile.read(path)[0].astype(float)
        x = x if x.ndim == 1 else x[:, 0]
        if path.name.startswith('rir'):
            all_['room, ' + path.stem] = [peak(np.convolve(v, x)[:len(v)], -6) for v in voice]
        else:
            all_['noise at 10 dB, ' + path.stem] = [peak(mixed(v, x, 10), -6) for v in voice]
    kinds = {name: [(x, 1) for x in xs] for name, xs in all_.items()}
    for name, x in (('sung vowel', peak(sung(), -6)), ('chords', peak(chords(), -6)),
                    ('440 Hz', 0.5 * np.sin(2 * np.pi * 440 * t)),
                    ('3150 Hz', 0.5 * np.sin(2 * np.pi * 3150 * t)),
                    ('white noise', 0.1 * rng.standard_normal(len(t))), ('clicks', clicks()),
                    ('offset of 0.1', np.full(len(t), 0.1)), ('silence', np.zeros(len(t)))):
        kinds[name] = [(x, 0)]
    return kinds


# --- Measures ---

def frames_db(x):
    f = x[:len(x) // PACKET * PACKET].reshape(-1, PACKET)
    return 10 * np.log10(np.mean(f ** 2, axis=1) + 1e-12)


def measure(x, y):
    """Returns level and worst frame, in dB; an offset is no sound."""
    x = x - (np.mean(x) if np.std(x) < 1e-6 else 0)
    if not np.any(x):
        return 10 * np.log10(np.mean(y ** 2) + 1e-12), float(np.max(frames_db(y)) > -50) * 99
    a, b = frames_db(x), frames_db(y)
    around = np.maximum.reduce([np.roll(a, 1), a, np.roll(a, -1)])
    loud = b > -50
    level = 10 * np.log10(np.sum(y ** 2) / np.sum(x ** 2))
    return level, float(np.max((b - around)[loud], initial=-99))


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('library')
    p.add_argument('weights')
    p.add_argument('--data', required=True, type=pathlib.Path)
    p.add_argument('--noise', type=pathlib.Path)
    p.add_argument('--files', type=int, default=8)
    p.add_argument('--rates', default='3.2,6,16')
    o = p.parse_args()
    rates = [float(r) for r in o.rates.split(',')]
    codec = Codec(o.library, o.weights)
    files = sorted(f for f in o.data.rglob('*') if f.suffix in ('.flac', '.wav'))[1::2]
    files = files[::max(1, len(files) // o.files)][:o.files]
    speech = [soundfile.read(f)[0].astype(float) for f in files]
    noise = sorted(f for f in o.noise.glob('*.flac')) if o.noise else []
    try:
        from pesq import pesq
    except ImportError:
        pesq = None
        print('PESQ is left out: pip install pesq', file=sys.stderr)

    bad = 0
    print('| level / worst / PESQ | ' + ' | '.join(f'{r:g} kbit/s' for r in rates) + ' |')
    print('|---' * (len(rates) + 1) + '|')
    for name, items in sounds(speech, noise).items():
        cells = []
        for kbps in rates:
            level, worst, quality = [], [], []
            for x, is_speech in items:
                x = np.asarray(x, np.float32)
                y = codec(x, kbps)
                assert np.all(np.isfinite(y)), name
                one = measure(x.astype(float), y.astype(float))
                level.append(one[0])
                worst.append(one[1])
                if pesq and is_speech:
                    quality.append(pesq(RATE, x, np.clip(y, -1, 1), 'wb'))
            mean, most = np.mean(level), max(worst)
            bad += most > 6
            cells.append(f'{mean:+.1f} / {most:+.1f}' +
                         (f' / {np.mean(quality):.2f}' if quality else ''))
        print('| ' + name + ' | ' + ' | '.join(cells) + ' |', flush=True)
    sys.exit(bool(bad))


if __name__ == '__main__':
    main()
