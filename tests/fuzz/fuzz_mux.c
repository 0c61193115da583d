/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_mux.c - telucodecmux on packets of any times, and events in any order. The input is a
 * sequence of
 *
 *   0 .. 149    a packet of so many bytes; step of its time in 5 ms (1 byte, signed)
 *   150 .. 179  one without a time stamp, of op - 150 bytes
 *   180 .. 199  one with clipping: start and end (1 byte each, twice as many samples)
 *   200 .. 209  a step of time in hours (1 byte, signed)
 *   210 .. 214  a GAP event of that many seconds (1 byte)
 *   215 .. 219  a silence of the sender of that many packets (1 byte; 255: of no known length);
 *               below 218 the next packet's time is behind it
 *   220 .. 224  a segment that begins at that many seconds (1 byte)
 *   225 .. 229  tags
 *   230 .. 234  caps, again
 *   235 .. 239  a flush
 *   240 .. 244  the end, and another stream
 *   others      the end
 *
 * What comes out, put where its offsets say, is a file that is read without damage and holds each
 * packet once; header and last page agree on its length. A stream whose times go on has the length
 * of its packets and silences. */
#include "fuzz_gst.h"
#include "tlc_walk.h"

#include <gst/audio/audio.h>

#define CAPS "audio/x-telucodec,framed=true,rate=16000,channels=1"
#define MOST 300               /* operations of an input */

static GByteArray *file;
static unsigned read_packets;
static uint64_t length;        /* of the last stream, by its last page */

struct stream {
    unsigned packets;          /* of some bytes, that the muxer took */
    GstClockTime time;
    int regular;               /* its times went on */
    uint64_t length;           /* packets and silent ones, up to the last packet; */
    unsigned silent;           /* and silent ones behind it */
};

static GstEvent *caps_event(void)
{
    GstCaps *caps = gst_caps_from_string(CAPS);
    GstEvent *event = gst_event_new_caps(caps);

    gst_caps_unref(caps);
    return event;
}

/* Answers as a file does, that it can be written again at its beginning. */
static GstPadProbeReturn be_seekable(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);

    (void)pad, (void)user;
    if (GST_QUERY_TYPE(query) != GST_QUERY_SEEKING)
        return GST_PAD_PROBE_OK;
    gst_query_set_seeking(query, GST_FORMAT_BYTES, TRUE, 0, -1);
    return GST_PAD_PROBE_HANDLED;
}

/* Puts what came out into the file, which a flush empties. */
static void store(struct fuzzed *f)
{
    GstBuffer *buf;

    while ((buf = gst_harness_try_pull(f->h))) {
        const guint64 at = GST_BUFFER_OFFSET(buf), n = gst_buffer_get_size(buf);

        promise(at <= file->len, "a hole in the file at byte", (double)at);
        g_byte_array_set_size(file, (guint)MAX(at + n, file->len));
        gst_buffer_extract(buf, 0, file->data + at, n);
        gst_buffer_unref(buf);
    }
    fuzz_drain(f);
}

static void send_packet(struct fuzzed *f, struct input *in, struct stream *s, unsigned op)
{
    const int timed = op < 150 || op >= 180;
    const size_t n = op < 150 ? op : op < 180 ? op - 150 : 20;
    int regular = op < 150, taken;
    guint8 bytes[160];
    GstBuffer *buf;

    memset(bytes, (int)op, sizeof(bytes));
    buf = n ? gst_buffer_new_memdup(bytes, n) : gst_buffer_new();
    if (timed) {
        const int step = (int8_t)take_byte(in);

        regular &= step == 0;
        s->time = step < 0 && s->time < (GstClockTime)-step * 5 * GST_MSECOND ? 0 :
                  s->time + (GstClockTime)(step * 5) * GST_MSECOND;
        GST_BUFFER_PTS(buf) = s->time;
        s->time += 20 * GST_MSECOND;
    }
    if (op >= 180) {
        const unsigned start = 2 * take_byte(in), end = 2 * take_byte(in);

        gst_buffer_add_audio_clipping_meta(buf, GST_FORMAT_DEFAULT, start, end);
    }
    taken = gst_harness_push(f->h, buf) == GST_FLOW_OK;
    s->packets += taken && n;
    s->regular &= taken && regular;
    s->length += s->silent + 1;
    s->silent = 0;
}

static void send_silence(struct fuzzed *f, struct stream *s, unsigned packets, int goes_on)
{
    const GstClockTime duration = packets < 255 ? packets * 20 * GST_MSECOND : GST_CLOCK_TIME_NONE;
    GstEvent *gap = gst_event_new_gap(s->time, duration);

    gst_structure_set(gst_event_writable_structure(gap), "telucodec-silence", G_TYPE_BOOLEAN,
                      TRUE, NULL);
    gst_harness_push_event(f->h, gap);
    s->regular &= packets < 255 && goes_on;
    if (s->regular) {
        s->time += duration;
        s->silent += packets;
    }
}

static void send_segment(struct fuzzed *f, struct stream *s, unsigned seconds)
{
    GstSegment segment;

    s->regular = 0;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.position = segment.time = seconds * GST_SECOND;
    gst_harness_push_event(f->h, gst_event_new_segment(&segment));
}

static void jump(struct stream *s, int hours)
{
    const GstClockTime hour = 3600 * GST_SECOND;

    s->regular = 0;
    s->time = hours < 0 && s->time < (GstClockTime)-hours * hour ? 0 :
              s->time + (GstClockTime)hours * hour;
}

static void begin_again(struct fuzzed *f, struct stream *s, int flush)
{
    if (flush) {
        gst_harness_push_event(f->h, gst_event_new_flush_start());
        gst_harness_push_event(f->h, gst_event_new_flush_stop(TRUE));
        store(f);
        g_byte_array_set_size(file, 0);
        s->packets = 0;
    } else {
        gst_harness_push_event(f->h, gst_event_new_eos());
        gst_harness_push_event(f->h, gst_event_new_stream_start("again"));
        gst_harness_push_event(f->h, caps_event());
        store(f);
    }
    send_segment(f, s, 0);
    s->time = s->length = s->silent = 0;
    s->regular = 1;
}

static void check_page(struct walk *w, const TlcPage *page, int cut)
{
    (void)w;
    promise(!cut, "a cut page, of packets", page->count);
    for (unsigned i = 0; i < page->count; i++)
        read_packets += page->length[i] > 0;
    length = TLC_SAMPLES * ((uint64_t)page->index + page->count);
    if (page->last)
        length -= MIN(length, page->trim);
}

static void check_file(const struct stream *s)
{
    /* A silence at the end that is no longer than those of a call. */
    const unsigned silent = s->silent < TLC_MAX_PACKETS ? s->silent : 0;
    struct walk w = { .take = check_page };
    TlcHeader header;
    char why[TLC_WHY] = "";

    read_packets = 0;
    length = 0;
    walk_tlc(&w, file->data, file->len);
    promise(!w.refused, "places that cannot be read", w.refused);
    promise(read_packets == s->packets, "packets", (double)read_packets - s->packets);
    promise(!s->regular || !s->length || length == TLC_SAMPLES * (s->length + silent),
            "samples of packets and silences",
            (double)length - TLC_SAMPLES * (double)(s->length + silent));
    promise(!file->len || tlc_header_read(&header, file->data, file->len, why) == TLC_OK, why, 0);
    if (file->len && w.headers == 1 && header.samples != TLC_UNKNOWN) {
        const uint64_t heard = length > header.pre_skip ? length - header.pre_skip : 0;

        promise(header.samples == heard, "samples of header and last page",
                (double)header.samples - (double)heard);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    struct fuzzed f = fuzz_open("telucodecmux", CAPS);
    struct stream s = { .regular = 1 };
    unsigned op = 0, ops = 0, ended = 0;

    gst_pad_add_probe(f.h->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, be_seekable, NULL, NULL);
    file = file ? file : g_byte_array_new();
    g_byte_array_set_size(file, 0);
    while (in.left && !ended && ops++ < MOST) {
        op = take_byte(&in);
        if (op < 200)
            send_packet(&f, &in, &s, op);
        else if (op < 210)
            jump(&s, (int8_t)take_byte(&in));
        else if (op < 215)
            gst_harness_push_event(f.h, gst_event_new_gap(s.time, take_byte(&in) * GST_SECOND));
        else if (op < 220)
            send_silence(&f, &s, take_byte(&in), op < 218);
        else if (op < 225)
            send_segment(&f, &s, take_byte(&in));
        else if (op < 230)
            gst_harness_push_event(f.h, gst_event_new_tag(
                gst_tag_list_new(GST_TAG_TITLE, "fuzz", NULL)));
        else if (op < 235)
            gst_harness_push_event(f.h, caps_event());
        else if (op < 245)
            begin_again(&f, &s, op < 240);
        else
            ended = 1;
        store(&f);
    }
    gst_harness_push_event(f.h, gst_event_new_eos());
    store(&f);
    fuzz_close(&f);
    check_file(&s);
    promise(f.errors <= 1, "errors", f.errors);
    promise(file->len <= 600 * (ops + 2) + size, "bytes of the file", file->len);
    return 0;
}
