/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_elements.c - times encode and decode in one pipeline, TeluCodec beside Opus:
 *
 *   bench_elements SPEECH
 *
 * appsrc ! encoder ! decoder ! fakesink runs in one thread, on two minutes of SPEECH
 * repeated. Prints seconds of sound per second of processor time.
 */
#include "pcm.h"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <string.h>
#include <time.h>

#define RATE    16000
#define SECONDS 120

static const struct {
    const char *name, *needs, *chain;
} runs[] = {
    { "telucodec 16 kbit/s", "telucodecenc", "telucodecenc bitrate=16000 ! telucodecdec" },
    { "telucodec 16 kbit/s, tune=snr", "telucodecenc",
      "telucodecenc bitrate=16000 tune=snr ! telucodecdec" },
    { "telucodec 16 kbit/s, cbr", "telucodecenc",
      "telucodecenc bitrate=16000 bitrate-type=cbr ! telucodecdec" },
    { "telucodec 6 kbit/s, base layer", "telucodecenc",
      "telucodecenc bitrate=6000 refinement=false ! telucodecdec" },
    { "opus 16 kbit/s, complexity 10", "opusenc",
      "opusenc bitrate=16000 complexity=10 audio-type=voice ! opusdec" },
};

static double processor_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Pushes buffers of 20 ms, like a microphone. */
static void feed(GstAppSrc *src, const gint16 *pcm, gsize n)
{
    const gsize chunk = RATE / 50;

    for (gsize at = 0; at < (gsize)RATE * SECONDS; at += chunk) {
        GstBuffer *b = gst_buffer_new_allocate(NULL, chunk * 2, NULL);
        GstMapInfo map;

        gst_buffer_map(b, &map, GST_MAP_WRITE);
        for (gsize i = 0; i < chunk; i++)
            memcpy(map.data + 2 * i, pcm + (at + i) % n, 2);
        gst_buffer_unmap(b, &map);
        GST_BUFFER_PTS(b) = gst_util_uint64_scale(at, GST_SECOND, RATE);
        GST_BUFFER_DURATION(b) = 20 * GST_MSECOND;
        gst_app_src_push_buffer(src, b);
    }
    gst_app_src_end_of_stream(src);
}

/* Returns processor seconds, or a negative number on failure. */
static double run(const char *chain, const gint16 *pcm, gsize n)
{
    char *text = g_strdup_printf("appsrc name=src format=time max-bytes=0 "
        "caps=audio/x-raw,format=S16LE,layout=interleaved,rate=%d,channels=1 ! "
        "%s ! fakesink sync=false", RATE, chain);
    GError *error = NULL;
    GstElement *pipe = gst_parse_launch(text, &error), *src;
    GstMessage *msg;
    GstBus *bus;
    double begin, spent = -1.0;

    g_free(text);
    if (!pipe) {
        g_printerr("bench_elements: %s\n", error->message);
        g_clear_error(&error);
        return -1.0;
    }
    src = gst_bin_get_by_name(GST_BIN(pipe), "src");
    bus = gst_element_get_bus(pipe);
    gst_element_set_state(pipe, GST_STATE_PAUSED);     /* weights are read by now */
    feed(GST_APP_SRC(src), pcm, n);
    begin = processor_time();
    gst_element_set_state(pipe, GST_STATE_PLAYING);
    msg = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE,
                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE(msg) == GST_MESSAGE_EOS) {
        spent = processor_time() - begin;
    } else {
        gst_message_parse_error(msg, &error, NULL);
        g_printerr("bench_elements: %s\n", error->message);
        g_clear_error(&error);
    }
    gst_message_unref(msg);
    gst_element_set_state(pipe, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(src);
    gst_object_unref(pipe);
    return spent;
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    gint16 *pcm;
    gsize n = 0;
    float *x;
    int failed = 0;

    gst_init(&argc, &argv);
    x = argc == 2 ? pcm_read(argv[1], RATE, &n, &error) : NULL;
    if (!x) {
        g_printerr("bench_elements: %s\n", error ? error->message : "usage: "
                   "bench_elements SPEECH");
        return 1;
    }
    pcm = g_new(gint16, n);
    for (gsize i = 0; i < n; i++)
        pcm[i] = (gint16)CLAMP(x[i] * 32768.0f, -32768.0f, 32767.0f);
    for (gsize i = 0; i < G_N_ELEMENTS(runs); i++) {
        GstElementFactory *f = gst_element_factory_find(runs[i].needs);
        double spent;

        if (!f) {
            g_print("%-34s not here: no element %s\n", runs[i].name, runs[i].needs);
            continue;
        }
        gst_object_unref(f);
        spent = run(runs[i].chain, pcm, n);
        failed |= spent < 0.0;
        if (spent >= 0.0)
            g_print("%-34s encode and decode %6.1f x real time\n", runs[i].name,
                    SECONDS / spent);
    }
    g_free(pcm);
    g_free(x);
    return failed;
}
