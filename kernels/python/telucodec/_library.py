# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads libtelu.so.0 and declares the functions and structs of telu.h."""
import ctypes
import enum
import os
import sys
import sysconfig

SONAME = "libtelu.so.0"


class Status(enum.IntEnum):
    """Kind of an Error: enum telu_status of telu.h."""
    OK = 0
    ARGUMENT = 1
    IO = 2
    FORMAT = 3
    VERSION = 4
    NO_MEMORY = 5
    DEVICE = 6


class Error(Exception):
    """A call of libtelu failed. Its text is telu_error()'s; status tells the kind."""

    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


class Rate(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in
                ("bitrate", "mode", "tune", "refinement", "highpass")]
    _fields_ += [("reserved", ctypes.c_int * 3)]


class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in
                ("stages", "refined", "step", "shape", "bytes")]
    _fields_ += [("reserved", ctypes.c_int * 3)]


class EncodeRequest(ctypes.Structure):
    _fields_ = [("encoder", ctypes.c_void_p), ("pcm", ctypes.c_void_p),
                ("packet", ctypes.c_void_p), ("bytes", ctypes.c_int),
                ("reserved", ctypes.c_int * 3)]


class DecodeRequest(ctypes.Structure):
    _fields_ = [("decoder", ctypes.c_void_p), ("packet", ctypes.c_char_p),
                ("size", ctypes.c_size_t), ("pcm", ctypes.c_void_p), ("result", ctypes.c_int),
                ("reserved", ctypes.c_int * 3)]


def _places():
    """Yields what dlopen() is to try, in this order."""
    named = os.environ.get("TELUCODEC_LIBRARY")
    if named:
        yield named
        return
    # An environment's own library comes before the system's.
    if sys.prefix != sys.base_prefix:
        for folder in (sysconfig.get_config_var("MULTIARCH") or "", "", "../lib64"):
            path = os.path.join(sys.prefix, "lib", folder, SONAME)
            if os.path.exists(path):
                yield path
    yield SONAME


def _open():
    for place in _places():
        try:
            return ctypes.CDLL(place)
        except OSError as error:
            why = error
    raise ImportError("libtelu cannot be loaded: %s; install TeluCodec's library (Debian's "
                      "package libtelu0, or meson install), or set TELUCODEC_LIBRARY to the "
                      "path of %s" % (why, SONAME))


# Functions that came with 0.8: a library of 0.7 or before does without.
LATER = ("_many", "transrate", "transrater_new", "transrater_free", "transrater_reset",
         "transrater_set")


def _declare(lib):
    pointer, rate, info = ctypes.c_void_p, ctypes.POINTER(Rate), ctypes.POINTER(Info)
    number, size, text = ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p
    for name, result, *arguments in (
            ("version", text), ("error", text), ("error_status", number), ("rate_init", Rate),
            ("model_open", pointer, text), ("model_close", None, pointer),
            ("model_id", text, pointer), ("encoder_new", pointer, pointer, pointer),
            ("encoder_free", None, pointer), ("encoder_reset", None, pointer),
            ("encoder_set", number, pointer, rate), ("encoder_info", None, pointer, info),
            ("encode", number, pointer, pointer, pointer, size),
            ("decoder_new", pointer, pointer, pointer), ("decoder_free", None, pointer),
            ("decoder_reset", None, pointer), ("decoder_info", None, pointer, info),
            ("decode", number, pointer, pointer, size, pointer),
            ("conceal", number, pointer, pointer),
            ("encode_many", number, ctypes.POINTER(EncodeRequest), number),
            ("decode_many", number, ctypes.POINTER(DecodeRequest), number),
            ("transrater_new", pointer, pointer, pointer),
            ("transrater_free", None, pointer), ("transrater_reset", None, pointer),
            ("transrater_set", number, pointer, number),
            ("transrate", number, pointer, pointer, size, pointer, size)):
        if name.endswith(LATER) and not hasattr(lib, "telu_" + name):
            continue
        function = getattr(lib, "telu_" + name)
        function.restype, function.argtypes = result, arguments
    return lib


lib = _declare(_open())


def fail():
    """Raises the last error of this thread."""
    status = lib.telu_error_status()
    try:
        status = Status(status)
    except ValueError:
        pass                       # of a later library
    raise Error(lib.telu_error().decode(errors="replace"), status)
