#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench_quality.py - sound against bitrate: TeluCodec, Opus and other codecs on the same files.

    GST_PLUGIN_PATH=build/gst python3 tests/bench/bench_quality.py --data FOLDER \\
        --svg quality.svg --peer 'Lyra v2=3.2,6,9.2=python3 lyra.py {in} {out} --kbps {kbps}'

FOLDER holds 16 kHz mono recordings (flac, wav). Each is coded file to file: TeluCodec by the
elements, its whole .tlc counted; Opus by opusenc and opusdec where they are installed, its packets
alone counted, and by a library of a later version (libopus.py); a peer by its command, at the
bitrate that it claims. The decoded sound is aligned by whole samples at the peak of the
cross-correlation, and measured by

    PESQ      ITU-T P.862.2, wideband            pip install pesq
    STOI                                         pip install pystoi
    ViSQOL    version 3, speech mode             pip install "visqol-python[lattice]"
    DNSMOS    P.835, overall, no reference       pip install speechmos onnxruntime
    DistillMOS                no reference       pip install distillmos torch
    SNR, level                                   nothing more; in the table alone
    phone, word error (recognise.py)             pip install pocketsphinx; with --recognise, alone

level is the decoded sound over the original in dB, 32 ms frames within 30 dB of the loudest: mean
(rms) in five bands.
A measure that is not installed is left out, with a word. The table on stdout has means with 95 %
confidence (bootstrap over the files); the SVG draws them. --half 0 or 1 takes each second file:
constants are tuned on half 0 and reported on half 1.
"""
import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault('OMP_NUM_THREADS', '1')
import libopus
import numpy as np
import scipy.signal
import soundfile

RATE = 16000
COLOURS = ['#c0392b', '#2471a3', '#1e8449', '#7d3c98', '#b9770e', '#566573']


# --- Codecs: (wav, kbit/s, folder) -> bytes, samples ---

def run(*argv):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit('%s: %s' % (shlex.join(map(str, argv)), done.stderr.decode(errors='replace')))


def telucodec(wav, kbps, folder, properties=()):
    run('gst-launch-1.0', '-q', 'filesrc', f'location={wav}', '!', 'wavparse', '!', 'audioconvert',
        '!', 'telucodecenc', f'bitrate={round(1000 * kbps)}', *properties, '!', 'telucodecmux',
        '!', 'filesink', f'location={folder}/t.tlc')
    run('gst-launch-1.0', '-q', 'filesrc', f'location={folder}/t.tlc', '!', 'telucodecparse', '!',
        'telucodecdec', '!', 'audioconvert', '!', 'audio/x-raw,format=S16LE', '!', 'wavenc', '!',
        'filesink', f'location={folder}/t.wav')
    return os.path.getsize(folder / 't.tlc'), folder / 't.wav'


def ogg_packets_size(data):
    """Bytes of the packets after Opus's two header pages."""
    total, at, page = 0, 0, 0
    while data[at:at + 4] == b'OggS':
        segments = data[at + 26]
        body = sum(data[at + 27:at + 27 + segments])
        total += body if page >= 2 else 0
        at += 27 + segments + body
        page += 1
    return total


def opus(wav, kbps, folder):
    run('opusenc', '--quiet', '--bitrate', kbps, '--framesize', 20, '--comp', 10, wav,
        folder / 'o.opus')
    run('opusdec', '--quiet', '--rate', RATE, folder / 'o.opus', folder / 'o.wav')
    return ogg_packets_size((folder / 'o.opus').read_bytes()), folder / 'o.wav'


def libopus_of(library):
    def newer(wav, kbps, folder):
        y, size = libopus.code(library, load(wav), round(1000 * kbps))
        soundfile.write(str(folder / 'n.wav'), y.clip(-1, 1), RATE, subtype='PCM_16')
        return size, folder / 'n.wav'
    return newer


def peer_of(command):
    def peer(wav, kbps, folder):
        out = folder / 'p.wav'
        run(*[a.replace('{in}', str(wav)).replace('{out}', str(out)).replace('{kbps}', str(kbps))
              for a in shlex.split(command)])
        return kbps * 125 * len(load(out)) / RATE, out
    return peer


# --- Measures: (original, decoded) -> number ---

def measures(recognises):
    found = {}
    if recognises:
        import recognise
        return {'phone error, %': recognise.errors(phones=True),
                'word error, %': recognise.errors(phones=False)}
    try:
        import pesq
        found['PESQ'] = lambda x, y: pesq.pesq(RATE, x, y, 'wb')
    except ImportError:
        print('PESQ is left out: pip install pesq', file=sys.stderr)
    try:
        import pystoi
        found['STOI'] = lambda x, y: pystoi.stoi(x, y, RATE)
    except ImportError:
        print('STOI is left out: pip install pystoi', file=sys.stderr)
    try:
        from visqol import VisqolApi
        api = VisqolApi()
        api.create(mode='speech', use_lattice_model=True)
        found['ViSQOL'] = lambda x, y: api.measure_from_arrays(x, y, sample_rate=RATE).moslqo
    except ImportError:
        print('ViSQOL is left out: pip install "visqol-python[lattice]"', file=sys.stderr)
    try:
        from speechmos import dnsmos
        found['DNSMOS'] = lambda x, y: dnsmos.run(np.clip(y, -1, 1), RATE)['ovrl_mos']
    except ImportError:
        print('DNSMOS is left out: pip install speechmos onnxruntime', file=sys.stderr)
    try:
        import distillmos
        import torch
        net = distillmos.ConvTransformerSQAModel()
        net.eval()

        def distil(x, y):
            with torch.no_grad():
                return net(torch.tensor(y, dtype=torch.float32)[None]).numpy().ravel()[0]
        found['DistillMOS'] = distil
    except ImportError:
        print('DistillMOS is left out: pip install distillmos torch', file=sys.stderr)
    if not found:
        sys.exit('no measure is installed: expected at least pesq or pystoi')
    found['SNR, dB'] = lambda x, y: 10 * np.log10(x @ x / ((x - y) @ (x - y) + 1e-12))
    return found


BANDS = [0, 1000, 2000, 4000, 6000, 8000]


def level(x, y):
    """Mean and rms difference in dB, in each of BANDS, of the frames in which x speaks."""
    def power(s):
        frames = np.lib.stride_tricks.sliding_window_view(s, 512)[::160] * np.hanning(512)
        p, hz = np.abs(np.fft.rfft(frames)) ** 2 / 512, np.arange(257) * RATE / 512
        return np.stack([p[:, (hz >= a) & (hz < b)].mean(1) for a, b in zip(BANDS, BANDS[1:])], 1)
    px, py = power(x), power(y)
    loud = 10 * np.log10(px.sum(1) + 1e-12)
    d = 10 * np.log10((py + 1e-10) / (px + 1e-10))[loud > loud.max() - 30]
    return np.array([d.mean(0), np.sqrt((d ** 2).mean(0))])


def load(path):
    x, rate = soundfile.read(str(path), always_2d=True)
    if rate != RATE:
        sys.exit(f'{path}: {rate} Hz, expected {RATE}')
    return x[:, 0]


def align(x, y, most=1600):
    n = min(len(x), len(y))
    c = scipy.signal.correlate(y[:n], x[:n], 'full', method='fft')
    lags = np.arange(1 - n, n)
    near = np.abs(lags) <= most
    lag = int(lags[near][np.argmax(c[near])])
    x, y = (x, y[lag:]) if lag >= 0 else (x[-lag:], y)
    n = min(len(x), len(y))
    return x[:n], y[:n]


def measure_codec(codec, kbps, files, found):
    """Returns the real kbit/s, {measure: [value of each file]}, and levels as text."""
    size = seconds = 0
    levels = []
    values = {name: [] for name in found}
    for path in files:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            soundfile.write(str(folder / 'in.wav'), load(path), RATE, subtype='PCM_16')
            x = load(folder / 'in.wav')
            n, wav = codec(folder / 'in.wav', kbps, folder)
            a, b = align(x, load(wav))
            size += n
            seconds += len(x) / RATE
            levels.append(level(a, b))
            for name, of in found.items():
                values[name].append(float(of(a, b)))
    mean, rms = np.mean(levels, 0)
    return size / 125 / seconds, values, ' '.join('%+.1f (%.1f)' % v for v in zip(mean, rms))


def confidence(values):
    """Mean, and the 2.5 and 97.5 % quantiles of the mean over resampled files."""
    v = np.array(values)
    draws = v[np.random.default_rng(1).integers(len(v), size=(2000, len(v)))].mean(1)
    return v.mean(), *np.quantile(draws, (0.025, 0.975))


# --- The drawing ---

def panel(name, curves, left, top, width, height):
    """SVG of one measure. curves: {codec: [(kbit/s, mean, low, high)]}."""
    points = [p for c in curves.values() for p in c]
    x0, x1 = np.log2(min(p[0] for p in points)) - 0.1, np.log2(max(p[0] for p in points)) + 0.1
    y0, y1 = min(p[2] for p in points), max(p[3] for p in points)
    y0, y1 = y0 - 0.04 * (y1 - y0), y1 + 0.04 * (y1 - y0)

    def at(kbps, v):
        return '%.1f,%.1f' % (left + width * (np.log2(kbps) - x0) / (x1 - x0),
                              top + height * (y1 - v) / (y1 - y0))
    out = [f'<rect x="{left}" y="{top}" width="{width}" height="{height}" class="frame"/>',
           f'<text x="{left}" y="{top - 8}" class="title">{name}</text>']
    for kbps in (1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32):
        if x0 <= np.log2(kbps) <= x1:
            x = at(kbps, y0).split(',')[0]
            out.append(f'<path d="M{x},{top}v{height}" class="grid"/>'
                       f'<text x="{x}" y="{top + height + 14}" class="tick">{kbps:g}</text>')
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2) if (y1 - y0) / s <= 7)
    for v in np.arange(np.ceil(y0 / step), np.floor(y1 / step) + 1) * step:
        y = float(at(1, v).split(',')[1])
        out.append(f'<path d="M{left},{y:.1f}h{width}" class="grid"/><text x="{left - 5}" '
                   f'y="{y + 4:.1f}" class="value">{v:.3g}</text>')
    for colour, curve in zip(COLOURS, curves.values()):
        curve = sorted(curve)
        band = [at(p[0], p[3]) for p in curve] + [at(p[0], p[2]) for p in curve[::-1]]
        line = [at(p[0], p[1]) for p in curve]
        out.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.18"/>'
                   f'<polyline points="{" ".join(line)}" stroke="{colour}" class="line"/>')
        out += ['<circle cx="%s" cy="%s" r="2.5" fill="%s"/>' % (*p.split(','), colour)
                for p in line]
    return '\n'.join(out)


def draw(results, files):
    """results: {measure: {codec: [(kbit/s, mean, low, high)]}} -> SVG."""
    w, h = 390, 230
    rows = (len(results) + 1) // 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * w + 120}" '
           f'height="{rows * (h + 60) + 50}" font-family="sans-serif" font-size="12">',
           '<style>.frame{fill:none;stroke:#888}.grid{stroke:#ddd;fill:none}'
           '.line{fill:none;stroke-width:2}.tick{fill:#555;text-anchor:middle}'
           '.value{fill:#555;text-anchor:end}.title{font-weight:bold}</style>'
           '<rect width="100%" height="100%" fill="white"/>']
    names = list(next(iter(results.values())))
    for i, (colour, name) in enumerate(zip(COLOURS, names)):
        out.append(f'<rect x="{50 + 170 * i}" y="10" width="18" height="4" fill="{colour}"/>'
                   f'<text x="{74 + 170 * i}" y="17">{name}</text>')
    for i, (name, curves) in enumerate(results.items()):
        out.append(panel(name, curves, 50 + i % 2 * (w + 50), 50 + i // 2 * (h + 60), w, h))
    out.append(f'<text x="50" y="{rows * (h + 60) + 38}" fill="#555">'
               f'kbit/s, real bytes; mean of {files} files with its 95 % confidence</text></svg>\n')
    return '\n'.join(out)


def main():
    a = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--data', required=True)
    a.add_argument('--svg', help='file to draw to')
    a.add_argument('--half', type=int, choices=(0, 1))
    a.add_argument('--limit', type=int, help='only the first N files')
    a.add_argument('--rates', default='1.6,2.4,3.2,4.5,6,9,12,16,24,32', help='of TeluCodec')
    a.add_argument('--properties', default='', help='of telucodecenc, as "tune=snr"')
    a.add_argument('--recognise', action='store_true', help='what a recogniser makes of it')
    a.add_argument('--opus', default='6,9,12,16,24,32', help='rates of Opus')
    a.add_argument('--libopus', help='a library of Opus, as another codec at those rates')
    a.add_argument('--peer', action='append', default=[], metavar='NAME=RATES=COMMAND')
    a = a.parse_args()
    files = sorted(p for p in pathlib.Path(a.data).rglob('*') if p.suffix in ('.flac', '.wav'))
    files = (files if a.half is None else files[a.half::2])[:a.limit]
    if not files:
        sys.exit(f'{a.data}: no .flac or .wav file')
    properties = shlex.split(a.properties)
    jobs = [('TeluCodec', a.rates, lambda *job: telucodec(*job, properties))]
    if shutil.which('opusenc') and shutil.which('opusdec'):
        jobs.append(('Opus', a.opus, opus))
    else:
        print('Opus is left out: apt-get install opus-tools', file=sys.stderr)
    if a.libopus:
        jobs.append((libopus.version(a.libopus), a.opus, libopus_of(a.libopus)))
    for text in a.peer:
        name, rates, command = text.split('=', 2)
        jobs.append((name, rates, peer_of(command)))

    found = measures(a.recognise)
    results = {name: {job[0]: [] for job in jobs} for name in found}
    print('| codec | kbit/s | ' + ' | '.join(found) +
          ' | level 0-1-2-4-6-8 kHz |\n|' + '---|' * (len(found) + 3))
    for name, rates, codec in jobs:
        for kbps in (float(r) for r in rates.split(',') if r):
            real, values, levels = measure_codec(codec, kbps, files, found)
            cells = []
            for measure in found:
                mean, low, high = confidence(values[measure])
                results[measure][name].append((real, mean, low, high))
                cells.append('%.3f (%.3f .. %.3f)' % (mean, low, high))
            print(f'| {name} {kbps:g} | {real:.2f} | ' + ' | '.join(cells + [levels]) + ' |',
                  flush=True)
    if a.svg:
        results.pop('SNR, dB', None)
        pathlib.Path(a.svg).write_text(draw(results, len(files)))


if __name__ == '__main__':
    main()
