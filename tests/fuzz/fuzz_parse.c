/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_parse.c - telucodecparse on anything, with or without the decoder behind it. The first byte
 * says how: bit 0, decode; bit 1, make check sums right first; the others, the size of the
 * buffers. The file follows. Messages are few, and sound is bounded by what was received. */
#include "fuzz_gst.h"
#include "fuzz_mend.h"

#define MOST 4096              /* bytes of an input that are looked at */
#define RATE 16000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned how = size ? *data : 0, chunk = 1 + (how >> 2) * 17;
    const size_t n = size > MOST ? MOST : size ? size - 1 : 0;
    struct fuzzed f = fuzz_open(how & 1 ? "telucodecparse ! telucodecdec" : "telucodecparse", NULL);
    uint8_t *in = malloc(n + 1);
    GstFlowReturn flow = GST_FLOW_OK;
    GstSegment segment;

    promise(in != NULL, "no memory", (double)n);
    memcpy(in, data + !!size, n);
    if (how & 2)
        fuzz_mend(in, n);
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(f.h, gst_event_new_stream_start("fuzz"));
    gst_harness_push_event(f.h, gst_event_new_segment(&segment));
    for (size_t at = 0; at < n && flow == GST_FLOW_OK; at += chunk) {
        flow = gst_harness_push(f.h, gst_buffer_new_memdup(in + at, MIN(chunk, n - at)));
        fuzz_drain(&f);
    }
    gst_harness_push_event(f.h, gst_event_new_eos());
    fuzz_close(&f);
    free(in);
    promise(f.warnings <= 5, "warnings", f.warnings);
    /* Parser and decoder refuse a stream once each, and the base class one without a packet. */
    promise(f.errors <= 3, "errors", f.errors);
    /* A packet has a byte, or no more than an eighth of it; a minute of gaps is free, and each
     * packet earns a second and a half. */
    promise(how & 1 || f.buffers <= 15 * n, "packets", f.buffers);
    promise(!(how & 1) || f.bytes <= 4.0 * RATE * (60 + 1.6 * 15 * n), "bytes of sound",
            (double)f.bytes);
    return 0;
}
