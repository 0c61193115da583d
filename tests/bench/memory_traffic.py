#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""memory_traffic.py SHORT LONG PACKETS STREAMS - prints kernels and bytes of device memory per
packet, for gpu.sh, from two logs of ncu --csv. The runs differ in PACKETS packets of each of
STREAMS streams. The number of additional kernels identifies the last PACKETS packets of the
long run, whose bytes are summed. A difference of two sums would mostly show the first kernels,
whose cache hits differ from run to run."""
import csv
import sys


def read(path):
    """Bytes of each kernel, in the order in which they ran."""
    moved = {}
    with open(path, errors="replace") as f:
        lines = [line for line in f if line.startswith('"')]
    for r in csv.DictReader(lines):
        at = int(r["ID"])
        moved[at] = moved.get(at, 0.) + float(r["Metric Value"].replace(",", ""))
    return [moved[at] for at in sorted(moved)]


short, long = read(sys.argv[1]), read(sys.argv[2])
packets, streams = int(sys.argv[3]), int(sys.argv[4])
more = len(long) - len(short)
if not (short and more > 0):
    sys.exit(1)
print("%.4g kernels, %.0f bytes per stream and packet" % (more / packets,
                                                         sum(long[-more:]) / packets / streams))
