/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* follow.c - an encoder that follows its receiver: example of a call that adapts.
 *
 *   follow [PERCENT [SECONDS]]
 *
 * Sends a synthetic sound by UDP to a receiver in the same process, where PERCENT (20) of the
 * packets get lost, for SECONDS (15), and prints what the receiver reports and what the
 * encoder makes of it. follow_receiver() is what an application would take over.
 */
#include <gst/gst.h>

#include <stdlib.h>

#define LOW 9000                /* bit/s */
#define HIGH 24000

/* Returns the percent of packets that a receiver report behind number *highest calls lost, and
 * sets that number to the report's; -1: none came. */
static gint
reported_loss (GstElement * rtpbin, guint * highest)
{
  GstStructure *stats = NULL;
  GObject *session = NULL;
  const GValue *sources;
  gint percent = -1;

  g_signal_emit_by_name (rtpbin, "get-internal-session", 0, &session);
  if (!session)
    return -1;
  g_object_get (session, "stats", &stats, NULL);
  sources = gst_structure_get_value (stats, "source-stats");
  /* The element's interface has a GValueArray, which GLib has deprecated. */
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS;
  {
    const GValueArray *array = g_value_get_boxed (sources);

    for (guint i = 0; array && i < array->n_values; i++) {
      const GstStructure *s = gst_value_get_structure (&array->values[i]);
      gboolean has = FALSE;
      guint fraction, number;   /* fraction of 256 */

      if (gst_structure_get_boolean (s, "have-rb", &has) && has
          && gst_structure_get_uint (s, "rb-fractionlost", &fraction)
          && gst_structure_get_uint (s, "rb-exthighestseq", &number) && number > *highest) {
        percent = (fraction * 100 + 128) / 256;
        *highest = number;
      }
    }
  }
  G_GNUC_END_IGNORE_DEPRECATIONS;
  gst_structure_free (stats);
  g_object_unref (session);
  return percent;
}

/* Sets the encoder for what the receiver reports. More losses are believed at once, fewer
 * slowly. The bit rate follows the losses as in Google congestion control (Carlucci et al.
 * 2016): below 2 % it grows, above 10 % it shrinks. An estimate of the bandwidth, as
 * estimated-bitrate of rtpgccbwe, less 16 kbit/s of headers is better. */
static void
follow_receiver (GstElement * enc, gint reported)
{
  gint percent, bitrate;

  g_object_get (enc, "packet-loss-percentage", &percent, "bitrate", &bitrate, NULL);
  percent = MAX (reported, percent * 3 / 4);
  if (reported < 2)
    bitrate = bitrate * 108 / 100;
  else if (reported > 10)
    bitrate -= bitrate * reported / 200;
  g_object_set (enc, "packet-loss-percentage", percent, "packet-loss-run", 2.0,
      "bitrate", CLAMP (bitrate, LOW, HIGH), NULL);
}

static GstPadProbeReturn
lose (GstPad * pad, GstPadProbeInfo * info, gpointer percent)
{
  (void) pad;
  (void) info;
  return g_random_int_range (0, 100) < GPOINTER_TO_INT (percent) ? GST_PAD_PROBE_DROP :
      GST_PAD_PROBE_OK;
}

int
main (int argc, char **argv)
{
  gint percent, seconds;
  guint highest = 0;
  GstElement *pipe, *enc, *sender, *network;
  GError *error = NULL;
  GstMessage *message;
  GstBus *bus;
  GstPad *pad;

  gst_init (&argc, &argv);
  percent = argc > 1 ? atoi (argv[1]) : 20;
  seconds = argc > 2 ? atoi (argv[2]) : 15;
  pipe = gst_parse_launch ("rtpbin name=sender rtpbin name=receiver do-lost=true latency=100 "
      "audiotestsrc is-live=true wave=saw freq=130 volume=0.2 ! audio/x-raw,rate=16000 ! "
      "telucodecenc name=enc packet-loss-percentage=0 dtx=true ! rtptelucodecpay pt=97 ! "
      "sender.send_rtp_sink_0 "
      "sender.send_rtp_src_0 ! identity name=network ! udpsink host=127.0.0.1 port=45170 "
      "sender.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=45171 sync=false async=false "
      "udpsrc address=127.0.0.1 port=45172 ! sender.recv_rtcp_sink_0 "
      "udpsrc address=127.0.0.1 port=45170 "
      "caps=application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC,payload=97 ! "
      "receiver.recv_rtp_sink_0 receiver. ! rtptelucodecdepay ! telucodecdec ! "
      "fakesink sync=true async=false "
      "udpsrc address=127.0.0.1 port=45171 ! receiver.recv_rtcp_sink_0 "
      "receiver.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=45172 sync=false async=false",
      &error);
  if (error) {
    g_printerr ("follow: %s\n", error->message);
    return 1;
  }
  enc = gst_bin_get_by_name (GST_BIN (pipe), "enc");
  sender = gst_bin_get_by_name (GST_BIN (pipe), "sender");
  network = gst_bin_get_by_name (GST_BIN (pipe), "network");
  pad = gst_element_get_static_pad (network, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, lose, GINT_TO_POINTER (percent), NULL);
  bus = gst_element_get_bus (pipe);
  gst_element_set_state (pipe, GST_STATE_PLAYING);

  for (gint second = 1; second <= seconds; second++) {
    gint reported, ready, bitrate;

    message = gst_bus_timed_pop_filtered (bus, GST_SECOND, GST_MESSAGE_ERROR);
    if (message) {
      gst_message_parse_error (message, &error, NULL);
      g_printerr ("follow: %s\n", error->message);
      return 1;
    }
    reported = reported_loss (sender, &highest);
    if (reported >= 0)
      follow_receiver (enc, reported);
    g_object_get (enc, "packet-loss-percentage", &ready, "bitrate", &bitrate, NULL);
    if (reported >= 0)
      g_print ("%2d s: %d %% are lost, ready for %d %%, %d bit/s\n", second, reported, ready,
          bitrate);
  }

  gst_element_set_state (pipe, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pad);
  gst_object_unref (network);
  gst_object_unref (sender);
  gst_object_unref (enc);
  gst_object_unref (pipe);
  return 0;
}
