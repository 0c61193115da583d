/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_loss.c - runs a codec over RTP with packet loss, for bench_loss.py.
 *
 *   bench_loss LOSS BURST SEED IN OUT.wav CHAIN
 *
 * CHAIN: "encoder ! payloader !! depayloader ! decoder". LOSS percent of the packets are
 * lost at "!!", BURST in a row on average (Gilbert 1960), different ones for each SEED. The
 * depayloader gets the event of an rtpjitterbuffer for each lost packet. Prints bytes of
 * payload, packets, and lost packets.
 */
#include <gst/gst.h>
#include <gst/rtp/rtp.h>

#include <stdlib.h>
#include <string.h>

struct net {
    guint64 chance;
    double enter, leave;       /* the bad state, from packet to packet */
    gboolean bad;
    gsize bytes;
    guint packets, lost;
};

static double draw(struct net *net)
{
    net->chance = net->chance * 6364136223846793005u + 1442695040888963407u;
    return (double)(net->chance >> 40) / (1 << 24);
}

static GstPadProbeReturn pass(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER(info);
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    struct net *net = user;
    guint seq;

    if (!gst_rtp_buffer_map(buf, GST_MAP_READ, &rtp))
        return GST_PAD_PROBE_OK;
    net->bytes += gst_rtp_buffer_get_payload_len(&rtp);
    seq = gst_rtp_buffer_get_seq(&rtp);
    gst_rtp_buffer_unmap(&rtp);

    net->bad = net->bad ? draw(net) >= net->leave : draw(net) < net->enter;
    if (net->packets++ == 0 || !net->bad)
        return GST_PAD_PROBE_OK;
    net->lost++;
    gst_pad_push_event(pad, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
        gst_structure_new("GstRTPPacketLost", "seqnum", G_TYPE_UINT, seq,
                          "timestamp", G_TYPE_UINT64, (guint64)GST_BUFFER_PTS(buf),
                          "duration", G_TYPE_UINT64, (guint64)(20 * GST_MSECOND), NULL)));
    return GST_PAD_PROBE_DROP;
}

static int fail(const char *what)
{
    g_printerr("bench_loss: %s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    struct net net = { 0 };
    gchar **sides, *text;
    GError *error = NULL;
    GstElement *pipe, *middle;
    GstMessage *msg;
    GstBus *bus;
    GstPad *pad;
    int failed = 0;

    gst_init(&argc, &argv);
    sides = argc == 7 ? g_strsplit(argv[6], "!!", 2) : NULL;
    if (!sides || g_strv_length(sides) != 2)
        return fail("usage: LOSS BURST SEED IN OUT.wav \"encoder ! payloader !! "
                    "depayloader ! decoder\"");
    net.leave = 1.0 / atof(argv[2]);
    net.enter = net.leave * atof(argv[1]) / (100.0 - atof(argv[1]));
    net.chance = (guint64)atoi(argv[3]) * 2654435761u;
    draw(&net);

    text = g_strdup_printf("filesrc location=\"%s\" ! decodebin ! audioconvert ! audioresample "
        "! audio/x-raw,rate=16000,channels=1 ! %s ! identity name=net ! %s ! audioconvert ! "
        "audioresample ! audio/x-raw,format=S16LE,rate=16000 ! wavenc ! filesink "
        "location=\"%s\"", argv[4], sides[0], sides[1], argv[5]);
    pipe = gst_parse_launch(text, &error);
    g_free(text);
    g_strfreev(sides);
    if (!pipe || error)
        return fail(error->message);
    middle = gst_bin_get_by_name(GST_BIN(pipe), "net");
    pad = gst_element_get_static_pad(middle, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, pass, &net, NULL);

    bus = gst_element_get_bus(pipe);
    gst_element_set_state(pipe, GST_STATE_PLAYING);
    msg = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE,
                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE(msg) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(msg, &error, NULL);
        failed = fail(error->message);
        g_clear_error(&error);
    } else {
        g_print("%" G_GSIZE_FORMAT " %u %u\n", net.bytes, net.packets, net.lost);
    }
    gst_message_unref(msg);
    gst_element_set_state(pipe, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pad);
    gst_object_unref(middle);
    gst_object_unref(pipe);
    return failed;
}
