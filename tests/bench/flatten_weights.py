#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""flatten_weights.py IN.safetensors OUT - a weight file for bench_gpu, which has no JSON reader.

OUT: "TELUPLN1", int32 count and the ints of struct telu_config (config.h), then every
tensor's bytes in the order of the file. Checks nothing: for weights of our own."""
import json
import struct
import sys

MAX_STAGES = 16

data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + size])
config = json.loads(head.pop("__metadata__")["config"])
ints = [config[k] for k in ("enc_width", "enc_blocks", "dec_width", "dec_blocks", "kernel",
                            "expand", "latent", "stages", "codes")]
ints += config["dim"] + [0] * (MAX_STAGES - len(config["dim"])) + [config["env_stages"]]
with open(sys.argv[2], "wb") as out:
    out.write(b"TELUPLN1" + struct.pack("<%di" % (len(ints) + 1), len(ints), *ints))
    for start, end in sorted(t["data_offsets"] for t in head.values()):
        out.write(data[8 + size + start:8 + size + end])
