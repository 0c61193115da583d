#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_tensorboard.py TEST_METRICS - TensorBoard's own reader finds the numbers in an event file
that the trainer's code wrote. Skipped where tensorboard is not installed."""
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    events = EventAccumulator(folder, size_guidance={"scalars": 0}).Reload()
    want = {
        "epoch/epoch": [(1000 * i, i) for i in range(1, 301)],
        "epoch/mel": [(1000 * i, 0.25 * i) for i in range(1, 301)],
        "epoch/snr_16k": [(1000 * i, 20 + i) for i in range(1, 301, 2)],
    }
    bad = 0
    if set(events.Tags()["scalars"]) != set(want):
        print("tags:", events.Tags()["scalars"])
        bad = 1
    for tag in want:
        got = [(e.step, e.value) for e in events.Scalars(tag)]
        if got != want[tag]:
            print(f"{tag}: {len(got)} numbers, {got[:3]} ..., expected {want[tag][:3]} ...")
            bad = 1
sys.exit(bad)
