#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""webrtc.py - a call between two webrtcbins, encrypted and over ICE as WebRTC wants it.

    webrtc.py [--seconds 10] [--source ELEMENTS] [--sink ELEMENTS]

Both ends are in this process; offer, answer and candidates go from one to the other in on_offer(),
on_answer() and on_candidate(), in place of which an application has its signalling. Browsers do
not know the codec: the other end has to be GStreamer as well. Each second it prints what each end
hears. Needs python3-gi, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-nice and the plugins base, good
and bad.
"""
import argparse
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: F401

CAPS = "application/x-rtp,media=audio,encoding-name=TELUCODEC,payload=97,clock-rate=16000"


class End:
    """One end of the call: sends --source, plays what comes."""

    def __init__(self, name, source, sink, fail):
        self.name, self.sink, self.level, self.other = name, sink, None, None
        self.pipeline = Gst.parse_launch(
            "webrtcbin name=rtc bundle-policy=max-bundle latency=60 " + source +
            " ! audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1 ! queue ! "
            "telucodecenc bitrate=16000 packet-loss-percentage=5 dtx=true ! "
            "rtptelucodecpay pt=97 ! " + CAPS + " ! rtc.")
        self.rtc = self.pipeline.get_by_name("rtc")
        self.rtc.connect("on-ice-candidate", self.on_candidate)
        self.rtc.connect("pad-added", self.on_stream)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, m: fail(m.parse_error()[0].message))
        bus.connect("message::element", self.on_level)

    def describe(self, kind, reply):
        """Makes an offer or an answer, keeps it, and hands it to the other end."""
        def made(promise):
            result = promise.get_reply()       # owns the description
            description = result.get_value(kind)
            self.rtc.emit("set-local-description", description, None)
            reply(description)
        self.rtc.emit("create-" + kind, None, Gst.Promise.new_with_change_func(made))

    def call(self, *_):
        self.describe("offer", self.other.on_offer)

    def on_offer(self, description):
        def known(_):
            self.describe("answer", self.other.on_answer)
        self.rtc.emit("set-remote-description", description,
                      Gst.Promise.new_with_change_func(known))

    def on_answer(self, description):
        self.rtc.emit("set-remote-description", description, None)

    def on_candidate(self, _, line, candidate):
        self.other.rtc.emit("add-ice-candidate", line, candidate)

    def on_stream(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        player = Gst.parse_bin_from_description(
            "rtptelucodecdepay ! telucodecdec ! level interval=1000000000 ! "
            "audioconvert ! audioresample ! " + self.sink, True)
        self.pipeline.add(player)
        player.sync_state_with_parent()
        pad.link(player.get_static_pad("sink"))

    def on_level(self, _, message):
        if message.has_name("level"):
            self.level = max(message.get_structure().get_value("rms"))
            print("%s hears %.1f dB" % (self.name, self.level), flush=True)


def main():
    options = argparse.ArgumentParser(description="A call between two webrtcbins.")
    options.add_argument("--seconds", type=int, default=10, help="length of the call (10)")
    options.add_argument("--source", default="autoaudiosrc", help="elements (autoaudiosrc)")
    options.add_argument("--sink", default="autoaudiosink", help="elements (autoaudiosink)")
    options = options.parse_args()

    Gst.init(None)
    loop, failed = GLib.MainLoop(), []

    def fail(text):
        failed.append(text)
        loop.quit()

    a, b = (End(name, options.source, options.sink, fail) for name in "AB")
    a.other, b.other = b, a
    a.rtc.connect("on-negotiation-needed", a.call)
    for end in b, a:               # the one that is called first
        end.pipeline.set_state(Gst.State.PLAYING)
    GLib.timeout_add_seconds(options.seconds, loop.quit)
    try:
        loop.run()
    except KeyboardInterrupt:
        pass
    for end in a, b:
        end.pipeline.set_state(Gst.State.NULL)
    for end in a, b:
        if end.level is None and not failed:
            failed.append("%s heard nothing" % end.name)
    if failed:
        sys.exit("webrtc.py: " + failed[0])


main()
