/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_gst_repair.c - tests that RED (RFC 2198), ULPFEC (RFC 5109) and retransmission (RFC 4588)
 * between two rtpbins repair the payload, as its own heads do. A network loses chosen packets.
 * Those that are repaired sound to the bit as if none was lost. */
#include "gst_common.h"

#include <gst/app/app.h>
#include <gst/rtp/rtp.h>

#include <stdlib.h>
#include <string.h>

#define PACKETS 151             /* 3 s, and the encoder's last one */
#define LOST(k, run) ((k) > 20 && (k) < PACKETS - 20 && (k) % 15 < (run))
#define PT 97
#define PT_RED 100
#define PT_FEC 122
#define PT_RTX 98
#define WHOLE 1                 /* every lost packet is repaired, to the bit */
#define HEADS 2                 /* every one by its head */
#define NOTHING 3               /* none */

struct way
{
  const gchar *name;
  const gchar *element;         /* that has to be there; NULL: none */
  gint run;                     /* packets lost together */
  gboolean repairs_too;         /* lost with them */
  const gchar *pay;             /* from the payloader on */
  const gchar *receiver;        /* properties of its rtpbin */
  const gchar *aux_sender, *aux_receiver, *fec_encoder, *fec_decoder;   /* elements */
  gint expected;
};

struct call
{
  const struct way *way;
  GstElement *from, *to;        /* pipelines */
  gint packets, lost, repairs;  /* payloads; those that the network lost; others beside them */
  guint bytes;                  /* of all */
  GArray *heard;
  gint jumps;                   /* buffers behind the first that are no continuation */
};

/* --- The network ------------------------------------------------------------------- */

static GstElement *
named (GstElement * pipe, const gchar * name)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipe), name);

  CHECK (e, "no %s", name);
  gst_object_unref (e);         /* the pipeline holds it */
  return e;
}

static void
deliver (GstElement * pipe, const gchar * name, GstBuffer * buf)
{
  /* The receiver's clock stamps it, as udpsrc does. */
  GstBuffer *copy = gst_buffer_copy (buf);

  GST_BUFFER_PTS (copy) = GST_BUFFER_DTS (copy) = GST_CLOCK_TIME_NONE;
  gst_app_src_push_buffer (GST_APP_SRC (named (pipe, name)), copy);
}

static void
on_rtp (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer data)
{
  struct call *c = data;
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gboolean lost = FALSE;
  guint type;

  (void) sink;
  (void) pad;
  gst_rtp_buffer_map (buf, GST_MAP_READ, &rtp);
  type = gst_rtp_buffer_get_payload_type (&rtp);
  c->bytes += gst_rtp_buffer_get_packet_len (&rtp);
  gst_rtp_buffer_unmap (&rtp);
  if (type == PT || type == PT_RED) {
    lost = LOST (c->packets, c->way->run);
    c->packets++;
    c->lost += lost;
  } else {
    lost = c->way->repairs_too && LOST (c->packets - 1, c->way->run);
    c->repairs++;
  }
  if (!lost)
    deliver (c->to, "rtp-in", buf);
}

static void
on_rtcp (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer data)
{
  (void) sink;
  (void) pad;
  deliver (((struct call *) data)->to, "rtcp-in", buf);
}

static void
on_rtcp_back (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer data)
{
  (void) sink;
  (void) pad;
  deliver (((struct call *) data)->from, "rtcp-in", buf);
}

static void
on_heard (GstElement * sink, GstBuffer * buf, GstPad * pad, gpointer data)
{
  struct call *c = data;
  GstMapInfo map;

  (void) sink;
  (void) pad;
  c->jumps += c->heard->len > 0 && GST_BUFFER_IS_DISCONT (buf);
  gst_buffer_map (buf, &map, GST_MAP_READ);
  g_array_append_vals (c->heard, map.data, map.size / sizeof (gfloat));
  gst_buffer_unmap (buf, &map);
}

static GstPadProbeReturn
on_end (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  struct call *c = data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  if (GST_PAD_PARENT (pad) == named (c->from, "rtp"))
    gst_app_src_end_of_stream (GST_APP_SRC (named (c->to, "rtp-in")));
  else
    gst_element_post_message (c->to, gst_message_new_application (GST_OBJECT (c->to),
            gst_structure_new_empty ("end")));
  return GST_PAD_PROBE_OK;
}

/* --- The ends ------------------------------------------------------------------------ */

static GstCaps *
on_map (GstElement * rtpbin, guint session, guint type, gpointer data)
{
  const gchar *name = type == PT ? "TELUCODEC" : type == PT_RED ? "RED" : type == PT_FEC ? "ULPFEC"
      : "RTX";

  (void) rtpbin;
  (void) session;
  (void) data;
  return gst_caps_new_simple ("application/x-rtp", "media", G_TYPE_STRING, "audio", "clock-rate",
      G_TYPE_INT, TELU_RATE, "payload", G_TYPE_INT, type, "encoding-name", G_TYPE_STRING, name,
      NULL);
}

/* Makes what rtpbin puts between itself and the network, with the pads that it looks for. */
static GstElement *
on_aux (GstElement * rtpbin, guint session, gpointer name)
{
  GstElement *bin = gst_bin_new (NULL), *e = gst_element_factory_make (name, NULL);
  GstStructure *map = gst_structure_new ("application/x-rtp-pt-map", G_STRINGIFY (PT), G_TYPE_UINT,
      PT_RTX, NULL);

  (void) rtpbin;
  (void) session;
  if (g_str_has_prefix (name, "rtprtx"))
    g_object_set (e, "payload-type-map", map, NULL);
  else
    g_object_set (e, "pt", PT_RED, NULL);
  gst_bin_add (GST_BIN (bin), e);
  for (gint i = 0; i < 2; i++) {
    GstPad *pad = gst_element_get_static_pad (e, i ? "src" : "sink");

    gst_element_add_pad (bin, gst_ghost_pad_new (i ? "src_0" : "sink_0", pad));
    gst_object_unref (pad);
  }
  gst_structure_free (map);
  return bin;
}

static void
on_stream (GstElement * rtpbin, GstPad * pad, gpointer depay)
{
  GstPad *sink = gst_element_get_static_pad (depay, "sink");

  (void) rtpbin;
  if (g_str_has_prefix (GST_PAD_NAME (pad), "recv_rtp_src_"))
    CHECK (gst_pad_link (pad, sink) == GST_PAD_LINK_OK, "%s is not linked", GST_PAD_NAME (pad));
  gst_object_unref (sink);
}

/* Keeps FEC from a pad of its own, which would take the reports of losses from the payloads'. */
static void
on_element (GstBin * rtpbin, GstElement * e, gpointer data)
{
  (void) rtpbin;
  (void) data;
  if (g_str_has_prefix (GST_OBJECT_NAME (e), "rtpptdemux"))
    gst_util_set_object_arg (G_OBJECT (e), "ignored-payload-types", "<" G_STRINGIFY (PT_FEC) ">");
}

/* Keeps packets as long as a decoder of FEC may need them. */
static void
on_storage (GstElement * rtpbin, GstElement * storage, guint session, gpointer data)
{
  (void) rtpbin;
  (void) session;
  (void) data;
  g_object_set (storage, "size-time", 700 * GST_MSECOND, NULL);
}

/* Makes the decoder of FEC, with the packets that the session keeps. */
static GstElement *
on_decoder (GstElement * rtpbin, guint session, gpointer name)
{
  GstElement *e = gst_element_factory_make (name, NULL);
  GObject *storage = NULL;

  g_signal_emit_by_name (rtpbin, "get-internal-storage", session, &storage);
  g_object_set (e, "pt", PT_FEC, "storage", storage, NULL);
  g_object_unref (storage);
  return e;
}

static GstElement *
on_encoder (GstElement * rtpbin, guint session, gpointer name)
{
  GstElement *e = gst_element_factory_make (name, NULL);

  (void) rtpbin;
  (void) session;
  /* Audio has no marker at the end of a frame, for which the encoder would wait. */
  g_object_set (e, "pt", PT_FEC, "percentage", 100, "multipacket", FALSE, NULL);
  return e;
}

static GstElement *
launch (const gchar * format, ...)
{
  GError *error = NULL;
  GstElement *pipe;
  va_list args;
  gchar *text;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  pipe = gst_parse_launch (text, &error);
  if (!CHECK (pipe && !error, "%s: %s", text, error ? error->message : ""))
    exit (1);
  g_free (text);
  return pipe;
}

static void
watch_end (struct call *c, GstElement * sink)
{
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_end, c, NULL);
  gst_object_unref (pad);
}

/* Gives RTCP room: its share of so low a rate is one report in half a second, in which a request
 * for a retransmission has to wait if there was one before. */
static void
give_room (GstElement * rtpbin)
{
  GObject *session = NULL;

  g_signal_emit_by_name (rtpbin, "get-internal-session", 0, &session);
  g_object_set (session, "bandwidth", 1e6, "rtcp-min-interval", 20 * GST_MSECOND, NULL);
  g_object_unref (session);
}

#define WIRE "sync=false async=false signal-handoffs=true"

static void
open_sender (struct call *c)
{
  const struct way *way = c->way;
  GstElement *bin;

  c->from = launch ("rtpbin name=bin rtp-profile=avpf "
      "audiotestsrc is-live=true num-buffers=%d samplesperbuffer=320 wave=saw freq=130 volume=0.2 "
      "! " RAW_CAPS ("F32LE") " ! telucodecenc bitrate=16000 ! rtptelucodecpay pt=%d %s ! "
      "identity name=pay fakesink name=rtp " WIRE " fakesink name=rtcp " WIRE
      " appsrc name=rtcp-in is-live=true do-timestamp=true format=time caps=application/x-rtcp",
      PACKETS - 1, PT, way->pay);
  bin = named (c->from, "bin");
  /* rtpbin asks when it gets its pads. */
  if (way->aux_sender)
    g_signal_connect (bin, "request-aux-sender", G_CALLBACK (on_aux), (gpointer) way->aux_sender);
  if (way->fec_encoder)
    g_signal_connect (bin, "request-fec-encoder", G_CALLBACK (on_encoder),
        (gpointer) way->fec_encoder);
  CHECK (gst_element_link_pads (named (c->from, "pay"), "src", bin, "send_rtp_sink_0")
      && gst_element_link_pads (bin, "send_rtp_src_0", named (c->from, "rtp"), "sink")
      && gst_element_link_pads (bin, "send_rtcp_src_0", named (c->from, "rtcp"), "sink")
      && gst_element_link_pads (named (c->from, "rtcp-in"), "src", bin, "recv_rtcp_sink_0"),
      "%s: the sender", way->name);
  give_room (bin);
  g_signal_connect (named (c->from, "rtp"), "handoff", G_CALLBACK (on_rtp), c);
  g_signal_connect (named (c->from, "rtcp"), "handoff", G_CALLBACK (on_rtcp), c);
  watch_end (c, named (c->from, "rtp"));
}

static void
open_receiver (struct call *c)
{
  const struct way *way = c->way;
  GstElement *bin;

  c->to = launch ("rtpbin name=bin rtp-profile=avpf do-lost=true latency=500 %s "
      "rtptelucodecdepay name=depay ! telucodecdec name=dec ! "
      "fakesink name=sink sync=true async=false signal-handoffs=true "
      "appsrc name=rtp-in is-live=true do-timestamp=true format=time "
      "caps=application/x-rtp,media=audio,clock-rate=16000 fakesink name=rtcp " WIRE
      " appsrc name=rtcp-in is-live=true do-timestamp=true format=time caps=application/x-rtcp",
      way->receiver ? way->receiver : "");
  bin = named (c->to, "bin");
  g_signal_connect (bin, "request-pt-map", G_CALLBACK (on_map), NULL);
  g_signal_connect (bin, "pad-added", G_CALLBACK (on_stream), named (c->to, "depay"));
  if (way->fec_decoder) {
    g_signal_connect (bin, "element-added", G_CALLBACK (on_element), NULL);
    g_signal_connect (bin, "new-storage", G_CALLBACK (on_storage), NULL);
    g_signal_connect (bin, "request-fec-decoder", G_CALLBACK (on_decoder),
        (gpointer) way->fec_decoder);
  }
  if (way->aux_receiver)
    g_signal_connect (bin, "request-aux-receiver", G_CALLBACK (on_aux),
        (gpointer) way->aux_receiver);
  CHECK (gst_element_link_pads (named (c->to, "rtp-in"), "src", bin, "recv_rtp_sink_0")
      && gst_element_link_pads (named (c->to, "rtcp-in"), "src", bin, "recv_rtcp_sink_0")
      && gst_element_link_pads (bin, "send_rtcp_src_0", named (c->to, "rtcp"), "sink"),
      "%s: the receiver", way->name);
  give_room (bin);
  g_signal_connect (named (c->to, "rtcp"), "handoff", G_CALLBACK (on_rtcp_back), c);
  g_signal_connect (named (c->to, "sink"), "handoff", G_CALLBACK (on_heard), c);
  watch_end (c, named (c->to, "sink"));
}

/* --- Calls ------------------------------------------------------------------------ */

static guint64
number_of (GstElement * e, const gchar * name)
{
  guint64 n = 0;

  g_object_get (e, name, &n, NULL);
  return n;
}

/* Returns a number of the decoder's stats. */
static guint64
stat_of (GstElement * dec, const gchar * name)
{
  GstStructure *stats;
  guint64 n = 0;

  g_object_get (dec, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, name, &n);
  gst_structure_free (stats);
  return n;
}

/* Returns NULL if the call went as expected, else what was wrong. heard: without a loss. */
static gchar *
judge (struct call *c, GArray * heard)
{
  GstElement *depay = named (c->to, "depay"), *dec = named (c->to, "dec");
  const gint gaps = number_of (depay, "lost"), heads = number_of (depay, "recovered");
  const gint samples = stat_of (dec, "plc-num-samples"), noise = stat_of (dec, "noise-samples");
  const gint way = c->way->expected;
  const gboolean same = heard && heard->len == c->heard->len
      && memcmp (heard->data, c->heard->data, heard->len * sizeof (gfloat)) == 0;

  /* A jitter buffer guesses the time of a gap, to a sample or so. */
  if (c->packets == PACKETS && ABS ((gint) c->heard->len - PACKETS * TELU_PACKET) <= gaps
      && (way == WHOLE ? same || !heard : !same)
      && gaps == (way == NOTHING ? c->lost : 0) && ABS (samples - gaps * TELU_PACKET) <= gaps
      && heads == (way == HEADS ? c->lost : 0) && noise == 0 && c->jumps == 0)
    return NULL;
  return g_strdup_printf ("%d packets, %d lost, %d repairs; %d gaps, %d heads, %d samples "
      "concealed and %d of noise of %u, which are %s with %d jumps", c->packets, c->lost,
      c->repairs, gaps, heads, samples, noise, c->heard->len, same ? "the same" : "others",
      c->jumps);
}

/* Runs a call. Returns what was heard. */
static GArray *
run (const struct way *way, GArray * heard)
{
  const gint tries = 3;         /* in real time: a busy machine may be late */
  struct call c = { NULL };
  gchar *wrong = NULL;

  for (gint i = 0; i == 0 || (wrong && i < tries); i++) {
    GstMessage *message;
    GError *error = NULL;
    GstBus *bus;

    g_free (wrong);
    if (c.heard)
      g_array_unref (c.heard);
    c = (struct call) {.way = way,.heard = g_array_new (FALSE, FALSE, sizeof (gfloat))};
    open_sender (&c);
    open_receiver (&c);
    bus = gst_element_get_bus (c.to);
    gst_element_set_state (c.to, GST_STATE_PLAYING);
    gst_element_set_state (c.from, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
        GST_MESSAGE_APPLICATION | GST_MESSAGE_ERROR);
    if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, NULL);
    wrong = !message ? g_strdup ("no end in a minute") : error ? g_strdup (error->message) :
        judge (&c, heard);
    gst_element_set_state (c.from, GST_STATE_NULL);
    gst_element_set_state (c.to, GST_STATE_NULL);
    g_clear_error (&error);
    gst_clear_message (&message);
    gst_object_unref (bus);
    gst_object_unref (c.from);
    gst_object_unref (c.to);
  }
  CHECK (!wrong, "%s, %d lost together: %s", way->name, way->run, wrong);
  g_print ("%s, %d lost together: %d of %d lost, %d repairs, %.1f kbit/s\n", way->name, way->run,
      c.lost, c.packets, c.repairs, c.bytes * 8 / (PACKETS * 20.0));
  g_free (wrong);
  return c.heard;
}

static const struct way ways[] = {
  {.name = "no loss",.run = 0,.pay = "redundancy=0",.expected = WHOLE},
  {.name = "no repair",.run = 1,.pay = "redundancy=0",.expected = NOTHING},
  {.name = "heads",.run = 1,.pay = "redundancy=6",.expected = HEADS},
  {.name = "heads",.run = 3,.pay = "redundancy=6 redundancy-distance=3",.expected = HEADS},
  {.name = "RED",.element = "rtpreddec",.run = 1,
      .pay = "redundancy=0 ! rtpredenc pt=100 distance=1",.aux_receiver = "rtpreddec",
      .expected = WHOLE},
  {.name = "ULPFEC",.element = "rtpulpfecdec",.run = 1,.pay = "redundancy=0",
      .fec_encoder = "rtpulpfecenc",.fec_decoder = "rtpulpfecdec",.expected = WHOLE},
  {.name = "ULPFEC, lost, too",.element = "rtpulpfecdec",.run = 1,.repairs_too = TRUE,
      .pay = "redundancy=0",.fec_encoder = "rtpulpfecenc",.fec_decoder = "rtpulpfecdec",
      .expected = NOTHING},
  {.name = "retransmission",.element = "rtprtxsend",.run = 1,.pay = "redundancy=0",
      .receiver = "do-retransmission=true",.aux_sender = "rtprtxsend",
      .aux_receiver = "rtprtxreceive",.expected = WHOLE},
  {.name = "retransmission",.element = "rtprtxsend",.run = 3,.pay = "redundancy=0",
      .receiver = "do-retransmission=true",.aux_sender = "rtprtxsend",
      .aux_receiver = "rtprtxreceive",.expected = WHOLE},
};

static gboolean
is_there (const gchar * element)
{
  GstElementFactory *factory = gst_element_factory_find (element);

  if (!factory)
    g_print ("repair: no %s here, not tried\n", element);
  else
    gst_object_unref (factory);
  return factory != NULL;
}

int
main (int argc, char **argv)
{
  GArray *heard = NULL;

  tc_init (&argc, &argv);
  for (guint i = 0; i < G_N_ELEMENTS (ways) && is_there ("rtpbin"); i++) {
    GArray *now;

    if (ways[i].element && !is_there (ways[i].element))
      continue;
    now = run (&ways[i], heard);
    if (heard)
      g_array_unref (now);
    else
      heard = now;
  }
  if (heard)
    g_array_unref (heard);
  return tc_done ("repair");
}
