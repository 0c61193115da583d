/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* source.c - see source.h. */
#include "source.h"

#include "uncompressed.h"

#include <errno.h>
#include <gst/app/gstappsrc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Adds the empty channel mask to caps of many channels that have none, which audioconvert
 * refuses, and has such channels added up with equal weights. */
static GstPadProbeReturn place_channels(GstPad *pad, GstPadProbeInfo *info, gpointer convert)
{
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstCaps *caps;
    GstStructure *s;
    guint64 mask = 0;
    int channels = 0;

    (void)pad;
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    gst_event_parse_caps(event, &caps);
    s = gst_caps_get_structure(caps, 0);
    gst_structure_get(s, "channel-mask", GST_TYPE_BITMASK, &mask, NULL);
    if (!gst_structure_get_int(s, "channels", &channels) || channels < 3 || mask)
        return GST_PAD_PROBE_OK;

    GValue matrix = G_VALUE_INIT, row = G_VALUE_INIT, weight = G_VALUE_INIT;
    g_value_init(&matrix, GST_TYPE_ARRAY);
    g_value_init(&row, GST_TYPE_ARRAY);
    g_value_init(&weight, G_TYPE_FLOAT);
    g_value_set_float(&weight, 1.0f / (float)channels);
    for (int c = 0; c < channels; c++)
        gst_value_array_append_value(&row, &weight);
    gst_value_array_append_and_take_value(&matrix, &row);
    g_object_set_property(convert, "mix-matrix", &matrix);
    g_value_unset(&matrix);

    caps = gst_caps_copy(caps);
    gst_caps_set_simple(caps, "channel-mask", GST_TYPE_BITMASK, (guint64)0, NULL);
    GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(caps);
    gst_caps_unref(caps);
    gst_event_unref(event);
    return GST_PAD_PROBE_OK;
}

/* Links the first audio pad: of a film the pictures stay undecoded. */
static void pad_added(GstElement *src, GstPad *pad, gpointer convert)
{
    GstPad *sink = gst_element_get_static_pad(convert, "sink");
    GstCaps *caps = gst_pad_query_caps(pad, NULL);
    const char *name = gst_caps_is_empty(caps) || gst_caps_is_any(caps) ? ""
        : gst_structure_get_name(gst_caps_get_structure(caps, 0));

    (void)src;
    if (g_str_has_prefix(name, "audio/x-raw") && !gst_pad_is_linked(sink))
        gst_pad_link(pad, sink);
    gst_caps_unref(caps);
    gst_object_unref(sink);
}

/* Ends a file without audio, which would never reach the sink. */
static void no_more_pads(GstElement *src, gpointer convert)
{
    GstPad *sink = gst_element_get_static_pad(convert, "sink");

    if (!gst_pad_is_linked(sink))
        GST_ELEMENT_ERROR(src, STREAM, WRONG_TYPE, ("no audio in it"), (NULL));
    gst_object_unref(sink);
}

static guint32 u32(const guint8 *p)
{
    return GST_READ_UINT32_LE(p);
}

/* Tells whether the file is a WAV whose data has an odd number of bytes. GStreamer 1.22's
 * wavparse finds nothing in one, unless it is pushed; pushed it misses tags behind the data. */
static gboolean is_odd_wav(const char *path)
{
    /* A pipe keeps its bytes. */
    FILE *file = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? fopen(path, "rb") : NULL;
    guint8 head[12], ds64[16] = { 0 };
    guint32 size = 0;
    gboolean found = FALSE;

    if (!file)
        return FALSE;
    if (fread(head, 1, 12, file) == 12 && !memcmp(head + 8, "WAVE", 4) &&
        (!memcmp(head, "RIFF", 4) || !memcmp(head, "RF64", 4))) {
        while (!found && fread(head, 1, 8, file) == 8) {
            size = u32(head + 4);
            found = !memcmp(head, "data", 4);
            if (!memcmp(head, "ds64", 4) && size >= 16 && fread(ds64, 1, 16, file) == 16)
                size -= 16;
            if (!found && fseeko(file, (off_t)size + (size & 1), SEEK_CUR) < 0)
                break;
        }
        if (size == G_MAXUINT32)
            size = u32(ds64 + 8);
    }
    fclose(file);
    return found && size & 1;
}

/* Answers for filesrc that it can only push. (A queue has the same effect, but one file in some
 * 10,000 then stops without an end.) */
static GstPadProbeReturn push_only(GstPad *pad, GstPadProbeInfo *info, gpointer none)
{
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);

    (void)pad;
    (void)none;
    if (GST_QUERY_TYPE(query) != GST_QUERY_SCHEDULING)
        return GST_PAD_PROBE_OK;
    gst_query_set_scheduling(query, GST_SCHEDULING_FLAG_SEEKABLE, 1, -1, 0);
    gst_query_add_scheduling_mode(query, GST_PAD_MODE_PUSH);
    return GST_PAD_PROBE_HANDLED;
}

/* --- Files that are read here ---------------------------------------------- */

struct reader {
    FILE *file;
    struct uncompressed u;
    gint64 at;                 /* bytes of samples that were read */
};

static void reader_free(gpointer data)
{
    struct reader *r = data;

    fclose(r->file);
    g_free(r);
}

static void need_data(GstAppSrc *src, guint length, gpointer data)
{
    struct reader *r = data;
    const gint64 most = 16384 / r->u.frame * (gint64)r->u.frame;
    const gint64 size = MIN(most, r->u.size - r->at), second = (gint64)r->u.frame * r->u.rate;
    guint8 *bytes = g_malloc((gsize)MAX(size, 1));
    GstBuffer *buffer;

    (void)length;
    if (size <= 0 || fread(bytes, 1, (gsize)size, r->file) != (gsize)size) {
        g_free(bytes);
        gst_app_src_end_of_stream(src);
        return;
    }
    buffer = gst_buffer_new_wrapped(bytes, (gsize)size);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(r->at, GST_SECOND, second);
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(size, GST_SECOND, second);
    r->at += size;
    gst_app_src_push_buffer(src, buffer);
}

/* Makes the bin for a file of uncompressed samples, or returns NULL when it is none. */
static GstElement *new_uncompressed(const char *path)
{
    FILE *file = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? fopen(path, "rb") : NULL;
    struct uncompressed u;
    GstElement *bin, *src;
    const char *law;
    char *text;

    if (!file)
        return NULL;
    if (!uncompressed_find(file, &u) || fseeko(file, (off_t)u.offset, SEEK_SET) < 0) {
        fclose(file);
        return NULL;
    }
    law = !strcmp(u.format, "ALAW") ? "alaw" : !strcmp(u.format, "MULAW") ? "mulaw" : NULL;
    text = law
        ? g_strdup_printf("appsrc name=in format=time caps=audio/x-%s,rate=%d,channels=%d "
                          "! %sdec ! audioconvert name=convert", law, u.rate, u.channels, law)
        : g_strdup_printf("appsrc name=in format=time caps=audio/x-raw,format=%s,"
                          "layout=interleaved,rate=%d,channels=%d ! audioconvert name=convert",
                          u.format, u.rate, u.channels);
    bin = gst_parse_bin_from_description_full(text, FALSE, NULL, GST_PARSE_FLAG_FATAL_ERRORS,
                                              NULL);
    g_free(text);
    if (!bin) {
        fclose(file);
        return NULL;
    }
    struct reader *r = g_new0(struct reader, 1);
    *r = (struct reader){ .file = file, .u = u };
    src = gst_bin_get_by_name(GST_BIN(bin), "in");
    g_object_set(src, "duration", gst_util_uint64_scale(u.size, GST_SECOND,
                                                        (guint64)u.frame * u.rate), NULL);
    g_signal_connect(src, "need-data", G_CALLBACK(need_data), r);
    g_object_set_data_full(G_OBJECT(src), "reader", r, reader_free);
    gst_object_unref(src);
    return bin;
}

/* --- All others ------------------------------------------------------------ */

const char *source_standard_input(void)
{
    struct stat st;

    return !fstat(STDIN_FILENO, &st) && S_ISREG(st.st_mode) &&
                   lseek(STDIN_FILENO, 0, SEEK_CUR) == 0 ? "/dev/stdin" : NULL;
}

static GstElement *new_decoded(const char *path, GError **error)
{
    char *text = g_strdup_printf("%s name=in ! decodebin name=decode expose-all-streams=false "
                                 "caps=audio/x-raw audioconvert name=convert",
                                 path ? "filesrc" : "fdsrc fd=0");
    GstElement *bin = gst_parse_bin_from_description(text, FALSE, error);

    g_free(text);
    if (!bin)
        return NULL;
    GstElement *in = gst_bin_get_by_name(GST_BIN(bin), "in");
    GstElement *decode = gst_bin_get_by_name(GST_BIN(bin), "decode");
    GstElement *convert = gst_bin_get_by_name(GST_BIN(bin), "convert");

    if (path)
        g_object_set(in, "location", path, NULL);
    if (path && is_odd_wav(path)) {
        GstPad *out = gst_element_get_static_pad(in, "src");
        gst_pad_add_probe(out, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM | GST_PAD_PROBE_TYPE_PUSH,
                          push_only, NULL, NULL);
        gst_object_unref(out);
    }
    g_signal_connect(decode, "pad-added", G_CALLBACK(pad_added), convert);
    g_signal_connect(decode, "no-more-pads", G_CALLBACK(no_more_pads), convert);
    gst_object_unref(in);
    gst_object_unref(decode);
    gst_object_unref(convert);
    return bin;
}

GstElement *source_new(const char *path, GError **error)
{
    if (!path)
        path = source_standard_input();
    if (path && access(path, R_OK) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot be read: %s",
                    g_strerror(errno));
        return NULL;
    }
    GstElement *bin = path ? new_uncompressed(path) : NULL;
    if (!bin)
        bin = new_decoded(path, error);
    if (!bin)
        return NULL;
    GstElement *convert = gst_bin_get_by_name(GST_BIN(bin), "convert");
    GstPad *src = gst_element_get_static_pad(convert, "src");
    GstPad *sink = gst_element_get_static_pad(convert, "sink");

    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, place_channels, convert, NULL);
    gst_element_add_pad(bin, gst_ghost_pad_new("src", src));
    gst_object_unref(src);
    gst_object_unref(sink);
    gst_object_unref(convert);
    return bin;
}

char *source_missing(GstMessage *msg)
{
    /* The package of Debian 12 that decodes a type. */
    static const struct { const char *type, *text; } known[] = {
        { "audio/x-aiff", "a compressed AIFF: install the Debian package gstreamer1.0-libav" },
        { "audio/x-caf", "a compressed CAF, which GStreamer does not read: make a WAV of it" },
        { "audio/x-w64", "a compressed Wave64: install the Debian package "
          "gstreamer1.0-plugins-bad" },
        { "audio/mpeg", "AAC or MP3: install the Debian package gstreamer1.0-libav" },
        { "audio/AMR", "AMR: install the Debian package gstreamer1.0-plugins-ugly" },
        { "audio/AMR-WB", "AMR-WB: install the Debian package gstreamer1.0-plugins-ugly" },
        { "audio/x-wma", "WMA: install the Debian package gstreamer1.0-libav" },
    };
    const GstStructure *s = gst_message_get_structure(msg);
    const GValue *detail;
    const char *type = NULL;

    if (GST_MESSAGE_TYPE(msg) != GST_MESSAGE_ELEMENT || !s ||
        !gst_structure_has_name(s, "missing-plugin"))
        return NULL;
    detail = gst_structure_get_value(s, "detail");
    if (detail && GST_VALUE_HOLDS_CAPS(detail) && !gst_caps_is_empty(gst_value_get_caps(detail)))
        type = gst_structure_get_name(gst_caps_get_structure(gst_value_get_caps(detail), 0));
    for (gsize i = 0; type && i < G_N_ELEMENTS(known); i++)
        if (!strcmp(type, known[i].type))
            return g_strdup(known[i].text);
    return g_strdup_printf("no plug-in decodes %s: install the Debian packages gstreamer1.0-libav, "
                           "gstreamer1.0-plugins-bad or gstreamer1.0-plugins-ugly",
                           type ? type : gst_structure_get_string(s, "name"));
}
