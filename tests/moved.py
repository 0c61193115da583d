#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""moved.py SHORT LONG PACKETS STREAMS - by gpu.sh: two logs of ncu --csv, of runs that
differ in PACKETS packets of each of STREAMS streams, become kernels and bytes of device
memory per packet."""
import csv
import sys


def read(path):
    kernels, total = set(), 0.
    with open(path, errors="replace") as f:
        lines = [line for line in f if line.startswith('"')]
    for r in csv.DictReader(lines):
        kernels.add(r["ID"])
        total += float(r["Metric Value"].replace(",", ""))
    return len(kernels), total


(k0, b0), (k1, b1) = read(sys.argv[1]), read(sys.argv[2])
packets, streams = int(sys.argv[3]), int(sys.argv[4])
if not k1 > k0 > 0:
    sys.exit(1)
print("%.4g kernels, %.0f bytes per stream and packet" % ((k1 - k0) / packets,
                                                         (b1 - b0) / packets / streams))
