#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""webrtc.py - a call between two webrtcbins, encrypted and over ICE as WebRTC wants it.

    webrtc.py [--seconds 10] [--source ELEMENTS] [--sink ELEMENTS] [--repair KIND] [--lose N]

Both ends are in this process; offer, answer and candidates go from one to the other in on_offer(),
on_answer() and on_candidate(), in place of which an application has its signalling. Browsers do
not know the codec: the other end has to be GStreamer as well. Each second it prints what each end
hears and sends, and at the end what became of lost packets.

The bit rate follows the network: the estimate of rtpgccbwe (gst-plugins-rs) where that element is
installed, else the losses that the other end reports. Lost packets are repaired by heads of older
packets in the payload (--repair heads), by retransmission (nack) or by RED and ULPFEC (fec).

Needs python3-gi, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-nice and the plugins base, good and bad.
"""
import argparse
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: F401

CAPS = "application/x-rtp,media=audio,encoding-name=TELUCODEC,payload=97,clock-rate=16000"
TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
LOW, HIGH = 9000, 24000        # bit/s
HEADERS = 16000                # of IP, UDP and RTP, at 50 packets a second
LATENCY = {"nack": 400}        # ms; a retransmission takes a round trip or two


class End:
    """One end of the call: sends --source, plays what comes."""

    def __init__(self, name, options, fail):
        self.name, self.options, self.level, self.other = name, options, None, None
        self.sent, self.lost, self.player, self.reported = 0, 0, None, None
        estimated = Gst.ElementFactory.find("rtpgccbwe") is not None
        self.pipeline = Gst.parse_launch(
            "webrtcbin name=rtc bundle-policy=max-bundle latency=%d " % LATENCY.get(
                options.repair, 60) + options.source +
            " ! audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1 ! queue ! "
            "telucodecenc name=enc bitrate=16000 packet-loss-percentage=%d dtx=true ! "
            "rtptelucodecpay name=pay pt=97 ! %s ! rtc." % (
                5 if options.repair == "heads" else 0,
                CAPS + (",extmap-1=" + TWCC + ",rtcp-fb-transport-cc=true" if estimated else "")))
        self.rtc, self.enc = (self.pipeline.get_by_name(n) for n in ("rtc", "enc"))
        self.rtc.connect("on-ice-candidate", self.on_candidate)
        self.rtc.connect("pad-added", self.on_stream)
        if estimated:
            self.rtc.connect("request-aux-sender", self.on_aux)
        else:
            GLib.timeout_add_seconds(1, self.ask_reports)
        transceiver = self.rtc.emit("get-transceiver", 0)
        if options.repair == "nack":
            transceiver.set_property("do-nack", True)
        elif options.repair == "fec":
            transceiver.set_property("fec-type", GstWebRTC.WebRTCFECType.ULP_RED)
            transceiver.set_property("fec-percentage", 100)
        GLib.timeout_add(100, self.find_network)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, m: fail(m.parse_error()[0].message))
        bus.connect("message::element", self.on_level)
        bus.connect("message::latency", lambda *_: self.pipeline.recalculate_latency())

    def on_aux(self, _, transport):
        """Puts the estimator of the bandwidth between webrtcbin and the network."""
        estimator = Gst.ElementFactory.make("rtpgccbwe")
        estimator.connect("notify::estimated-bitrate", lambda e, _: self.set_bitrate(
            e.get_property("estimated-bitrate") - HEADERS))
        return estimator

    def ask_reports(self):
        self.rtc.emit("get-stats", None, Gst.Promise.new_with_change_func(self.on_stats))
        return True

    def on_stats(self, promise):
        """Follows the losses that the other end reports, as Google congestion control does
        (Carlucci et al. 2016): below 2 % the bit rate grows, above 10 % it shrinks."""
        stats = promise.get_reply()
        for i in range(stats.n_fields()):
            s = stats.get_value(stats.nth_field_name(i))
            if not s.has_field("fraction-lost"):
                continue
            loss = s.get_value("fraction-lost")
            number = s.get_value("gst-rtpsource-stats").get_value("rb-exthighestseq")
            if number == self.reported:
                continue
            self.reported = number
            bitrate = self.enc.get_property("bitrate")
            self.set_bitrate(bitrate * 1.08 if loss < 0.02 else
                             bitrate * (1 - loss / 2) if loss > 0.1 else bitrate)
            if self.options.repair == "heads":     # more losses are believed at once
                ready = self.enc.get_property("packet-loss-percentage")
                self.enc.set_property("packet-loss-percentage",
                                      max(round(loss * 100), ready * 3 // 4, 5))

    def set_bitrate(self, bitrate):
        self.enc.set_property("bitrate", int(min(max(bitrate, LOW), HIGH)))

    def find_network(self):
        """Loses every N-th packet in front of encryption, for --lose."""
        rtpbin = self.rtc.get_by_name("rtpbin")
        pad = rtpbin.get_static_pad("send_rtp_src_0")
        if not pad:
            return True
        # RTCP's 5 % of so low a rate would be one request for a retransmission in half a second.
        rtpbin.emit("get-internal-session", 0).set_property("bandwidth", 1e6)
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_packet)
        return False

    def on_packet(self, _, info):
        packet = info.get_buffer().extract_dup(0, 13)
        kind = packet[1] & 127
        if kind != 97 and self.options.repair == "fec":
            kind = packet[12] & 127                # within RED
        if kind == 97:
            self.sent += 1
            if self.options.lose and self.sent > 50 and self.sent % self.options.lose == 0:
                self.lost += 1
                return Gst.PadProbeReturn.DROP
        return Gst.PadProbeReturn.OK

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
            "rtptelucodecdepay name=depay ! telucodecdec ! level interval=1000000000 ! "
            "audioconvert ! audioresample ! " + self.options.sink, True)
        self.player = player
        self.pipeline.add(player)
        player.sync_state_with_parent()
        pad.link(player.get_static_pad("sink"))

    def on_level(self, _, message):
        if message.has_name("level"):
            self.level = max(message.get_structure().get_value("rms"))
            print("%s hears %.1f dB, sends %d bit/s" % (
                self.name, self.level, self.enc.get_property("bitrate")), flush=True)

    def tell(self):
        depay = self.player.get_by_name("depay")
        print("%s: %d of %d packets are lost, %d of them healed by heads, %d concealed" % (
            self.name, self.other.lost, self.other.sent, depay.get_property("recovered"),
            depay.get_property("lost")))


def main():
    options = argparse.ArgumentParser(description="A call between two webrtcbins.")
    options.add_argument("--seconds", type=int, default=10, help="length of the call (10)")
    options.add_argument("--source", default="autoaudiosrc", help="elements (autoaudiosrc)")
    options.add_argument("--sink", default="autoaudiosink", help="elements (autoaudiosink)")
    options.add_argument("--repair", choices=["heads", "nack", "fec", "none"], default="heads",
                         help="what repairs losses (heads)")
    options.add_argument("--lose", type=int, default=0, metavar="N",
                         help="lose every N-th packet (none)")
    options = options.parse_args()

    Gst.init(None)
    loop, failed = GLib.MainLoop(), []

    def fail(text):
        failed.append(text)
        loop.quit()

    a, b = (End(name, options, fail) for name in "AB")
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
        if end.player:
            end.tell()
        end.pipeline.set_state(Gst.State.NULL)
    for end in a, b:
        if end.level is None and not failed:
            failed.append("%s heard nothing" % end.name)
    if failed:
        sys.exit("webrtc.py: " + failed[0])


main()
