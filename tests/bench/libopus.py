# SPDX-License-Identifier: LGPL-2.1-or-later
"""libopus.py - Opus under packet loss by its library, for bench_loss.py --libopus.

GStreamer's elements leave out what Opus has since 1.5: a network that conceals (the decoder's
complexity 5 and more) and networks that enhance (6 and 7). Deep redundancy is not used here: the
libraries of Debian 13 (1.5.2) and later (1.6.1) are built without it.
Frames of 20 ms, complexity 10 on both sides. Under loss the bitrate is constant, for voice over IP,
and the receiver waits for the first packet behind a loss, as opus_demo does. Files are coded as
opusenc does: variable bitrate, any sound. For bench_loss.py and bench_quality.py --libopus.
"""
import ctypes

import numpy as np

RATE, FRAME, MOST = 16000, 320, 1275
VOIP, AUDIO = 2048, 2049
AUTO, VOICE = -1000, 3001
SET_BITRATE, SET_VBR, SET_COMPLEXITY, SET_FEC, SET_LOSS, SET_SIGNAL = (
    4002, 4006, 4010, 4012, 4014, 4024)


class Gilbert:
    """The losses of bench_loss.c: LOSS percent, BURST in a row on average."""

    def __init__(self, loss, burst, seed):
        self.leave = 1 / burst
        self.enter = self.leave * loss / (100 - loss)
        self.chance, self.bad, self.first = seed * 2654435761 % 2 ** 64, False, True
        self.draw()

    def draw(self):
        self.chance = (self.chance * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (self.chance >> 40) / 2 ** 24

    def lost(self):
        u = self.draw()
        self.bad = u >= self.leave if self.bad else u < self.enter
        first, self.first = self.first, False
        return self.bad and not first


class Opus:
    """An encoder and a decoder; fec, vbr: 0 or 1."""

    def __init__(self, path, bitrate, fec=0, loss=0, vbr=0):
        self.lib = lib = ctypes.CDLL(path)
        lib.opus_encoder_create.restype = lib.opus_decoder_create.restype = ctypes.c_void_p
        error = ctypes.c_int()
        self.enc = self.made(lib.opus_encoder_create(
            RATE, 1, AUDIO if vbr else VOIP, ctypes.byref(error)), error)
        self.dec = self.made(lib.opus_decoder_create(RATE, 1, ctypes.byref(error)), error)
        for key, value in ((SET_BITRATE, bitrate), (SET_VBR, vbr), (SET_COMPLEXITY, 10),
                           (SET_FEC, fec), (SET_LOSS, loss),
                           (SET_SIGNAL, AUTO if vbr else VOICE)):
            self.check(lib.opus_encoder_ctl(self.enc, key, ctypes.c_int(value)))
        self.check(lib.opus_decoder_ctl(self.dec, SET_COMPLEXITY, ctypes.c_int(10)))
        self.fec = fec

    def made(self, pointer, error):
        if error.value:
            raise RuntimeError(f'libopus: error {error.value}')
        return ctypes.c_void_p(pointer)

    def check(self, status):
        if status < 0:
            raise RuntimeError(f'libopus: error {status}')
        return status

    def encode(self, x):
        """float [320] -> bytes"""
        x, out = np.ascontiguousarray(x, np.float32), ctypes.create_string_buffer(MOST)
        size = self.check(self.lib.opus_encode_float(
            self.enc, x.ctypes.data_as(ctypes.c_void_p), FRAME, out, MOST))
        return out.raw[:size]

    def frame(self, packet, fec=0):
        y = np.zeros(FRAME, np.float32)
        self.check(self.lib.opus_decode_float(self.dec, packet, len(packet) if packet else 0,
                                              y.ctypes.data_as(ctypes.c_void_p), FRAME, fec))
        return y

    def after_loss(self, lost, packet):
        """The frames lost before `packet`, with what it tells of the last one."""
        known = lost > 0 and self.fec and self.lib.opus_packet_has_lbrr(packet, len(packet)) > 0
        frames = [self.frame(None) for _ in range(lost - known)]
        return frames + [self.frame(packet, 1)] if known else frames


def frames_of(x):
    """x [n] and some silence, which brings out its end -> [frames, 320]"""
    return np.pad(x, (0, -len(x) % FRAME + FRAME)).reshape(-1, FRAME)


def run(path, x, bitrate, fec, loss, burst, seed):
    """Returns what is heard of x [n] at 16 kHz, bytes, packets, and lost packets."""
    codec = Opus(path, bitrate, fec, max(1, round(loss)) if fec else 0)
    net = Gilbert(loss, burst, seed)
    heard, waiting, lost, size = [], 0, 0, 0
    frames = frames_of(x)
    for f in frames:
        packet = codec.encode(f)
        size += len(packet)
        if net.lost():
            waiting += 1
            lost += 1
            continue
        heard += codec.after_loss(waiting, packet) + [codec.frame(packet)]
        waiting = 0
    heard += [codec.frame(None) for _ in range(waiting)]
    return np.concatenate(heard), size, len(frames), lost


def code(path, x, bitrate):
    """Returns what is heard of x [n] at 16 kHz without losses, and bytes."""
    codec = Opus(path, bitrate, vbr=1)
    packets = [codec.encode(f) for f in frames_of(x)]
    return np.concatenate([codec.frame(p) for p in packets]), sum(map(len, packets))


def version(path):
    lib = ctypes.CDLL(path)
    lib.opus_get_version_string.restype = ctypes.c_char_p
    return lib.opus_get_version_string().decode().replace('libopus', 'Opus')

