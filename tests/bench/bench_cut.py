#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_cut.py - quality where packets are cut: prints a row of a Markdown table for each size.

    PYTHONPATH=kernels/python TELUCODEC_LIBRARY=build/kernels/libtelu.so \
        TELUCODEC_MODEL=trainer/models/telucodec-te-16k.safetensors \
        python3 tests/bench/bench_cut.py FOLDER [--bitrate 11000] [--every 3]
        [--sizes 8,10,12,18,24] [--half 1] [--limit FILES]

Of every packet with a number that --every divides the decoder gets only so many bytes, as if a
head of it came; 1 cuts all of them. Means of PESQ-WB (ITU-T P.862.2), STOI and PLCMOS v2.
Needs what bench_loss.py needs.
"""
import argparse
import pathlib

import numpy as np
import pesq
import pystoi
import soundfile
import telucodec

from bench_loss import plcmos_of


def cut_and_decode(x, bitrate, every, size):
    encoder, decoder = telucodec.Encoder(bitrate=bitrate), telucodec.Decoder()
    packets = encoder.encode(x) + encoder.finish()
    return np.concatenate([decoder.decode(p[:size] if k and k % every == 0 else p)
                           for k, p in enumerate(packets)])


def judge(path, bitrate, every, size):
    x = soundfile.read(path, dtype='float32')[0]
    y = cut_and_decode(x, bitrate, every, size)[telucodec.DELAY:][:len(x)]
    return (pesq.pesq(16000, x, y, 'wb'), pystoi.stoi(x, y, 16000), plcmos_of(y))


def parser_of(doc):
    p = argparse.ArgumentParser(description=doc.split('\n')[0])
    p.add_argument('folder', type=pathlib.Path)
    p.add_argument('--half', type=int, choices=(0, 1))
    p.add_argument('--limit', type=int, default=0)
    return p


def files_of(a):
    """Returns the files that the arguments of parser_of() name."""
    files = sorted(a.folder.rglob('*.flac'))
    files = files if a.half is None else files[a.half::2]
    return files[::max(1, len(files) // a.limit)][:a.limit] if a.limit else files


def main():
    p = parser_of(__doc__)
    p.add_argument('--bitrate', type=int, default=11000)
    p.add_argument('--every', type=int, default=3)
    p.add_argument('--sizes', type=lambda text: [int(n) for n in text.split(',')],
                   default=[8, 10, 12, 18, 24])
    a = p.parse_args()
    files = files_of(a)
    print('| bytes | PESQ | STOI | PLCMOS |\n|---|---|---|---|')
    for size in a.sizes:
        rows = [judge(path, a.bitrate, a.every, size) for path in files]
        print('| %d | %.2f | %.3f | %.2f |' % (size, *np.mean(rows, 0)), flush=True)


if __name__ == '__main__':
    main()
