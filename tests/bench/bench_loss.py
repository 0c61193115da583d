#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_loss.py - quality of speech under packet loss: prints rows of a Markdown table.

    GST_PLUGIN_PATH=build/gst python3 tests/bench/bench_loss.py build/tests/bench/bench_loss \
        FOLDER [--rates 16,12,9] [--losses 0,10,20] [--bursts 1.2,3] [--only told,FEC]
        [--limit FILES] [--jobs N] [--plcmos] [--libopus libopus.so.0]

Every file of FOLDER goes through bench_loss (see there) with each of chains(), losing the same
packets of each: so many percent, in bursts of that mean length, 1 for independent losses. Means of
PESQ-WB (ITU-T P.862.2), STOI and, with --plcmos, PLCMOS v2 (PyPI's speechmos); kbit/s is RTP
payload. --libopus adds Opus by a library from 1.5 on, with what the elements leave out of it
(libopus.py). The decoded file is aligned by whole samples at the peak of the cross-correlation.
Needs numpy, scipy, soundfile, pesq, pystoi.
"""
import argparse
import multiprocessing
import pathlib
import subprocess
import tempfile

import libopus
import numpy as np
import pesq
import pystoi
import scipy.signal
import soundfile

OURS = 'telucodecenc bitrate={} ! rtptelucodecpay {} !! rtptelucodecdepay ! telucodecdec'
OPUS = ('opusenc bitrate={} audio-type=voice complexity=10 frame-size=20 {}! rtpopuspay !! '
        'rtpopusdepay ! opusdec plc=true {}')


def chains(kbps, library):
    """Pipelines of about so many kbit/s of payload, by name; of libopus its arguments instead."""
    rate, head = kbps * 1000, kbps * 1000 - 3000
    name = libopus.version(library) if library else ''
    newer = {f'{name} {kbps} with FEC': (library, rate, 1),
             f'{name} {kbps} alone': (library, rate, 0)} if library else {}
    return newer | {
        f'telucodec {kbps}, told the losses': 'telucodecenc bitrate={} packet-loss-percentage=LOSS '
        'packet-loss-run=RUN ! rtptelucodecpay !! rtptelucodecdepay ! telucodecdec'.format(rate),
        f'telucodec {kbps - 3}, redundancy=6': OURS.format(head, ''),
        f'telucodec {kbps - 3}, redundancy=6, distance 3': OURS.format(head,
                                                                      'redundancy-distance=3'),
        f'telucodec {kbps}, redundancy=0': OURS.format(rate, 'redundancy=0'),
        f'Opus {kbps}, in-band FEC': OPUS.format(rate, 'inband-fec=true '
                                                 'packet-loss-percentage=LOSS ',
                                                 'use-inband-fec=true'),
        f'Opus {kbps}': OPUS.format(rate, '', ''),
    }


def aligned(x, y, most=1600):
    n = min(len(x), len(y))
    c = scipy.signal.correlate(y[:n], x[:n], 'full', method='fft')[n - 1 - most:n + most]
    lag = int(np.argmax(c)) - most
    x, y = (x, y[lag:]) if lag >= 0 else (x[-lag:], y)
    n = min(len(x), len(y))
    return x[:n], y[:n]


def plcmos_of(y):
    from speechmos import plcmos
    return plcmos.run(y.clip(-1, 1).astype(np.float32), 16000)['plcmos']


def one(job):
    program, path, seed, chain, loss, burst, with_plcmos = job
    mean = burst if burst > 1 else 1 / (1 - loss / 100)
    x = soundfile.read(path)[0]
    if isinstance(chain, tuple):
        library, rate, fec = chain
        y, *out = libopus.run(library, x, rate, fec, loss, mean, seed)
    else:
        with tempfile.TemporaryDirectory() as tmp:
            out = subprocess.run([program, str(loss), str(mean), str(seed), path, tmp + '/y.wav',
                                  chain.replace('LOSS', str(max(1, round(loss))))
                                  .replace('RUN', str(burst))],
                                 check=True, capture_output=True, text=True).stdout.split()
            y = soundfile.read(tmp + '/y.wav')[0]
    x, y = aligned(x, y.astype(float))
    return [float(v) for v in out] + [pesq.pesq(16000, x, y, 'wb'), pystoi.stoi(x, y, 16000)] + (
        [plcmos_of(y)] if with_plcmos else [])


def numbers(text):
    return [float(v) for v in text.split(',')]


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('program')
    p.add_argument('folder')
    p.add_argument('--rates', type=numbers, default=[16.0])
    p.add_argument('--losses', type=numbers, default=[0, 1, 3, 5, 10, 20])
    p.add_argument('--bursts', type=numbers, default=[1.2, 3])
    p.add_argument('--only', type=lambda text: text.split(','), default=[''])
    p.add_argument('--limit', type=int, default=0)
    p.add_argument('--jobs', type=int, default=None)
    p.add_argument('--plcmos', action='store_true')
    p.add_argument('--libopus', default='')
    a = p.parse_args()
    files = sorted(str(f) for f in pathlib.Path(a.folder).rglob('*.flac'))
    files = files[::max(1, len(files) // a.limit)][:a.limit] if a.limit else files
    print('| codec | loss, burst | kbit/s | lost | PESQ | STOI |' + ' PLCMOS |' * a.plcmos)
    print('|---|---|---|---|---|---|' + '---|' * a.plcmos)
    with multiprocessing.Pool(a.jobs) as pool:
        for burst in a.bursts:
            for loss in a.losses:
                for name, chain in [c for k in a.rates for c in chains(int(k), a.libopus).items()
                                    if any(o in c[0] for o in a.only)]:
                    r = np.array(pool.map(one, [(a.program, path, i, chain, loss, burst, a.plcmos)
                                                for i, path in enumerate(files)]))
                    rate = r[:, 0].sum() * 8 / (r[:, 1].sum() * 20)
                    print(f'| {name} | {loss:g} %, {burst:g} | {rate:.1f} | '
                          f'{100 * r[:, 2].sum() / r[:, 1].sum():.1f} % | {r[:, 3].mean():.2f} | '
                          f'{r[:, 4].mean():.3f} |' +
                          (f' {r[:, 5].mean():.2f} |' if a.plcmos else ''), flush=True)


if __name__ == '__main__':
    main()
