/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_elements.c - times encode and decode in one pipeline, TeluCodec beside Opus. Prints rows
 * of a Markdown table.
 *
 *   bench_elements [--smoke] SPEECH
 *
 * appsrc ! encoder ! decoder ! fakesink runs in one thread, on two minutes of SPEECH repeated.
 * The rows have seconds of sound per second of processor time, of the best of three runs; codecs
 * take turns, so that a busy machine is fair to all. --smoke: a short run, to see that it works.
 */
#include "pcm.h"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <string.h>
#include <time.h>

#define RATE  16000
#define TURNS 3

static int seconds = 120;

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
    { "Opus 16 kbit/s, complexity 10", "opusenc",
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

    for (gsize at = 0; at < (gsize)RATE * (gsize)seconds; at += chunk) {
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

/* Times all codecs, turn by turn, and prints a row for each. Returns 1 on failure. */
static int rows(const gint16 *pcm, gsize n, int turns)
{
    const gsize opus = G_N_ELEMENTS(runs) - 1;
    double least[G_N_ELEMENTS(runs)];

    for (gsize i = 0; i < G_N_ELEMENTS(runs); i++) {
        GstElementFactory *f = gst_element_factory_find(runs[i].needs);

        least[i] = f ? G_MAXDOUBLE : 0.0;
        g_clear_pointer(&f, gst_object_unref);
    }
    for (int turn = 0; turn < turns; turn++)
        for (gsize i = 0; i < G_N_ELEMENTS(runs); i++)
            if (least[i] > 0.0) {
                double spent = run(runs[i].chain, pcm, n);

                if (spent < 0.0)
                    return 1;
                least[i] = MIN(least[i], spent);
            }
    for (gsize i = 0; i < G_N_ELEMENTS(runs); i++)
        if (least[i] > 0.0)
            g_print("| elements, encode and decode | %s | **%.0f** x real time |\n", runs[i].name,
                    seconds / least[i]);
        else
            g_print("| elements, encode and decode | %s | not here: no element %s |\n",
                    runs[i].name, runs[i].needs);
    if (least[0] > 0.0 && least[opus] > 0.0)
        g_print("| of Opus's time, elements | 16 kbit/s, complexity 10 | **%.2f** |\n",
                least[0] / least[opus]);
    return 0;
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    gboolean smoke;
    gint16 *pcm;
    gsize n = 0;
    float *x;
    int failed;

    gst_init(&argc, &argv);
    smoke = argc == 3 && strcmp(argv[1], "--smoke") == 0;
    x = argc == 2 + smoke ? pcm_read(argv[1 + smoke], RATE, &n, &error) : NULL;
    if (!x) {
        g_printerr("bench_elements: %s\n", error ? error->message : "usage: "
                   "bench_elements [--smoke] SPEECH");
        return 1;
    }
    pcm = g_new(gint16, n);
    for (gsize i = 0; i < n; i++)
        pcm[i] = (gint16)CLAMP(x[i] * 32768.0f, -32768.0f, 32767.0f);
    if (smoke)
        seconds = 2;
    failed = rows(pcm, n, smoke ? 1 : TURNS);
    g_free(pcm);
    g_free(x);
    return failed;
}
