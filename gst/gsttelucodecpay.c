/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpay.c - puts audio/x-telucodec packets into RTP; see RTP.md. */

/**
 * SECTION:element-rtptelucodecpay
 * @title: rtptelucodecpay
 * @see_also: rtptelucodecdepay, telucodecenc
 *
 * Each RTP packet holds one TeluCodec packet and heads of older ones. The head of
 * a lost packet is decoded in place of it: a TeluCodec packet may be cut anywhere, and its first
 * bytes matter most.
 *
 * With packet-loss-percentage set, telucodecenc tells which losses to be ready for. The heads
 * are then chosen for these, and the encoder leaves their bytes from its bit rate. It learns from
 * a custom upstream event, telucodec-payload, how many packets a payload has. Else the
 * properties of this element hold, and add to the bit rate: redundancy is the size of one head
 * in bytes, 0 for none. Six bytes hold about four codes and cost 2.4 kbit/s.
 * The property redundancy-distance is the age of the older packet: 1 makes the receiver wait
 * least, more heals losses in runs. It delays the receiver by 20 ms per packet.
 *
 * A packet that would exceed the property mtu goes with fewer heads or none, and is cut if it
 * still does. The marker bit is set where time stamps jump.
 *
 * The properties min-ptime and max-ptime, and ptime in the caps downstream, put several
 * packets into a payload, 10 at most and as many as the MTU holds. Before a silence or a jump
 * of the time stamps those that wait are sent.
 *
 * The caps, and so an SDP, have the id of the weights in the field model-id, and the name of
 * weights that did not come with the plugin in a-model-name.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! telucodecenc ! rtptelucodecpay ! udpsink host=127.0.0.1 port=5004
 * ]| Sends the microphone.
 *
 * Since: 0.2
 */
#include "gsttelucodecpay.h"

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_rtp_telucodec_pay_debug);
#define GST_CAT_DEFAULT gst_rtp_telucodec_pay_debug

#define DEFAULT_REDUNDANCY 6
#define DEFAULT_DISTANCE 1

enum
{
  PROP_0,
  PROP_REDUNDANCY,
  PROP_REDUNDANCY_DISTANCE
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp, " GST_TELUCODEC_RTP_FIELDS
        ", payload = (int) [ 96, 127 ]"));

G_DEFINE_TYPE (GstRtpTelucodecPay, gst_rtp_telucodec_pay, GST_TYPE_RTP_BASE_PAYLOAD);

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (rtptelucodecpay, "rtptelucodecpay",
    GST_RANK_PRIMARY, GST_TYPE_RTP_TELUCODEC_PAY,
    GST_DEBUG_CATEGORY_INIT (gst_rtp_telucodec_pay_debug, "rtptelucodecpay", 0,
        "TeluCodec RTP payloader"));

static gboolean
gst_rtp_telucodec_pay_set_caps (GstRTPBasePayload * payload, GstCaps * caps)
{
  GstRtpTelucodecPay *self = GST_RTP_TELUCODEC_PAY (payload);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const gchar *id = gst_structure_get_string (s, GST_TELUCODEC_MODEL_ID);
  gchar *name = gst_telucodec_rtp_clean_name (gst_structure_get_string (s,
          GST_TELUCODEC_MODEL_NAME));
  gboolean ok;

  gst_telucodec_heads_forget (&self->heads);
  gst_rtp_base_payload_set_options (payload, "audio", TRUE,
      GST_TELUCODEC_RTP_NAME, TELU_RATE);
  if (id && name)
    ok = gst_rtp_base_payload_set_outcaps (payload, GST_TELUCODEC_MODEL_ID, G_TYPE_STRING, id,
        GST_TELUCODEC_RTP_MODEL_NAME, G_TYPE_STRING, name, NULL);
  else if (id)
    ok = gst_rtp_base_payload_set_outcaps (payload, GST_TELUCODEC_MODEL_ID, G_TYPE_STRING, id,
        NULL);
  else
    ok = gst_rtp_base_payload_set_outcaps (payload, NULL);
  g_free (name);
  return ok;
}

/* Sets r to the heads that the encoder left bytes for, else to that of the properties. */
static void
get_redundancy (GstRtpTelucodecPay * self, GstTelucodecRedundancy * r)
{
  if (self->told) {
    *r = self->chosen;
    return;
  }
  GST_OBJECT_LOCK (self);
  *r = (GstTelucodecRedundancy) { self->redundancy > 0, {self->distance}, {self->redundancy}};
  GST_OBJECT_UNLOCK (self);
}

/* Returns for how many packets a payload waits: those of the property min-ptime and of the
 * caps downstream, if max-ptime allows it. */
static guint
packets_wanted (GstRtpTelucodecPay * self)
{
  GstRTPBasePayload *payload = GST_RTP_BASE_PAYLOAD (self);
  const guint64 packet = GST_TELUCODEC_PACKET_DURATION;
  guint64 n = (MAX (payload->ptime, payload->min_ptime) + packet - 1) / packet;

  if (payload->max_ptime >= 0)
    n = MIN (n, payload->max_ptime / packet);
  return CLAMP (n, 1, GST_TELUCODEC_RTP_MAX_PACKETS);
}

/* Cuts a packet to `most` bytes, which may lose its refinement but not its place. */
static GstBuffer *
cut_packet (GstRtpTelucodecPay * self, GstBuffer * packet, guint most)
{
  if (!self->cut)
    GST_ELEMENT_WARNING (self, STREAM, ENCODE,
        ("A packet of %" G_GSIZE_FORMAT " bytes is cut to %u, and others will be: "
            "lower the bit rate, or raise the property mtu.",
            gst_buffer_get_size (packet), most), (NULL));
  self->cut = TRUE;
  packet = gst_buffer_make_writable (packet);
  gst_buffer_set_size (packet, most);
  return packet;
}

/* Returns whether the packet does not follow the one before in time, and notes its end. */
static gboolean
jumps (GstRtpTelucodecPay * self, GstBuffer * packet)
{
  const GstClockTime pts = GST_BUFFER_PTS (packet);
  const gboolean jump = GST_BUFFER_IS_DISCONT (packet)
      || (GST_CLOCK_TIME_IS_VALID (pts) && GST_CLOCK_TIME_IS_VALID (self->due)
      && ABS (GST_CLOCK_DIFF (self->due, pts)) >
      (GstClockTimeDiff) GST_TELUCODEC_PACKET_DURATION * 3 / 4);

  self->due = !GST_CLOCK_TIME_IS_VALID (pts) ? GST_CLOCK_TIME_NONE :
      pts + (GST_BUFFER_DURATION_IS_VALID (packet) ? GST_BUFFER_DURATION (packet) :
      GST_TELUCODEC_PACKET_DURATION);
  return jump;
}

/* Returns the bytes that the first n packets held take in a payload with their lengths. */
static guint
body_bytes (const GstRtpTelucodecPay * self, guint n)
{
  guint bytes = 0;

  for (guint i = 0; i < n; i++) {
    const guint size = gst_buffer_get_size (self->pending[i]);

    bytes += size + (n > 1 ? GST_TELUCODEC_RTP_LENGTH_BYTES (size) : 0);
  }
  return bytes;
}

static guint
room_of (GstRtpTelucodecPay * self)
{
  return gst_rtp_buffer_calc_payload_len (GST_RTP_BASE_PAYLOAD_MTU (self), 0, 0);
}

/* Writes the packets that are held to out. Returns FALSE with an error posted. */
static gboolean
write_packets (GstRtpTelucodecPay * self, guint8 * out, GstClockTime * duration)
{
  *duration = 0;
  for (guint i = 0; i < self->held; i++) {
    GstBuffer *packet = self->pending[i];
    const guint size = gst_buffer_get_size (packet);

    if (self->held > 1)
      out += gst_telucodec_rtp_write_length (out, size);
    if (!gst_telucodec_read (GST_ELEMENT (self), packet, out))
      return FALSE;
    out += size;
    *duration += GST_BUFFER_DURATION_IS_VALID (packet) ? GST_BUFFER_DURATION (packet) :
        GST_TELUCODEC_PACKET_DURATION;
  }
  return TRUE;
}

static void
drop_packets (GstRtpTelucodecPay * self)
{
  while (self->held > 0)
    gst_buffer_unref (self->pending[--self->held]);
}

/* Sends the packets that are held, if any. */
static GstFlowReturn
push_packets (GstRtpTelucodecPay * self)
{
  GstRTPBasePayload *payload = GST_RTP_BASE_PAYLOAD (self);
  const guint body = body_bytes (self, self->held), room = room_of (self);
  guint8 before[GST_TELUCODEC_HEADS_BYTES];
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  GstTelucodecRedundancy r;
  GstClockTime duration;
  GstBuffer *out;
  gboolean whole;
  guint n;

  if (self->held == 0)
    return GST_FLOW_OK;
  get_redundancy (self, &r);
  n = gst_telucodec_heads_write (&self->heads, &r, before, room - MIN (room, body +
          (self->held > 1)), MAX (self->held, self->last), self->held > 1);
  out = gst_rtp_base_payload_allocate_output_buffer (payload, n + body, 0, 0);
  if (!out || !gst_rtp_buffer_map (out, GST_MAP_READWRITE, &rtp)) {
    gst_clear_buffer (&out);
    drop_packets (self);
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, (NULL),
        ("No output buffer of %u bytes", n + body));
    return GST_FLOW_ERROR;
  }
  memcpy (gst_rtp_buffer_get_payload (&rtp), before, n);
  whole = write_packets (self, (guint8 *) gst_rtp_buffer_get_payload (&rtp) + n, &duration);
  gst_rtp_buffer_set_marker (&rtp, self->marker);       /* talkspurt, RFC 3551, 4.1 */
  gst_rtp_buffer_unmap (&rtp);
  if (!whole) {
    gst_buffer_unref (out);
    drop_packets (self);
    return GST_FLOW_ERROR;
  }

  GST_BUFFER_DURATION (out) = duration;
  GST_BUFFER_PTS (out) = GST_BUFFER_PTS (self->pending[0]);
  GST_BUFFER_DTS (out) = GST_BUFFER_DTS (self->pending[0]);
  for (guint i = 0; i < self->held; i++)
    gst_telucodec_heads_keep (&self->heads, self->pending[i]);
  self->last = self->held;
  drop_packets (self);
  self->marker = FALSE;
  return gst_rtp_base_payload_push (payload, out);
}

/* Tells the encoder for how many packets a payload waits, since each takes less from the bit rate
 * then, or more. */
static void
tell_wanted (GstRtpTelucodecPay * self)
{
  gst_pad_push_event (GST_RTP_BASE_PAYLOAD_SINKPAD (self),
      gst_telucodec_payload_event (g_atomic_int_get (&self->wanted)));
}

/* Reports the latency, and tells the encoder, if the packets of a payload changed. */
static void
follow_wanted (GstRtpTelucodecPay * self)
{
  const guint wanted = packets_wanted (self);
  const gboolean changed = g_atomic_int_get (&self->wanted) != (gint) wanted;

  g_atomic_int_set (&self->wanted, wanted);
  if (!changed)
    return;
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
  tell_wanted (self);
}

/* Returns whether the packet has no 20 ms, as the first and last one of an encoder's run. It goes
 * alone or last, since packets of one payload are 20 ms apart. */
static gboolean
is_short (GstBuffer * packet)
{
  return GST_BUFFER_DURATION_IS_VALID (packet)
      && GST_BUFFER_DURATION (packet) < GST_TELUCODEC_PACKET_DURATION - GST_MSECOND;
}

static GstFlowReturn
gst_rtp_telucodec_pay_handle_buffer (GstRTPBasePayload * payload, GstBuffer * packet)
{
  GstRtpTelucodecPay *self = GST_RTP_TELUCODEC_PAY (payload);
  const guint room = room_of (self);
  const gboolean jump = jumps (self, packet), alone = is_short (packet);
  const gsize size = gst_buffer_get_size (packet);
  GstFlowReturn ret = GST_FLOW_OK;

  if (size > TELU_MAX_PACKET) {
    GST_ELEMENT_ERROR (self, STREAM, ENCODE,
        ("A packet has %" G_GSIZE_FORMAT " bytes, more than %d.", size, TELU_MAX_PACKET), (NULL));
    gst_buffer_unref (packet);
    return GST_FLOW_ERROR;
  }
  follow_wanted (self);
  if (jump || size == 0)
    ret = push_packets (self);
  /* A hole invalidates the heads kept so far, which are counted from packet to packet. */
  if (jump || size == 0)
    gst_telucodec_heads_forget (&self->heads);
  if (size == 0 || ret != GST_FLOW_OK) {
    gst_buffer_unref (packet);
    return ret;
  }
  if (size + 1 > room)
    packet = cut_packet (self, packet, MAX (room, 2) - 1);

  self->marker |= jump;
  self->pending[self->held++] = packet;
  if (self->held > 1 && body_bytes (self, self->held) + 1 > room) {
    self->held--;
    ret = push_packets (self);
    self->pending[self->held++] = packet;
  }
  if (ret == GST_FLOW_OK && (self->held >= (guint) self->wanted || alone))
    ret = push_packets (self);
  return ret;
}

/* Forgets the packets so far. */
static void
restart (GstRtpTelucodecPay * self)
{
  drop_packets (self);
  gst_telucodec_heads_forget (&self->heads);
  self->last = 0;
  self->marker = FALSE;
  self->due = GST_CLOCK_TIME_NONE;
}

static void
take_choice (GstRtpTelucodecPay * self, GstEvent * event)
{
  gint bitrate, loss;
  gdouble run;

  if (!gst_telucodec_redundancy_parse (event, &bitrate, &loss, &run))
    return;
  self->told = loss >= 0;
  if (self->told)
    gst_telucodec_redundancy_choose (&self->chosen, bitrate, loss, run);
  tell_wanted (self);           /* it may be another encoder */
}

static gboolean
gst_rtp_telucodec_pay_sink_event (GstRTPBasePayload * payload, GstEvent * event)
{
  GstRtpTelucodecPay *self = GST_RTP_TELUCODEC_PAY (payload);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:
      restart (self);
      break;
    case GST_EVENT_SEGMENT:
      push_packets (self);
      restart (self);
      break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_CAPS:
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
      push_packets (self);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      take_choice (self, event);
      break;
    default:
      break;
  }
  return GST_RTP_BASE_PAYLOAD_CLASS (gst_rtp_telucodec_pay_parent_class)->sink_event
      (payload, event);
}

/* Adds the time that the first packet of a payload waits for the last one. */
static gboolean
gst_rtp_telucodec_pay_src_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstRtpTelucodecPay *self = GST_RTP_TELUCODEC_PAY (parent);

  if (!self->base_query (pad, parent, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return TRUE;
  gst_telucodec_rtp_add_latency (query,
      (g_atomic_int_get (&self->wanted) - 1) * GST_TELUCODEC_PACKET_DURATION);
  return TRUE;
}

static void
gst_rtp_telucodec_pay_finalize (GObject * object)
{
  drop_packets (GST_RTP_TELUCODEC_PAY (object));
  G_OBJECT_CLASS (gst_rtp_telucodec_pay_parent_class)->finalize (object);
}

static GstStateChangeReturn
gst_rtp_telucodec_pay_change_state (GstElement * element, GstStateChange transition)
{
  const GstStateChangeReturn ret =
      GST_ELEMENT_CLASS (gst_rtp_telucodec_pay_parent_class)->change_state (element,
      transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    restart (GST_RTP_TELUCODEC_PAY (element));
    GST_RTP_TELUCODEC_PAY (element)->cut = FALSE;
    GST_RTP_TELUCODEC_PAY (element)->told = FALSE;
  }
  return ret;
}

static void
gst_rtp_telucodec_pay_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstRtpTelucodecPay *self = GST_RTP_TELUCODEC_PAY (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_REDUNDANCY)
    self->redundancy = g_value_get_uint (value);
  else if (id == PROP_REDUNDANCY_DISTANCE)
    self->distance = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_rtp_telucodec_pay_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstRtpTelucodecPay *self = GST_RTP_TELUCODEC_PAY (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_REDUNDANCY)
    g_value_set_uint (value, self->redundancy);
  else if (id == PROP_REDUNDANCY_DISTANCE)
    g_value_set_uint (value, self->distance);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_rtp_telucodec_pay_class_init (GstRtpTelucodecPayClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstRTPBasePayloadClass *payload_class = GST_RTP_BASE_PAYLOAD_CLASS (klass);

  object_class->set_property = gst_rtp_telucodec_pay_set_property;
  object_class->get_property = gst_rtp_telucodec_pay_get_property;
  object_class->finalize = gst_rtp_telucodec_pay_finalize;
  element_class->change_state = gst_rtp_telucodec_pay_change_state;
  payload_class->set_caps = gst_rtp_telucodec_pay_set_caps;
  payload_class->handle_buffer = gst_rtp_telucodec_pay_handle_buffer;
  payload_class->sink_event = gst_rtp_telucodec_pay_sink_event;

  /**
   * GstRtpTelucodecPay:redundancy:
   *
   * Bytes of an older packet that each RTP packet repeats; 0 for none.
   *
   * Since: 0.2
   */
  g_object_class_install_property (object_class, PROP_REDUNDANCY,
      g_param_spec_uint ("redundancy", "Redundancy",
          "Bytes of an older packet that are sent again, to be decoded where it was "
          "lost: 6 are four codes, 2.4 kbit/s; 0 is none", 0,
          GST_TELUCODEC_RTP_MAX_HEAD, DEFAULT_REDUNDANCY,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstRtpTelucodecPay:redundancy-distance:
   *
   * Age of the repeated packet, in packets. The receiver is later by as many.
   *
   * Since: 0.2
   */
  g_object_class_install_property (object_class, PROP_REDUNDANCY_DISTANCE,
      g_param_spec_uint ("redundancy-distance", "Distance of the redundancy",
          "How many packets older: the receiver is later by as many; more than 1 "
          "helps where several packets are lost together", 1,
          GST_TELUCODEC_RTP_MAX_DISTANCE, DEFAULT_DISTANCE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "RTP TeluCodec payloader", "Codec/Payloader/Network/RTP",
      "Puts TeluCodec speech into RTP packets", "The TeluCodec authors");
}

static void
gst_rtp_telucodec_pay_init (GstRtpTelucodecPay * self)
{
  GstPad *srcpad = GST_RTP_BASE_PAYLOAD_SRCPAD (self);

  self->base_query = GST_PAD_QUERYFUNC (srcpad);
  gst_pad_set_query_function (srcpad, gst_rtp_telucodec_pay_src_query);
  self->wanted = 1;
  self->redundancy = DEFAULT_REDUNDANCY;
  self->distance = DEFAULT_DISTANCE;
  self->due = GST_CLOCK_TIME_NONE;
}
