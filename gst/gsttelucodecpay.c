/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecpay.c - audio/x-telucodec packets -> RTP, FORMAT.md, 4. */

/**
 * SECTION:element-rtptelucodecpay
 * @title: rtptelucodecpay
 * @see_also: rtptelucodecdepay, telucodecenc
 *
 * One TeluCodec packet to an RTP packet, and with it the beginning of an older one: where
 * that was lost, its beginning is decoded instead (a TeluCodec packet may be cut anywhere,
 * and the first bytes say most). How many bytes is the property redundancy, 0 for none; six
 * hold four codes, 2.4 kbit/s. How old is redundancy-distance: 1 is best where packets are
 * lost one by one, more where several are lost together; the receiver is later by so many
 * packets of 20 ms.
 *
 * The caps, and so an SDP, name the weights: model-id.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! telucodecenc ! rtptelucodecpay ! udpsink host=127.0.0.1 port=5004
 * ]| Sends what a microphone hears.
 *
 * Since: 0.2
 */
#include "gsttelucodecpay.h"

#include "packet.h"

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_pay_debug);
#define GST_CAT_DEFAULT gst_telucodec_pay_debug

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

G_DEFINE_TYPE (GstTelucodecPay, gst_telucodec_pay, GST_TYPE_RTP_BASE_PAYLOAD);

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (rtptelucodecpay, "rtptelucodecpay",
    GST_RANK_PRIMARY, GST_TYPE_TELUCODEC_PAY,
    GST_DEBUG_CATEGORY_INIT (gst_telucodec_pay_debug, "rtptelucodecpay", 0,
        "TeluCodec RTP payloader"));

static gboolean
gst_telucodec_pay_set_caps (GstRTPBasePayload * payload, GstCaps * caps)
{
  GstTelucodecPay *self = GST_TELUCODEC_PAY (payload);
  const gchar *id = gst_structure_get_string (gst_caps_get_structure (caps, 0),
      GST_TELUCODEC_MODEL_ID);

  self->packets = 0;
  gst_rtp_base_payload_set_options (payload, "audio", TRUE,
      GST_TELUCODEC_RTP_NAME, TELU_RATE);
  return id ? gst_rtp_base_payload_set_outcaps (payload, GST_TELUCODEC_MODEL_ID,
      G_TYPE_STRING, id, NULL) : gst_rtp_base_payload_set_outcaps (payload, NULL);
}

static void
remember (GstTelucodecPay * self, GstBuffer * packet)
{
  const guint at = self->packets++ % GST_TELUCODEC_RTP_MAX_DISTANCE;

  self->past[at].size = gst_buffer_extract (packet, 0, self->past[at].bytes,
      GST_TELUCODEC_RTP_MAX_HEAD);
}

/* Whether the beginning of a packet holds codes, and so can be decoded alone. */
static gboolean
has_codes (const guint8 * packet, gsize size)
{
  struct telu_packet_header h;

  return telu_packet_peek (&h, packet, size, TELU_MAX_STAGES, 1) || h.base;
}

/* Writes what stands before the packet, without it: bytes. */
static guint
write_head (GstTelucodecPay * self, guint8 * out)
{
  guint redundancy, distance, size = 0;

  GST_OBJECT_LOCK (self);
  redundancy = self->redundancy;
  distance = self->distance;
  GST_OBJECT_UNLOCK (self);

  if (redundancy > 0 && self->packets >= distance) {
    const guint at = (self->packets - distance) % GST_TELUCODEC_RTP_MAX_DISTANCE;

    if (has_codes (self->past[at].bytes, self->past[at].size))
      size = MIN (redundancy, self->past[at].size);
    memcpy (out + 1, self->past[at].bytes, size);
  }
  out[0] = size > 0 ? (distance - 1) << 6 | size : 0;
  return 1 + size;
}

static GstFlowReturn
gst_telucodec_pay_handle_buffer (GstRTPBasePayload * payload, GstBuffer * packet)
{
  GstTelucodecPay *self = GST_TELUCODEC_PAY (payload);
  const gboolean discont = GST_BUFFER_IS_DISCONT (packet);
  guint8 head[1 + GST_TELUCODEC_RTP_MAX_HEAD];
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  GstBuffer *out;
  guint n;

  /* A packet that is missing is missing on the wire; and what lies before a hole has
   * another time than its place among the packets says. */
  if (discont || gst_buffer_get_size (packet) == 0)
    self->packets = 0;
  if (gst_buffer_get_size (packet) == 0) {
    gst_buffer_unref (packet);
    return GST_FLOW_OK;
  }

  n = write_head (self, head);
  out = gst_rtp_base_payload_allocate_output_buffer (payload, n, 0, 0);
  gst_rtp_buffer_map (out, GST_MAP_READWRITE, &rtp);
  memcpy (gst_rtp_buffer_get_payload (&rtp), head, n);
  gst_rtp_buffer_set_marker (&rtp, discont);    /* RFC 3551, 4.1: talk begins */
  gst_rtp_buffer_unmap (&rtp);

  GST_BUFFER_PTS (out) = GST_BUFFER_PTS (packet);
  GST_BUFFER_DTS (out) = GST_BUFFER_DTS (packet);
  GST_BUFFER_DURATION (out) = GST_BUFFER_DURATION (packet);
  remember (self, packet);
  return gst_rtp_base_payload_push (payload, gst_buffer_append (out, packet));
}

static gboolean
gst_telucodec_pay_sink_event (GstRTPBasePayload * payload, GstEvent * event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_SEGMENT:
      GST_TELUCODEC_PAY (payload)->packets = 0;
      break;
    default:
      break;
  }
  return GST_RTP_BASE_PAYLOAD_CLASS (gst_telucodec_pay_parent_class)->sink_event
      (payload, event);
}

static GstStateChangeReturn
gst_telucodec_pay_change_state (GstElement * element, GstStateChange transition)
{
  const GstStateChangeReturn ret =
      GST_ELEMENT_CLASS (gst_telucodec_pay_parent_class)->change_state (element,
      transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    GST_TELUCODEC_PAY (element)->packets = 0;
  return ret;
}

static void
gst_telucodec_pay_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecPay *self = GST_TELUCODEC_PAY (object);

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
gst_telucodec_pay_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecPay *self = GST_TELUCODEC_PAY (object);

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
gst_telucodec_pay_class_init (GstTelucodecPayClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstRTPBasePayloadClass *payload_class = GST_RTP_BASE_PAYLOAD_CLASS (klass);

  object_class->set_property = gst_telucodec_pay_set_property;
  object_class->get_property = gst_telucodec_pay_get_property;
  element_class->change_state = gst_telucodec_pay_change_state;
  payload_class->set_caps = gst_telucodec_pay_set_caps;
  payload_class->handle_buffer = gst_telucodec_pay_handle_buffer;
  payload_class->sink_event = gst_telucodec_pay_sink_event;

  g_object_class_install_property (object_class, PROP_REDUNDANCY,
      g_param_spec_uint ("redundancy", "Redundancy",
          "Bytes of an older packet that are sent again, to be decoded where it was "
          "lost: 6 are four codes, 2.4 kbit/s; 0 is none", 0,
          GST_TELUCODEC_RTP_MAX_HEAD, DEFAULT_REDUNDANCY,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
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
gst_telucodec_pay_init (GstTelucodecPay * self)
{
  self->redundancy = DEFAULT_REDUNDANCY;
  self->distance = DEFAULT_DISTANCE;
}
