#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""voice_bot.py - a voice bot's loop: listens over RTP, answers when the caller pauses.

    voice_bot.py [--port 5004] [--to HOST:PORT]

answer() says back what it heard: put speech recognition, a language model and a speech
synthesiser there. PCM is 16 kHz mono, 16 bits, in blocks of 20 ms, from an appsink and into an
appsrc. Needs python3-gi, gir1.2-gst-plugins-base-1.0 and the plugins base and good. A caller:

    gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! telucodecenc dtx=true ! \\
        rtptelucodecpay ! udpsink host=127.0.0.1 port=5004 \\
        udpsrc port=5006 \\
        caps=application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC ! \\
        rtpjitterbuffer do-lost=true latency=60 ! rtptelucodecdepay ! telucodecdec ! \\
        audioconvert ! audioresample ! autoaudiosink
"""
import argparse
import array
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import GLib, Gst, GstApp  # noqa: F401

BLOCK = 640                    # bytes: 20 ms
LOUD = 300                     # mean amplitude of speech, of 32768
PAUSE = 25                     # blocks of quiet that end a turn: 0.5 s


def answer(heard):
    """heard: bytes of PCM, a caller's turn. Returns bytes of PCM to say, of any length."""
    return heard


class Bot:
    def __init__(self):
        self.turn, self.quiet, self.saying = b"", 0, b""

    def block(self, pcm):
        """Takes 20 ms heard and returns 20 ms to say. It runs in the pipeline's thread: an answer
        that takes longer than 20 ms belongs in a thread of its own."""
        samples = array.array("h", pcm)
        loud = sum(map(abs, samples)) > LOUD * len(samples)
        if loud:
            self.saying = b""      # the caller interrupts
        self.quiet = 0 if loud else self.quiet + 1
        if loud or self.turn:
            self.turn += pcm
        if self.turn and self.quiet == PAUSE:
            self.saying, self.turn = answer(self.turn), b""
            print("voice_bot.py: answers with %.1f s" % (len(self.saying) / 32000), flush=True)
        said, self.saying = self.saying[:BLOCK], self.saying[BLOCK:]
        return said.ljust(BLOCK, b"\0")


def main():
    options = argparse.ArgumentParser(description="Answers a caller over RTP.")
    options.add_argument("--port", type=int, default=5004, help="to listen at (5004)")
    options.add_argument("--to", default="127.0.0.1:5006", help="HOST:PORT of the caller")
    options = options.parse_args()
    host, port = options.to.rsplit(":", 1)

    Gst.init(None)
    pipeline = Gst.parse_launch(
        "udpsrc name=from caps=application/x-rtp,media=audio,clock-rate=16000,"
        "encoding-name=TELUCODEC ! rtpjitterbuffer do-lost=true latency=60 ! "
        "rtptelucodecdepay ! telucodecdec ! audioconvert ! "
        "audio/x-raw,format=S16LE,rate=16000,channels=1 ! "
        "appsink name=heard emit-signals=true sync=true "
        "appsrc name=said is-live=true do-timestamp=true format=time "
        "caps=audio/x-raw,format=S16LE,rate=16000,channels=1,layout=interleaved ! "
        "telucodecenc dtx=true ! rtptelucodecpay ! udpsink name=to async=false")
    pipeline.get_by_name("from").set_property("port", options.port)
    pipeline.get_by_name("to").set_property("host", host)
    pipeline.get_by_name("to").set_property("port", int(port))
    said, bot, rest = pipeline.get_by_name("said"), Bot(), bytearray()

    def on_sample(sink):
        buffer = sink.emit("pull-sample").get_buffer()
        rest.extend(buffer.extract_dup(0, buffer.get_size()))
        while len(rest) >= BLOCK:
            pcm = bot.block(bytes(rest[:BLOCK]))
            del rest[:BLOCK]
            said.emit("push-buffer", Gst.Buffer.new_wrapped(pcm))
        return Gst.FlowReturn.OK

    pipeline.get_by_name("heard").connect("new-sample", on_sample)
    loop, failed = GLib.MainLoop(), []

    def on_message(_, message):
        if message.type == Gst.MessageType.ERROR:
            failed.append(message.parse_error()[0].message)
            loop.quit()

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        loop.run()
    except KeyboardInterrupt:
        pass
    pipeline.set_state(Gst.State.NULL)
    if failed:
        sys.exit("voice_bot.py: " + failed[0])


main()
