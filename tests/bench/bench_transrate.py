#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_transrate.py - quality of packets made smaller: prints a row of a Markdown table for each
pair of bit rates and each way to the lower one.

    PYTHONPATH=kernels/python TELUCODEC_LIBRARY=build/kernels/libtelu.so \\
        TELUCODEC_MODEL=trainer/models/telucodec-te-16k.safetensors \\
        python3 tests/bench/bench_transrate.py FOLDER [--pairs 24000:12000,16000:9000]
        [--half 1] [--limit FILES]

The ways: an encoder of the lower rate; telu_transrate(); decoding and encoding; packets cut to
the lower rate's share of their bytes. Means of kbit/s, PESQ-WB (ITU-T P.862.2), STOI and, where
visqol-python is installed, ViSQOL 3 in speech mode. Needs what bench_cut.py needs, too.
"""
import numpy as np
import pesq
import pystoi
import soundfile
import telucodec

from bench_cut import files_of, parser_of

try:
    from visqol import VisqolApi
except ImportError:
    VisqolApi = None


def encode(x, bitrate):
    return telucodec.encode(x, bitrate=bitrate)


def direct(x, _, low):
    return encode(x, low)


def transrated(x, high, low):
    transrater = telucodec.Transrater(bitrate=low)
    return [transrater.transrate(packet) for packet in encode(x, high)]


def tandem(x, high, low):
    return encode(telucodec.decode(encode(x, high), samples=len(x)), low)


def cut(x, high, low):
    return [packet[:max(1, len(packet) * low // high)] for packet in encode(x, high)]


WAYS = (('encoded', direct), ('transrated', transrated), ('decoded and encoded', tandem),
        ('cut', cut))


def make_visqol():
    api = VisqolApi()
    api.create(mode='speech', use_lattice_model=True)
    return lambda x, y: api.measure_from_arrays(x, y, sample_rate=16000).moslqo


def judge(x, packets, visqol):
    y = telucodec.decode(packets, samples=len(x))
    kbps = sum(map(len, packets)) * 8 / (len(packets) * 20)
    return (kbps, pesq.pesq(16000, x, y, 'wb'), pystoi.stoi(x, y, 16000),
            visqol(x, y) if visqol else np.nan)


def main():
    p = parser_of(__doc__)
    p.add_argument('--pairs', default='24000:12000,16000:12000,16000:9000,16000:6000,9000:4000',
                   type=lambda text: [tuple(map(int, pair.split(':'))) for pair in text.split(',')])
    a = p.parse_args()
    sounds = [soundfile.read(path, dtype='float32')[0] for path in files_of(a)]
    visqol = VisqolApi and make_visqol()
    print('| bit/s | way | kbit/s | PESQ | STOI | ViSQOL |\n|---|---|---|---|---|---|')
    for high, low in a.pairs:
        for name, way in WAYS:
            rows = [judge(x, way(x, high, low), visqol) for x in sounds]
            print('| %d to %d | %s | %.2f | %.2f | %.3f | %.2f |'
                  % (high, low, name, *np.mean(rows, 0)), flush=True)


if __name__ == '__main__':
    main()
