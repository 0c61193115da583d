#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_python.py CODE_PCM WEIGHTS README - the Python package gives the C library's bits, whole or
in pieces; its errors are libtelu's; its README's examples print what they say. Weights are found by
name and id. The environment has TELUCODEC_LIBRARY and PYTHONPATH."""
import doctest
import gc
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

try:
    import numpy as np
except ImportError:
    print("python: no numpy for %s" % sys.executable)
    sys.exit(77)

import telucodec

CODE_PCM, WEIGHTS, README = sys.argv[1:4]
MODES, TUNES = ("cbr", "vbr", "constrained-vbr"), ("perceptual", "snr")


def sound(samples, seed=1):
    """A voice of noise and tones with an offset, so that the high-pass has something to do."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / telucodec.RATE
    tones = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12))
    pcm = 0.1 * tones * (1 + np.sin(7 * t)) + 0.02 * rng.standard_normal(samples) + 0.05
    return pcm.astype(np.float32)


def by_c(pcm, bitrate, mode, tune, refinement, highpass):
    """Returns the packets and the sound that the C library makes of pcm, padded by hand."""
    total = -(-(len(pcm) + telucodec.DELAY) // telucodec.PACKET) * telucodec.PACKET
    padded = np.concatenate((pcm, np.full(total - len(pcm), pcm[-1], np.float32)))
    out = subprocess.run([CODE_PCM, WEIGHTS, str(bitrate), str(MODES.index(mode)),
                          str(TUNES.index(tune)), str(int(refinement)), str(int(highpass))],
                         input=padded.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    packets, decoded, at = [], [], 0
    while at < len(out):
        length, = struct.unpack_from("=I", out, at)
        packets.append(out[at + 4:at + 4 + length])
        at += 4 + length
        decoded.append(np.frombuffer(out, np.float32, telucodec.PACKET, at))
        at += 4 * telucodec.PACKET
    return packets, np.concatenate(decoded)[telucodec.DELAY:][:len(pcm)]


class Alone(unittest.TestCase):
    def test_without_numpy(self):
        done = subprocess.run([sys.executable, "-c", "import sys; sys.modules['numpy'] = None\n"
                               "import telucodec"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "ImportError: telucodec needs numpy.*python3-numpy")


class Same(unittest.TestCase):
    def setUp(self):
        self.model = telucodec.Model(WEIGHTS)

    def test_as_in_c(self):
        for settings in ((16000, "constrained-vbr", "perceptual", True, True),
                         (6000, "cbr", "perceptual", True, False),
                         (24000, "vbr", "snr", True, True),
                         (3200, "constrained-vbr", "perceptual", False, True)):
            # 640 - 80: no packet for the delay alone; 1: less than a packet.
            for samples in (9000, 640 - 80, 640, 1):
                pcm = sound(samples)
                packets, decoded = by_c(pcm, *settings)
                names = dict(zip(("bitrate", "mode", "tune", "refinement", "highpass"), settings))
                mine = telucodec.encode(pcm, self.model, **names)
                self.assertEqual(mine, packets, (settings, samples))
                heard = telucodec.decode(mine, self.model, samples)
                self.assertEqual(heard.tobytes(), decoded.tobytes(), (settings, samples))

    def test_pieces(self):
        pcm = sound(7001)
        whole = telucodec.encode(pcm, self.model, bitrate=9000)
        encoder = telucodec.Encoder(self.model, bitrate=9000)
        for _ in range(2):             # finish() begins anew
            for step in (1, 7, 320, 333, 5000):
                mine = sum((encoder.encode(pcm[at:at + step])
                            for at in range(0, len(pcm), step)), [])
                self.assertEqual(mine + encoder.finish(), whole, step)
        encoder.encode(pcm[:777])
        encoder.reset()
        self.assertEqual(encoder.encode(pcm) + encoder.finish(), whole)
        self.assertEqual(encoder.finish(), [])
        decoder = telucodec.Decoder(self.model)
        for packet in whole[:9]:
            decoder.decode(packet)
        decoder.reset()
        pieces = np.concatenate([decoder.decode(bytearray(p)) for p in whole])
        heard = telucodec.decode(whole, self.model)
        self.assertEqual(pieces[telucodec.DELAY:].tobytes(), heard.tobytes())

    def test_many(self):
        rates = (16000, 500, 6000, 3200, 24000, 8000, 64000, 1600, 12000)
        pcm = np.stack([sound(3200, seed) for seed in range(len(rates))])
        want = [telucodec.Encoder(self.model, bitrate=rate).encode(x)
                for rate, x in zip(rates, pcm)]
        encoders = [telucodec.Encoder(self.model, bitrate=rate) for rate in rates]
        decoders = [telucodec.Decoder(self.model) for _ in rates]
        singles = [telucodec.Decoder(self.model) for _ in rates]
        for k in range(10):
            at = slice(320 * k, 320 * k + 320)
            mine = telucodec.encode_many(encoders, pcm[:, at])
            self.assertEqual(mine, [packets[k] for packets in want])
            mine = [None if (i + k) % 4 == 3 else b"" if (i + k) % 7 == 5 else packet
                    for i, packet in enumerate(mine)]
            heard = telucodec.decode_many(decoders, mine)
            alone = np.stack([d.decode(packet) for d, packet in zip(singles, mine)])
            self.assertEqual(heard.tobytes(), alone.tobytes())
        self.assertEqual([d.damaged for d in decoders], [d.damaged for d in singles])
        self.assertEqual(encoders[0].finish(), telucodec.encode(pcm[0], self.model)[10:])
        self.assertEqual(telucodec.encode_many([], np.zeros((0, 320))), [])
        twice = telucodec.encode_many([encoders[0]] * 2, pcm[0, :640].reshape(2, 320))
        self.assertEqual(twice, want[0][:2])
        with self.assertRaisesRegex(ValueError, r"\(9, 321\), expected \(9, 320\)"):
            telucodec.encode_many(encoders, pcm[:, :321])
        with self.assertRaisesRegex(ValueError, "8 packets, expected 9"):
            telucodec.decode_many(decoders, mine[:8])
        encoders[1].encode(pcm[1, :5])
        with self.assertRaisesRegex(ValueError, "encoder 1 has 5 samples waiting"):
            telucodec.encode_many(encoders, pcm[:, :320])

    def test_transrater(self):
        packets = telucodec.encode(sound(48000), self.model, bitrate=24000)
        with self.assertRaisesRegex(telucodec.Error, "bitrate is 7, expected 500"):
            telucodec.Transrater(self.model, bitrate=7)
        transrater = telucodec.Transrater(self.model)
        self.assertEqual([transrater.transrate(p) for p in packets], packets)
        transrater.set(4000)
        transrater.reset()
        smaller = [transrater.transrate(bytearray(p)) for p in packets]
        self.assertLess(sum(map(len, smaller)), 0.5 * sum(map(len, packets)))
        transrater.reset()
        self.assertEqual([transrater.transrate(p) for p in packets], smaller)
        decoder = telucodec.Decoder(self.model)
        for packet in smaller:
            decoder.decode(packet)
        self.assertEqual(decoder.damaged, 0)
        with self.assertRaisesRegex(telucodec.Error, "a packet has 0 bytes"):
            transrater.transrate(b"")

    def test_kinds_of_input(self):
        pcm = np.round(sound(3000) * 32768).clip(-32768, 32767)
        whole = telucodec.encode((pcm / 32768).astype(np.float32), self.model)
        for same in (pcm.astype(np.int16), pcm / 32768, list(pcm / 32768),
                     np.repeat(pcm.astype(np.int16), 2)[::2]):
            self.assertEqual(telucodec.encode(same, self.model), whole)
        self.assertEqual(list(telucodec._streams.samples_of(np.int16([-32768, 1]))),
                         [-1, 2 ** -15])
        self.assertEqual(telucodec.encode([], self.model), [])
        self.assertEqual(len(telucodec.decode([], self.model)), 0)

    def test_settings_change(self):
        encoder = telucodec.Encoder(self.model, bitrate=16000, mode="cbr")
        sizes = [len(encoder.encode(sound(320))[0])]
        encoder.set(bitrate=8000)
        sizes.append(len(encoder.encode(sound(320))[0]))
        self.assertEqual(sizes, [40, 20])
        self.assertEqual(encoder.info.bytes, 20)
        with self.assertRaises(telucodec.Error):
            encoder.set(bitrate=100)
        self.assertEqual(len(encoder.encode(sound(320))[0]), 20)

    def test_losses(self):
        packets = telucodec.encode(sound(9000), self.model)
        decoder = telucodec.Decoder(self.model)
        good = [decoder.decode(p) for p in packets[:10]]
        self.assertEqual((decoder.damaged, decoder.info.bytes), (0, len(packets[9])))
        lost = decoder.decode(None)
        self.assertGreater(np.abs(lost).max(), 0.1 * np.abs(good[-1]).max())
        self.assertEqual(decoder.damaged, 0)
        # Stage counts up to 16 fit the head of a packet; 31 stages are damage.
        decoder.decode(b"\xff" * 20)
        self.assertEqual(decoder.damaged, 1)


class Wrong(unittest.TestCase):
    def fails(self, error, text, call, *args, **named):
        with self.assertRaises(error) as caught:
            call(*args, **named)
        self.assertIn(text, str(caught.exception))
        return caught.exception

    def test_values(self):
        model = telucodec.Model(WEIGHTS)
        error = self.fails(telucodec.Error, "70000", telucodec.Encoder, model, bitrate=70000)
        self.assertEqual(error.status, telucodec.Status.ARGUMENT)
        self.fails(ValueError, "constrained-vbr", telucodec.Encoder, model, mode="abr")
        self.fails(ValueError, "no int", telucodec.Encoder, model, bitrate=2 ** 32 + 16000)
        self.fails(TypeError, "volume", telucodec.Encoder(model).set, volume=1)
        self.fails(ValueError, "(2, 320)", telucodec.encode, np.zeros((2, 320)), model)
        self.fails(TypeError, "int32", telucodec.encode, np.zeros(320, np.int32), model)
        self.fails(TypeError, "bytes", telucodec.Decoder(model).decode, "text")
        packets = telucodec.encode(np.zeros(320), model)
        self.fails(ValueError, "0 to 560", telucodec.decode, packets, model, samples=561)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            gone = os.path.join(folder, "gone.safetensors")
            error = self.fails(telucodec.Error, gone, telucodec.Model, gone)
            self.assertEqual(error.status, telucodec.Status.IO)
            bad = os.path.join(folder, "bad.safetensors")
            with open(bad, "wb") as file:
                file.write(b"no weights at all")
            error = self.fails(telucodec.Error, "bad.safetensors", telucodec.Model, bad)
            self.assertEqual(error.status, telucodec.Status.FORMAT)

    def test_library(self):
        run = subprocess.run([sys.executable, "-c", "import telucodec"], text=True,
                             env=dict(os.environ, TELUCODEC_LIBRARY="/nowhere/libtelu.so.0"),
                             stderr=subprocess.PIPE)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("ImportError: libtelu cannot be loaded: /nowhere", run.stderr)


class Weights(unittest.TestCase):
    def test_found(self):
        want = telucodec.Model(WEIGHTS).id
        self.assertEqual(len(want), 64)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(WEIGHTS, os.path.join(folder, "mine.safetensors"))
            old = os.environ.pop("TELUCODEC_MODEL", None), os.environ.get("TELUCODEC_MODEL_PATH")
            try:
                os.environ["TELUCODEC_MODEL_PATH"] = "/nowhere:" + folder
                self.assertEqual(telucodec.Model("mine").path, folder + "/mine.safetensors")
                self.assertEqual(telucodec.Model(want[:8]).id, want)
                os.environ["TELUCODEC_MODEL"] = "mine"
                self.assertEqual(telucodec.Model().id, want)
                for name in ("yours", want[:7], "f" * 64):
                    with self.assertRaises(FileNotFoundError) as caught:
                        telucodec.Model(name)
                    self.assertIn(folder, str(caught.exception))
            finally:
                for name, value in zip(("TELUCODEC_MODEL", "TELUCODEC_MODEL_PATH"), old):
                    os.environ.pop(name, None)
                    if value is not None:
                        os.environ[name] = value


class Lives(unittest.TestCase):
    def test_stream_outlives_names(self):
        decoder = telucodec.Decoder(telucodec.Model(WEIGHTS))
        encoder = telucodec.Encoder(WEIGHTS)
        # A cycle is freed in any order, the model last.
        encoder.cycle = encoder
        packets = encoder.encode(sound(3200))
        del encoder
        gc.collect()
        self.assertEqual(sum(len(decoder.decode(p)) for p in packets), 3200)

    def test_one_stream_many_threads(self):
        """libtelu wants one thread at a time, and ctypes lets all of them in."""
        library, inside, together = telucodec._streams.lib, [], []

        class Watched:
            def __getattr__(self, name):
                return getattr(library, name)

            def telu_encode(self, *arguments):
                together.extend(inside)
                inside.append(threading.get_ident())
                time.sleep(0.001)
                size = library.telu_encode(*arguments)
                inside.remove(threading.get_ident())
                return size

        encoder = telucodec.Encoder(WEIGHTS, mode="cbr", bitrate=8000)
        pcm, packets = sound(320), []
        threads = [threading.Thread(target=lambda: packets.extend(
            sum((encoder.encode(pcm) for _ in range(10)), []))) for _ in range(4)]
        telucodec._streams.lib = Watched()
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            telucodec._streams.lib = library
        self.assertEqual(together, [])
        self.assertEqual([len(p) for p in packets], [20] * 40)

    def test_readme(self):
        # The shipped weights need not be installed here.
        os.environ.setdefault("TELUCODEC_MODEL", WEIGHTS)
        done = doctest.testfile(README, module_relative=False)
        self.assertGreater(done.attempted, 8)
        self.assertEqual(done.failed, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
