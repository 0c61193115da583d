/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_gst.h - elements of the plugin, which is linked in, as targets: each input gets an element
 * of its own, what it posts and pushes is counted, and a critical message of GLib aborts. */
#ifndef FUZZ_GST_H
#define FUZZ_GST_H

#include "fuzz.h"

#include <gst/check/gstharness.h>

GST_PLUGIN_STATIC_DECLARE(telucodec);

struct fuzzed {
    GstHarness *h;
    GstBus *bus;
    unsigned warnings, errors, latencies;      /* messages so far */
    unsigned buffers, gaps;                    /* that came out */
    uint64_t bytes, largest;                   /* of all buffers, of one */
};

static inline struct fuzzed fuzz_open(const char *elements, const char *caps)
{
    static int started;
    struct fuzzed f = { 0 };

    if (!started++) {
        gst_init(NULL, NULL);
        g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
        GST_PLUGIN_STATIC_REGISTER(telucodec);
    }
    f.h = gst_harness_new_parse(elements);
    f.bus = gst_bus_new();
    gst_element_set_bus(f.h->element, f.bus);
    if (caps)
        gst_harness_set_src_caps_str(f.h, caps);
    return f;
}

/* Counts and drops what came since the last call. */
static inline void fuzz_drain(struct fuzzed *f)
{
    GstMessage *m;
    GstBuffer *buf;
    GstEvent *event;

    while ((m = gst_bus_pop(f->bus))) {
        f->warnings += GST_MESSAGE_TYPE(m) == GST_MESSAGE_WARNING;
        f->errors += GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR;
        f->latencies += GST_MESSAGE_TYPE(m) == GST_MESSAGE_LATENCY;
        gst_message_unref(m);
    }
    while ((buf = gst_harness_try_pull(f->h))) {
        f->buffers++;
        f->bytes += gst_buffer_get_size(buf);
        f->largest = MAX(f->largest, gst_buffer_get_size(buf));
        gst_buffer_unref(buf);
    }
    while ((event = gst_harness_try_pull_event(f->h))) {
        f->gaps += GST_EVENT_TYPE(event) == GST_EVENT_GAP;
        gst_event_unref(event);
    }
}

static inline void fuzz_close(struct fuzzed *f)
{
    fuzz_drain(f);
    gst_element_set_bus(f->h->element, NULL);
    gst_object_unref(f->bus);
    gst_harness_teardown(f->h);
}

#endif
