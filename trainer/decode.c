/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.c - see decode.h. */
#include "decode.h"

#include "telu.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <math.h>

#define PATIENCE (20 * GST_SECOND)     /* a file that gives nothing for so long */

/* The rest of the line after the file name. */
static const char chain[] =
    "filesrc name=file ! decodebin ! audioconvert ! audioresample ! "
    "audio/x-raw,format=F32LE,layout=interleaved,rate=16000,channels=1 ! "
    "appsink name=sink sync=false";

static void take(GArray *pcm, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    GstMapInfo map;

    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return;
    g_array_append_vals(pcm, map.data, map.size / sizeof(float));
    gst_buffer_unmap(buffer, &map);
}

/* What the pipeline complained about, or NULL. */
static char *complaint(GstElement *pipeline)
{
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *msg = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    GError *error = NULL;
    char *text = NULL;

    if (msg) {
        gst_message_parse_error(msg, &error, NULL);
        text = g_strdup(error->message);
        g_error_free(error);
        gst_message_unref(msg);
    }
    gst_object_unref(bus);
    return text;
}

static void pull(GstElement *pipeline, GstAppSink *sink, GArray *pcm, char **reason)
{
    GstSample *sample;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while (!*reason) {
        sample = gst_app_sink_try_pull_sample(sink, GST_SECOND / 2);
        if (sample) {
            take(pcm, sample);
            gst_sample_unref(sample);
            continue;
        }
        *reason = complaint(pipeline);
        if (gst_app_sink_is_eos(sink))
            break;
        if (!*reason) {
            sample = gst_app_sink_try_pull_sample(sink, PATIENCE);
            if (!sample && !gst_app_sink_is_eos(sink)) {
                *reason = complaint(pipeline);
                if (!*reason)
                    *reason = g_strdup("gives no sound");
            } else if (sample) {
                take(pcm, sample);
                gst_sample_unref(sample);
            }
        }
    }
    if (!*reason && pcm->len == 0)
        *reason = g_strdup("holds no audio");
}

float *decode_file(const char *path, long *n, char **reason)
{
    GstElement *pipeline, *file, *sink;
    GError *error = NULL;
    GArray *pcm;
    float *data;

    *reason = NULL;
    pipeline = gst_parse_launch(chain, &error);
    if (error) {
        *reason = g_strdup(error->message);
        g_error_free(error);
        if (pipeline)
            gst_object_unref(pipeline);
        return NULL;
    }
    pcm = g_array_new(FALSE, FALSE, sizeof(float));
    file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_object_set(file, "location", path, NULL);
    pull(pipeline, GST_APP_SINK(sink), pcm, reason);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(file);
    gst_object_unref(sink);
    gst_object_unref(pipeline);

    *n = (long)pcm->len;
    data = (float *)(void *)g_array_free(pcm, *reason != NULL);
    for (long i = 0; data && i < *n; i++)
        if (!isfinite(data[i]))
            data[i] = 0.0f;
    return data;
}
