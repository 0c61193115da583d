# SPDX-License-Identifier: LGPL-2.1-or-later
"""fake_gccbwe.py SCRIPT [ARGUMENT ...] - runs a script with a stand-in for rtpgccbwe, which is in
gst-plugins-rs: it passes packets on and estimates 26 kbit/s from the first packet on."""
import runpy
import sys

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstBase", "1.0")
from gi.repository import GObject, Gst, GstBase  # noqa: E402

Gst.init(None)


class Estimator(GstBase.BaseTransform):
    __gproperties__ = {"estimated-bitrate": (int, "Estimate", "bit/s", 0, 1 << 30, 2048000,
                                             GObject.ParamFlags.READABLE)}
    told = False

    def do_get_property(self, _):
        return 26000 if self.told else 2048000

    def do_transform_ip(self, _):
        if not self.told:
            self.told = True
            self.notify("estimated-bitrate")
        return Gst.FlowReturn.OK


GObject.type_register(Estimator)
Estimator.set_metadata("Stand-in", "Network", "Estimates what it is told", "TeluCodec")
for name, direction in ("sink", Gst.PadDirection.SINK), ("src", Gst.PadDirection.SRC):
    Estimator.add_pad_template(
        Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, Gst.Caps.new_any()))
Gst.Element.register(None, "rtpgccbwe", Gst.Rank.NONE, Estimator)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
