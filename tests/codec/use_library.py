#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""use_library.py LIBRARY WEIGHTS - what use_library.c does, by ctypes alone."""
import ctypes
import struct
import sys

PACKETS, SAMPLES, MAX_PACKET = 50, 320, 1000


class Rate(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("bitrate", "mode", "tune", "refinement",
                                                  "highpass")]
    _fields_ += [("reserved", ctypes.c_int * 3)]


def fnv(value, data):
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value


telu = ctypes.CDLL(sys.argv[1])
pointer = ctypes.c_void_p
for name in ("telu_model_open", "telu_encoder_new", "telu_decoder_new"):
    getattr(telu, name).restype = pointer
for name in ("telu_version", "telu_error"):
    getattr(telu, name).restype = ctypes.c_char_p
telu.telu_rate_init.restype = Rate
telu.telu_encode.argtypes = [pointer, pointer, pointer, ctypes.c_size_t]
telu.telu_decode.argtypes = [pointer, pointer, ctypes.c_size_t, pointer]

model = pointer(telu.telu_model_open(sys.argv[2].encode()))
assert model, telu.telu_error()
encoder = pointer(telu.telu_encoder_new(model, None))
decoder = pointer(telu.telu_decoder_new(model, None))
rate = telu.telu_rate_init()
rate.bitrate = 12000
assert telu.telu_encoder_set(encoder, ctypes.byref(rate)) == 0

packet = (ctypes.c_uint8 * MAX_PACKET)()
pcm = (ctypes.c_float * SAMPLES)()
value, x = 2166136261, 1
for _ in range(PACKETS):
    for i in range(SAMPLES):
        x = (x * 1664525 + 1013904223) & 0xffffffff
        pcm[i] = (x >> 16) / 131072 - 0.25
    n = telu.telu_encode(encoder, pcm, packet, MAX_PACKET)
    assert n > 0, telu.telu_error()
    assert telu.telu_decode(decoder, packet, n, pcm) == 0
    value = fnv(fnv(value, bytes(packet[:n])), struct.pack("=%df" % SAMPLES, *pcm))

telu.telu_encoder_free(encoder)
telu.telu_decoder_free(decoder)
telu.telu_model_close(model)
version = telu.telu_version().decode()
print(version, version, "%08x" % value)
