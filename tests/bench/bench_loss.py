#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_loss.py - quality of speech under packet loss: prints rows of a Markdown table.

    GST_PLUGIN_PATH=build/gst python3 tests/bench/bench_loss.py build/tests/bench/bench_loss \
        FOLDER [LOSS ...]

Every file of FOLDER goes through bench_loss (see there) with each of CHAINS, losing the same
packets of each: LOSS percent, 0 1 3 5 10 20 by default, for each burst of BURSTS. Means of
PESQ-WB (ITU-T P.862.2) and STOI; kbit/s is RTP payload. The decoded file is aligned by whole
samples at the peak of the cross-correlation. Needs numpy, scipy, soundfile, pesq, pystoi.
"""
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pesq
import pystoi
import scipy.signal
import soundfile

OURS = 'telucodecenc bitrate={} ! rtptelucodecpay {} !! rtptelucodecdepay ! telucodecdec'
OPUS = ('opusenc bitrate=16000 audio-type=voice complexity=10 frame-size=20 {}! rtpopuspay !! '
        'rtpopusdepay ! opusdec plc=true {}')
CHAINS = {
    'telucodec 16, told the losses': 'telucodecenc bitrate=16000 packet-loss-percentage=LOSS '
                                     'packet-loss-run=RUN ! rtptelucodecpay !! '
                                     'rtptelucodecdepay ! telucodecdec',
    'telucodec 13, redundancy=6': OURS.format(13000, ''),
    'telucodec 13, redundancy=6, distance 3': OURS.format(13000, 'redundancy-distance=3'),
    'telucodec 16, redundancy=0': OURS.format(16000, 'redundancy=0'),
    'Opus 16, in-band FEC': OPUS.format('inband-fec=true packet-loss-percentage=LOSS ',
                                        'use-inband-fec=true'),
    'Opus 16': OPUS.format('', ''),
}
BURSTS = [1.2, 3]


def aligned(x, y, most=1600):
    n = min(len(x), len(y))
    c = scipy.signal.correlate(y[:n], x[:n], 'full', method='fft')[n - 1 - most:n + most]
    lag = int(np.argmax(c)) - most
    x, y = (x, y[lag:]) if lag >= 0 else (x[-lag:], y)
    n = min(len(x), len(y))
    return x[:n], y[:n]


def one(job):
    program, path, seed, chain, loss, burst = job
    with tempfile.TemporaryDirectory() as tmp:
        out = subprocess.run([program, str(loss), str(burst), str(seed), path, tmp + '/y.wav',
                              chain.replace('LOSS', str(max(1, round(loss))))
                              .replace('RUN', str(burst))],
                             check=True, capture_output=True, text=True).stdout.split()
        x, y = aligned(soundfile.read(path)[0], soundfile.read(tmp + '/y.wav')[0])
    return [float(v) for v in out] + [pesq.pesq(16000, x, y, 'wb'), pystoi.stoi(x, y, 16000)]


def main():
    program, folder = sys.argv[1:3]
    files = sorted(str(p) for p in pathlib.Path(folder).rglob('*.flac'))
    print('| codec | loss, burst | kbit/s | lost | PESQ | STOI |\n|---|---|---|---|---|---|')
    with multiprocessing.Pool() as pool:
        for burst in BURSTS:
            for loss in [float(v) for v in sys.argv[3:]] or [0, 1, 3, 5, 10, 20]:
                for name, chain in CHAINS.items():
                    r = np.array(pool.map(one, [(program, path, i, chain, loss, burst)
                                                for i, path in enumerate(files)]))
                    rate = r[:, 0].sum() * 8 / (r[:, 1].sum() * 20)
                    print(f'| {name} | {loss:g} %, {burst:g} | {rate:.1f} | '
                          f'{100 * r[:, 2].sum() / r[:, 1].sum():.1f} % | {r[:, 3].mean():.2f} | '
                          f'{r[:, 4].mean():.3f} |', flush=True)


if __name__ == '__main__':
    main()
