#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""record.py - records the microphone into a .tlc file until Ctrl-C, and shows its level.

    record.py speech.tlc
    record.py --seconds 10 --bitrate 6000 --source "pulsesrc device=..." speech.tlc

Needs python3-gi, gir1.2-gstreamer-1.0 and the plugins base and good.
"""
import argparse
import signal
import sys

import gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst


def show(level):
    """Draws the peak of the last 0.1 s: 40 columns for 60 dB."""
    peak = max(level.get_value("peak"))
    bar = "#" * round(max(0, min(60, 60 + peak)) / 1.5)
    sys.stderr.write("\r%6.1f dB |%-40s|" % (max(peak, -99), bar))


def main():
    options = argparse.ArgumentParser(description="Records the microphone into a .tlc file.")
    options.add_argument("file")
    options.add_argument("--seconds", type=int, help="end by itself")
    options.add_argument("--bitrate", type=int, default=16000, help="bit/s (16000)")
    options.add_argument("--source", default="autoaudiosrc", help="elements (autoaudiosrc)")
    options = options.parse_args()

    Gst.init(None)
    pipeline = Gst.parse_launch(
        options.source + " ! audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1 ! "
        "level interval=100000000 ! queue ! telucodecenc name=enc ! telucodecmux ! "
        "filesink name=file")
    pipeline.get_by_name("enc").set_property("bitrate", options.bitrate)
    pipeline.get_by_name("file").set_property("location", options.file)
    loop, failed = GLib.MainLoop(), []

    def finish():
        # The end of the stream makes the muxer write the last page and the length.
        pipeline.send_event(Gst.Event.new_eos())
        return GLib.SOURCE_REMOVE

    def on_message(_, message):
        if message.type == Gst.MessageType.ERROR:
            failed.append(message.parse_error()[0].message)
            loop.quit()
        elif message.type == Gst.MessageType.EOS:
            loop.quit()
        elif message.type == Gst.MessageType.ELEMENT and message.has_name("level"):
            show(message.get_structure())

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGINT, finish)
    if options.seconds:
        GLib.timeout_add_seconds(options.seconds, finish)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    sys.stderr.write("\n")
    if failed:
        sys.exit("record.py: " + failed[0])


main()
