#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""memory_traffic.py SHORT LONG PACKETS STREAMS - by gpu.sh: two logs of ncu --csv, of runs that
differ in PACKETS packets of each of STREAMS streams, become kernels and bytes of device
memory per packet. How many kernels more the long run has tells which are its last PACKETS
packets, and those are what is summed: the difference of two sums would be mostly the
kernels at the beginning, for which the caches stand differently each time."""
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
