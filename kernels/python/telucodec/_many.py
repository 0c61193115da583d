# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many packets together: telu_encode_many() and telu_decode_many() of telu.h."""
import contextlib
import ctypes

import numpy as np

from . import _library
from ._library import lib
from ._streams import DELAY, MAX_PACKET, PACKET, Decoder, samples_of


@contextlib.contextmanager
def _locked(streams):
    """Holds the lock of each stream once, in an order that all threads share."""
    with contextlib.ExitStack() as stack:
        for stream in sorted({id(s): s for s in streams}.values(), key=id):
            stack.enter_context(stream._lock)
        yield


def _call(name, requests):
    if not hasattr(lib, name):
        raise NotImplementedError("libtelu %s has no %s(); it came with 0.8"
                                  % (lib.telu_version().decode(), name))
    if getattr(lib, name)(requests, len(requests)):
        _library.fail()


def encode_many(encoders, pcm):
    """Codes a packet of each of many streams together, which takes less time than one by one.

    encoders: as many as wished, of one model, without samples that wait for the next call.
    pcm: [streams, 320], floats of full scale 1, or int16.
    Returns a list of packets, one of each encoder, the same as of Encoder.encode().
    """
    encoders, pcm = list(encoders), np.asarray(pcm)
    if pcm.shape != (len(encoders), PACKET):
        raise ValueError("pcm has the shape %s, expected (%d, %d): a packet of each encoder"
                         % (pcm.shape, len(encoders), PACKET))
    pcm = samples_of(pcm.reshape(-1)).reshape(pcm.shape)
    packets = np.empty((len(encoders), MAX_PACKET), np.uint8)
    requests = (_library.EncodeRequest * len(encoders))()
    for request, encoder, x, packet in zip(requests, encoders, pcm, packets):
        request.encoder = encoder._handle
        request.pcm, request.packet = x.ctypes.data, packet.ctypes.data
    with _locked(encoders):
        for i, encoder in enumerate(encoders):
            if len(encoder._rest):
                raise ValueError("encoder %d has %d samples waiting, expected none"
                                 % (i, len(encoder._rest)))
        _call("telu_encode_many", requests)
        for encoder, x in zip(encoders, pcm):
            encoder._last = x[-1]
            encoder._samples += PACKET
    return [packet[:request.bytes].tobytes() for request, packet in zip(requests, packets)]


def decode_many(decoders, packets):
    """Decodes packets together, which takes less time than one by one.

    decoders: as many as wished, of one model; one that has several packets comes as often. packets:
    one for each; None stands for a lost one. Returns float32 [packets, 320], as Decoder.decode()
    does.
    """
    decoders, packets = list(decoders), list(packets)
    if len(packets) != len(decoders):
        raise ValueError("there are %d packets, expected %d: one of each decoder"
                         % (len(packets), len(decoders)))
    # Copies: the caller may change a bytearray while this thread decodes.
    data = [None if packet is None else bytes(memoryview(packet)) for packet in packets]
    pcm = np.empty((len(decoders), PACKET), np.float32)
    requests = (_library.DecodeRequest * len(decoders))()
    for request, decoder, packet, x in zip(requests, decoders, data, pcm):
        request.decoder = decoder._handle
        request.packet, request.size = packet, len(packet or b"")
        request.pcm = x.ctypes.data
    with _locked(decoders):
        _call("telu_decode_many", requests)
        for request, decoder, packet in zip(requests, decoders, data):
            decoder.damaged += request.result if packet is not None else 0
    return pcm


def decode(packets, model=None, samples=None):
    """Decodes a whole sound. Returns float32 [samples], sample for sample as put in; None: all
    that the packets hold."""
    decoder, packets = Decoder(model), list(packets)
    most = max(0, PACKET * len(packets) - DELAY)
    if samples is not None and not 0 <= samples <= most:
        raise ValueError("samples is %d, %d packets hold 0 to %d" % (samples, len(packets), most))
    if hasattr(lib, "telu_decode_many"):
        pcm = decode_many([decoder] * len(packets), packets)
    else:
        pcm = np.array([decoder.decode(packet) for packet in packets], np.float32)
    return pcm.reshape(-1)[DELAY:][:samples]
