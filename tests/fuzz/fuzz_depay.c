/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_depay.c - rtptelucodecdepay on what a peer or a jitter buffer may send. The input is a
 * sequence of
 *
 *   0 .. 199    an RTP packet: step of its number (1 byte, signed), of its time in 10 ms (1 byte,
 *               signed), and a payload of so many bytes
 *   200 .. 219  the same, the step of its number 256 times as large
 *   220 .. 239  a report of a loss: number (1 byte, signed), duration in 20 ms (1 byte)
 *   240 .. 247  a GAP event: time in 20 ms from the last packet (signed), duration in 20 ms
 *   248 .. 251  a flush, and a new segment
 *   252 .. 253  use-redundancy changes
 *   254         an RTP packet as above, with a payload of eight times so many equal bytes (2 bytes)
 *   255         the end of the stream
 *
 * Messages are few, what comes out is in proportion to what goes in, and no packet is longer than
 * the codec's longest. */
#include "fuzz_gst.h"

#include <gst/rtp/rtp.h>

#define CAPS "application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC"
#define PACKET (20 * GST_MSECOND)
#define LONGEST 1000           /* bytes of a packet */

struct sender {
    uint16_t seq;
    uint32_t time;             /* samples */
    GstClockTime pts;
};

static int take_signed(struct input *in)
{
    return (int8_t)take_byte(in);
}

static void send_payload(struct fuzzed *f, struct sender *s, int number, int time,
                         const uint8_t *payload, size_t size)
{
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    GstBuffer *buf = gst_rtp_buffer_new_allocate((guint)size, 0, 0);

    s->seq = (uint16_t)(s->seq + number);
    s->time += (uint32_t)(time * 160);
    s->pts = time < 0 && s->pts < (GstClockTime)-time * 10 * GST_MSECOND ? 0 :
             s->pts + (GstClockTime)(time * 10) * GST_MSECOND;
    gst_rtp_buffer_map(buf, GST_MAP_WRITE, &rtp);
    gst_rtp_buffer_set_payload_type(&rtp, 96);
    gst_rtp_buffer_set_seq(&rtp, s->seq);
    gst_rtp_buffer_set_ssrc(&rtp, 7);
    gst_rtp_buffer_set_timestamp(&rtp, s->time);
    if (size)
        memcpy(gst_rtp_buffer_get_payload(&rtp), payload, size);
    gst_rtp_buffer_unmap(&rtp);
    GST_BUFFER_PTS(buf) = s->pts;
    gst_harness_push(f->h, buf);
}

static void send_packet(struct fuzzed *f, struct input *in, struct sender *s, size_t size, int far)
{
    const int number = take_signed(in) * (far ? 256 : 1), time = take_signed(in);
    const uint8_t *payload = take(in, &size);

    send_payload(f, s, number, time, payload, size);
}

static void send_large(struct fuzzed *f, struct input *in, struct sender *s)
{
    const int number = take_signed(in), time = take_signed(in);
    const size_t size = 8 * (size_t)take_byte(in);
    uint8_t payload[8 * 255];

    memset(payload, take_byte(in), sizeof(payload));
    send_payload(f, s, number, time, payload, size);
}

static void report_loss(struct fuzzed *f, struct input *in, const struct sender *s)
{
    const unsigned seq = (uint16_t)(s->seq + take_signed(in)), packets = take_byte(in);

    gst_harness_push_event(f->h, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
        gst_structure_new("GstRTPPacketLost", "seqnum", G_TYPE_UINT, seq, "timestamp",
                          G_TYPE_UINT64, (guint64)(s->pts + PACKET), "duration", G_TYPE_UINT64,
                          (guint64)(packets * PACKET), NULL)));
}

static void send_gap(struct fuzzed *f, struct input *in, const struct sender *s)
{
    const int from = take_signed(in);
    const GstClockTime back = from < 0 ? (GstClockTime)-from * PACKET : 0;
    const GstClockTime at = back > s->pts ? 0 : from < 0 ? s->pts - back :
                            s->pts + (GstClockTime)from * PACKET;

    gst_harness_push_event(f->h, gst_event_new_gap(at, (1 + take_byte(in)) * PACKET));
}

static void flush(struct fuzzed *f)
{
    GstSegment segment;

    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(f->h, gst_event_new_flush_start());
    gst_harness_push_event(f->h, gst_event_new_flush_stop(TRUE));
    gst_harness_push_event(f->h, gst_event_new_segment(&segment));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    struct fuzzed f = fuzz_open("rtptelucodecdepay", CAPS);
    struct sender s = { 0 };
    GstElement *depay = gst_harness_find_element(f.h, "rtptelucodecdepay");
    unsigned ops = 0, ended = 0, restarts = 1;

    while (in.left && !ended) {
        const unsigned op = take_byte(&in);

        ops++;
        if (op < 220)
            send_packet(&f, &in, &s, op < 200 ? op : op - 200, op >= 200);
        else if (op < 240)
            report_loss(&f, &in, &s);
        else if (op < 248)
            send_gap(&f, &in, &s);
        else if (op < 252)
            flush(&f);
        else if (op < 254)
            g_object_set(depay, "use-redundancy", op == 252, NULL);
        else if (op == 254)
            send_large(&f, &in, &s);
        else
            ended = 1;
        restarts += op >= 248;
        fuzz_drain(&f);
    }
    gst_harness_push_event(f.h, gst_event_new_eos());
    gst_object_unref(depay);
    fuzz_close(&f);
    promise(!f.errors, "errors", f.errors);
    promise(f.warnings <= 1, "warnings", f.warnings);
    promise(f.latencies <= 13 * restarts + 13 * (ops / 500), "latency messages", f.latencies);
    promise(f.largest <= LONGEST, "bytes of a packet", (double)f.largest);
    /* A payload has ten packets at most; a step over 50 numbers begins a new stream. */
    promise(f.buffers + f.gaps <= 64 * (ops + 1), "packets and gaps", f.buffers + f.gaps);
    return 0;
}
