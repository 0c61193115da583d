#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_hum.py - what hum of 50 Hz and its harmonics costs, and what a filter before the encoder
would gain.

    python3 tests/bench/bench_hum.py build/kernels/libtelu.so WEIGHTS --data FOLDER [--files 6]

FOLDER holds 16 kHz mono recordings of speech (flac, wav). Hum is 50 Hz at 1 % or 10 % of full scale
with harmonics up to 350 Hz. A table on stdout has for each rate, hum and filter

    SNR     of the decoded sound to what the encoder got, without the hum, from 100 Hz on,
            4 Hz around each multiple of 50 left out up to 1 kHz: in dB
    clean   the same to the recording itself: a filter that turns the phase loses here
    LSD     distance of the levels of 11 bands in frames of speech: in dB
"""
import argparse
import pathlib

import numpy as np
import scipy.signal
import soundfile

from bench_robust import Codec, RATE

EDGES = (200, 400, 600, 800, 1000, 1300, 1700, 2200, 3000, 4000, 5500, 7500)
HUM = ((50, 1.0, 0.0), (100, 0.5, 1.0), (150, 0.4, 2.0), (250, 0.2, 0.5), (350, 0.1, 1.7))


def high_pass(order, hz):
    sos = scipy.signal.butter(order, hz, 'high', fs=RATE, output='sos')
    return lambda x: scipy.signal.sosfilt(sos, x)


def notches(x):
    for hz, _, _ in HUM:
        x = scipy.signal.lfilter(*scipy.signal.iirnotch(hz, hz / 6, RATE), x)
    return x


FILTERS = {'none': lambda x: x, '50 Hz, order 2': high_pass(2, 50),
           '80 Hz, order 2': high_pass(2, 80), '80 Hz, order 4': high_pass(4, 80),
           'notches of 6 Hz': notches}


def snr(want, got):
    hz = np.fft.rfftfreq(len(want), 1 / RATE)
    kept = hz >= 100
    for line in range(50, 1000, 50):
        kept &= abs(hz - line) > 4
    signal, error = np.fft.rfft(want)[kept], np.fft.rfft(got - want)[kept]
    return 10 * np.log10(sum(abs(signal) ** 2) / sum(abs(error) ** 2))


def lsd(want, got):
    hz, _, a = scipy.signal.stft(want, RATE, nperseg=512)
    b = scipy.signal.stft(got, RATE, nperseg=512)[2]
    energy = (abs(a) ** 2).sum(0)
    speech = energy > 1e-3 * energy.max()
    far = [10 * np.log10(((abs(y[k][:, speech]) ** 2).sum(0) + 1e-9))
           for y in (b, a) for k in ((hz >= lo) & (hz < hi) for lo, hi in zip(EDGES, EDGES[1:]))]
    far = np.array(far).reshape(2, len(EDGES) - 1, -1)
    return np.sqrt(((far[0] - far[1]) ** 2).mean())


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('library')
    p.add_argument('weights')
    p.add_argument('--data', required=True)
    p.add_argument('--files', type=int, default=6)
    p.add_argument('--rates', default='6,16')
    o = p.parse_args()
    codec = Codec(o.library, o.weights)
    files = sorted(f for f in pathlib.Path(o.data).rglob('*') if f.suffix in ('.flac', '.wav'))
    files = files[::max(1, len(files) // o.files)][:o.files]
    print('kbit/s  hum    filter           SNR    clean  LSD')
    for kbps in (float(r) for r in o.rates.split(',')):
        for percent in (0, 1, 10):
            for name, run in FILTERS.items():
                rows = []
                for f in files:
                    s = soundfile.read(f, dtype='float32')[0][:4 * RATE]
                    t = np.arange(len(s)) / RATE
                    hum = sum(a * np.sin(2 * np.pi * hz * t + p) for hz, a, p in HUM)
                    out = codec(run(s + percent / 100 * hum), kbps)
                    rows.append((snr(run(s), out), snr(s, out), lsd(s, out)))
                print('%5g  %3d %%   %-15s  %5.2f  %5.2f  %4.2f'
                      % (kbps, percent, name, *np.mean(rows, 0)), flush=True)


if __name__ == '__main__':
    main()
