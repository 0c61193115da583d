# SPDX-License-Identifier: LGPL-2.1-or-later
"""telucodec - a neural speech codec: numpy arrays in, bytes out.

Sound is 16 kHz mono, one-dimensional arrays of float32 with full scale 1; int16 may go in too.
A packet is 20 ms: bytes. The objects are those of the C library libtelu.
"""
try:
    import numpy as _
except ImportError as _reason:
    raise ImportError("telucodec needs numpy, which this Python does not find: install the package "
                      "python3-numpy, or numpy by pip") from _reason

from ._library import Error, Status, lib as _lib
from ._many import decode, decode_many, encode_many
from ._streams import (DELAY, MAX_PACKET, PACKET, RATE, Decoder, Encoder, Info, Model, Transrater,
                       encode)

__version__ = "0.8.0"          # of this package; version() tells the library's
__all__ = ["DELAY", "MAX_PACKET", "PACKET", "RATE", "Decoder", "Encoder", "Error", "Info",
           "Model", "Status", "Transrater", "decode", "decode_many", "encode", "encode_many",
           "version"]
for _each in (Decoder, Encoder, Error, Info, Model, Status, Transrater, decode, decode_many,
              encode, encode_many):
    _each.__module__ = __name__    # messages name what users import


def version():
    """Returns the version of the library that is loaded."""
    return _lib.telu_version().decode()
