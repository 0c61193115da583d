# SPDX-License-Identifier: LGPL-2.1-or-later
"""Model, Encoder, Decoder and Transrater: the objects of telu.h."""
import collections
import ctypes
import os
import threading
import weakref

import numpy as np

from . import _library, _weights
from ._library import lib

RATE = 16000                   # samples per second
PACKET = 320                   # samples of a packet, 20 ms
DELAY = 80                     # samples by which decoded sound lags
MAX_PACKET = 1000              # bytes
MODES = ("cbr", "vbr", "constrained-vbr")
TUNES = ("perceptual", "snr")

Info = collections.namedtuple("Info", "stages refined step shape bytes")
Info.__doc__ = "Parts of the last packet: struct telu_info of telu.h."


def samples_of(pcm):
    """Returns pcm as contiguous float32 of full scale 1."""
    pcm = np.asarray(pcm)
    if pcm.ndim != 1:
        raise ValueError("pcm has the shape %s, expected one channel: (samples,)"
                         % (pcm.shape,))
    if pcm.dtype == np.int16:
        return pcm.astype(np.float32) / 32768
    if pcm.dtype.kind != "f" and pcm.size:
        raise TypeError("pcm is of %s, expected floats of full scale 1, or int16" % pcm.dtype)
    return np.ascontiguousarray(pcm, np.float32)


class Model:
    """Weights, read-only; any number of streams in any number of threads may share them.

    weights: a weight file, the name of installed weights, or the first 8 or more digits of
    their id; None: TELUCODEC_MODEL of the environment, else the shipped weights.
    Raises FileNotFoundError for an unknown name and Error for a file that cannot be used.
    """

    def __init__(self, weights=None):
        self.path = _weights.find(weights)
        self._handle = lib.telu_model_open(os.fsencode(self.path)) or _library.fail()
        weakref.finalize(self, lib.telu_model_close, self._handle).atexit = False

    @property
    def id(self):
        """SHA-256 over the tensors: 64 lower-case hex digits."""
        return lib.telu_model_id(self._handle).decode()

    def __repr__(self):
        return "<telucodec.Model %s %s>" % (self.path, self.id[:8])


def _free(function, handle, model):
    """Frees a stream. The model in the arguments lives until then, also in a cycle."""
    del model
    function(handle)


class _Stream:
    """A stream and its lock: libtelu wants one thread at a time, and ctypes releases the
    interpreter's."""

    def __init__(self, model, new, free):
        self.model = model if isinstance(model, Model) else Model(model)
        self._handle = new(self.model._handle, None) or _library.fail()
        weakref.finalize(self, _free, free, self._handle, self.model).atexit = False
        self._lock = threading.Lock()


class _Coder(_Stream):
    """A stream of sound."""

    def __init__(self, model, new, free, info):
        super().__init__(model, new, free)
        self._get_info = info

    @property
    def info(self):
        """Info of the last packet."""
        info = _library.Info()
        with self._lock:
            self._get_info(self._handle, info)
        return Info(info.stages, bool(info.refined), info.step, info.shape, info.bytes)


class Encoder(_Coder):
    """Codes 16 kHz mono speech.

    model: a Model or what it takes.
    bitrate: 500 to 64000 bit/s.
    mode: "constrained-vbr" (the average is the bitrate), "vbr" (constant quality) or "cbr" (all
        packets of one size).
    tune: "perceptual" (sounds best) or "snr" (nearest waveform).
    refinement: False: base layer, and levels unless tuned for SNR.
    highpass: True takes an offset out of the input, unless tuned for SNR.
    Raises ValueError for an unknown word and Error for a bitrate out of range.
    """

    def __init__(self, model=None, bitrate=16000, mode="constrained-vbr", tune="perceptual",
                 refinement=True, highpass=True):
        super().__init__(model, lib.telu_encoder_new, lib.telu_encoder_free,
                         lib.telu_encoder_info)
        self._rate = lib.telu_rate_init()
        self._packet = ctypes.create_string_buffer(MAX_PACKET)
        self._begin()
        self.set(bitrate=bitrate, mode=mode, tune=tune, refinement=refinement,
                 highpass=highpass)

    def set(self, **changes):
        """Changes the settings named, which are those of Encoder(), from the next packet on."""
        with self._lock:
            rate = _library.Rate.from_buffer_copy(self._rate)
            for name, value in changes.items():
                words = {"mode": MODES, "tune": TUNES}.get(name)
                if words and value not in words:
                    raise ValueError("%s is %r, expected one of %s"
                                     % (name, value, ", ".join(words)))
                if name not in ("bitrate", "mode", "tune", "refinement", "highpass"):
                    raise TypeError("%s is no setting of an encoder" % name)
                number = words.index(value) if words else int(value)
                if not -2 ** 31 <= number < 2 ** 31:
                    raise ValueError("%s is %d, which is no int" % (name, number))
                setattr(rate, name, number)
            if lib.telu_encoder_set(self._handle, rate):
                _library.fail()
            self._rate = rate

    def _begin(self):
        self._rest = np.zeros(0, np.float32)
        self._last = np.float32(0)
        self._samples = 0

    def _code(self, pcm):
        """Codes all whole packets of pcm and keeps the rest."""
        pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) // PACKET
        at, packets = pcm.ctypes.data, []
        for k in range(whole):
            size = lib.telu_encode(self._handle, at + 4 * PACKET * k, self._packet, MAX_PACKET)
            if size < 0:
                _library.fail()
            packets.append(ctypes.string_at(self._packet, size))
        self._rest = pcm[whole * PACKET:].copy()
        return packets

    def encode(self, pcm):
        """Codes pcm [any number of samples]: floats of full scale 1, or int16. Returns a list of
        packets, each bytes of 1 to 1000; samples that fill no packet wait for the next call.
        NaN and infinities count as 0."""
        pcm = samples_of(pcm)
        with self._lock:
            if len(pcm):
                self._last = pcm[-1]
            self._samples += len(pcm)
            return self._code(pcm)

    def finish(self):
        """Returns the last packets, from which a decoder gives back all that was put in, and
        begins anew with the same settings."""
        with self._lock:
            packets = []
            if self._samples:
                left = -(self._samples + DELAY) % PACKET + DELAY
                packets = self._code(np.full(left, self._last))
            lib.telu_encoder_reset(self._handle)
            self._begin()
            return packets

    def reset(self):
        """Forgets the stream, keeps the settings."""
        with self._lock:
            lib.telu_encoder_reset(self._handle)
            self._begin()


class Decoder(_Coder):
    """Decodes packets of one stream in order.

    model: the Model that coded them, or what Model() takes.
    damaged: how many packets could not be read and were concealed.
    """

    def __init__(self, model=None):
        super().__init__(model, lib.telu_decoder_new, lib.telu_decoder_free,
                         lib.telu_decoder_info)
        self.damaged = 0

    def decode(self, packet):
        """Decodes one packet, any bytes; None stands for a lost one, which is concealed. Returns
        float32 [320]: what was put in up to 80 samples (5 ms) before, unclipped."""
        pcm = np.empty(PACKET, np.float32)
        # A copy: the caller may change a bytearray while this thread decodes.
        data = None if packet is None else bytes(memoryview(packet))
        with self._lock:
            if data is None:
                result = lib.telu_conceal(self._handle, pcm.ctypes.data)
            else:
                result = lib.telu_decode(self._handle, data, len(data), pcm.ctypes.data)
            if result < 0:
                _library.fail()
            self.damaged += result
        return pcm

    def reset(self):
        """Forgets the stream."""
        with self._lock:
            lib.telu_decoder_reset(self._handle)
            self.damaged = 0


class Transrater(_Stream):
    """Makes packets of one stream smaller, without a sound in between.

    model: the Model that coded them, or what Model() takes.
    bitrate: the mean that packets may have, 500 to 64000 bit/s.
    Raises Error for a bitrate out of range.
    """

    def __init__(self, model=None, bitrate=64000):
        if not hasattr(lib, "telu_transrate"):
            raise NotImplementedError("libtelu %s has no telu_transrate(), which came with 0.8"
                                      % lib.telu_version().decode())
        super().__init__(model, lib.telu_transrater_new, lib.telu_transrater_free)
        self._packet = ctypes.create_string_buffer(MAX_PACKET)
        self.set(bitrate)

    def set(self, bitrate):
        """Changes the bitrate from the next packet on."""
        with self._lock:
            if lib.telu_transrater_set(self._handle, bitrate):
                _library.fail()

    def transrate(self, packet):
        """Returns a packet of the same sound, smaller where the bitrate wants that. Takes packets
        in order; lost ones are left out, and damaged ones come back as they are."""
        data = bytes(memoryview(packet))
        with self._lock:
            size = lib.telu_transrate(self._handle, data, len(data), self._packet, MAX_PACKET)
            if size < 0:
                _library.fail()
            return ctypes.string_at(self._packet, size)

    def reset(self):
        """Forgets the stream, keeps the bitrate."""
        with self._lock:
            lib.telu_transrater_reset(self._handle)


def encode(pcm, model=None, **settings):
    """Codes a whole sound, pcm [samples], with the settings of Encoder(). Returns packets."""
    encoder = Encoder(model, **settings)
    return encoder.encode(pcm) + encoder.finish()
