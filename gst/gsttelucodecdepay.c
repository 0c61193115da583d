/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdepay.c - takes audio/x-telucodec packets out of RTP; see RTP.md.
 *
 * Packets are pushed at once until one is missing. Later packets then wait in a queue until
 * one of them contains the head of the missing packet. The missing packet becomes a GAP
 * event when no later packet can contain its head any more.
 */

/**
 * SECTION:element-rtptelucodecdepay
 * @title: rtptelucodecdepay
 * @see_also: rtptelucodecpay, telucodecdec
 *
 * Takes TeluCodec packets out of RTP packets. A lost packet is replaced by its head if a
 * later packet repeats it (see rtptelucodecpay), else by a GAP event, which the decoder
 * conceals. An rtpjitterbuffer with do-lost=true reports lost packets in time.
 *
 * A sender with dtx=true sends nothing while it hears no speech: a packet with the next number
 * and a later time, by a second at most. GAP events ask the decoder for comfort noise there. In a
 * live pipeline they come while the silence lasts, but for the first one of a stream.
 *
 * The element waits for heads as soon as the stream contains any, which adds 20 ms to the
 * latency for each packet of their distance. The latency rises at once, and falls when 10 s
 * of packets needed less. With use-redundancy=false it never waits.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 udpsrc port=5004 caps="application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC" ! rtpjitterbuffer do-lost=true latency=60 ! rtptelucodecdepay ! telucodecdec ! audioconvert ! audioresample ! autoaudiosink
 * ]| Plays the received stream.
 *
 * Since: 0.2
 */
#include "gsttelucodecqueue.h"
#include "gsttelucodecreport.h"
#include "gsttelucodectimer.h"

GST_DEBUG_CATEGORY (gst_rtp_telucodec_depay_debug);
#define GST_CAT_DEFAULT gst_rtp_telucodec_depay_debug

#define DEFAULT_USE_REDUNDANCY TRUE

/* So many packets that are lost in a silence make it longer, each by the most that one lasts. */
#define MAX_SILENT_LOSSES 4

/* The wait falls to the largest distance of so many packets, since each change of the
 * latency interrupts the playback, and the distance is the sender's choice. */
#define WAIT_PACKETS 500

enum
{
  PROP_0,
  PROP_USE_REDUNDANCY,
  PROP_RECOVERED,
  PROP_LOST
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp, " GST_TELUCODEC_RTP_FIELDS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

G_DEFINE_TYPE (GstRtpTelucodecDepay, gst_rtp_telucodec_depay,
    GST_TYPE_RTP_BASE_DEPAYLOAD);

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (rtptelucodecdepay, "rtptelucodecdepay",
    GST_RANK_PRIMARY, GST_TYPE_RTP_TELUCODEC_DEPAY,
    GST_DEBUG_CATEGORY_INIT (gst_rtp_telucodec_depay_debug, "rtptelucodecdepay", 0,
        "TeluCodec RTP depayloader"));

/* --- Input ---------------------------------------------------------------- */

static gboolean
gst_rtp_telucodec_depay_set_caps (GstRTPBaseDepayload * depay, GstCaps * caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const gchar *id = gst_structure_get_string (s, GST_TELUCODEC_MODEL_ID);
  gchar *name = gst_telucodec_rtp_clean_name (gst_structure_get_string (s,
          GST_TELUCODEC_RTP_MODEL_NAME));
  GstCaps *out = gst_caps_from_string (GST_TELUCODEC_CAPS_FRAMED);
  gboolean ok;

  depay->clock_rate = TELU_RATE;
  if (id)
    gst_caps_set_simple (out, GST_TELUCODEC_MODEL_ID, G_TYPE_STRING, id, NULL);
  if (name)
    gst_caps_set_simple (out, GST_TELUCODEC_MODEL_NAME, G_TYPE_STRING, name, NULL);
  g_free (name);
  ok = gst_pad_set_caps (depay->srcpad, out);
  gst_caps_unref (out);
  return ok;
}

/* Sets for how many packets a missing one waits, after a packet whose head is `distance`
 * packets older, 0 without a head. Reports a changed latency. */
static void
set_wait (GstRtpTelucodecDepay * self, guint distance)
{
  guint wait;
  gboolean changed;

  self->farthest = MAX (self->farthest, distance);
  GST_OBJECT_LOCK (self);
  wait = MAX (self->wait, distance);
  if (++self->waited >= WAIT_PACKETS) {
    wait = self->farthest;
    self->farthest = self->waited = 0;
  }
  if (!self->use_redundancy)
    wait = 0;
  changed = wait != self->wait;
  self->wait = wait;
  GST_OBJECT_UNLOCK (self);
  if (changed)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

/* Makes a packet with number seq and RTP time stamp `at` the next one. Packets
 * between it and the expected one are missing and end at pts, unless the stream is a new
 * one. Time stamps tell their number, since a report may stand for several numbers. Time
 * without numbers, a second at most and one for each of some lost packets, is a silence of the
 * sender, but for reports without them. */
static void
advance_to (GstRtpTelucodecDepay * self, gboolean same, guint16 seq, guint32 at,
    GstClockTime pts)
{
  const guint16 skipped = seq - self->next;
  const gint most = (1 + MIN (skipped, MAX_SILENT_LOSSES)) * GST_TELUCODEC_MAX_MISSING;
  gint numbers = MIN (skipped * self->packets, GST_TELUCODEC_MAX_MISSING);
  gint missing = gst_telucodec_queue_packets (self->next_at, at);

  if (!self->begun || !same || skipped > GST_TELUCODEC_MAX_MISSING) {
    gst_telucodec_queue_push_ready (self, 0);
    self->jump = TRUE;
  } else {
    if (self->reported && missing < 0) {
      gst_telucodec_queue_drop_missing (self, -missing);
    } else if (!self->reported && missing != numbers
        && (missing < 0 || missing > most)) {
      gst_telucodec_queue_push_ready (self, 0);     /* time stamps that do not go on */
      self->jump = TRUE;
      missing = numbers;
    }
    if (missing > numbers && missing <= most) {
      numbers = MIN (missing, numbers + self->unnumbered);
      if (missing > numbers)
        gst_telucodec_queue_add_silence (self, missing - numbers,
            gst_telucodec_queue_before (pts, numbers));
    }
    gst_telucodec_queue_add_missing (self, CLAMP (missing, 0, numbers), pts);
  }
  self->begun = TRUE;
  self->unnumbered = 0;
  self->reported = FALSE;
  self->next = seq;
  self->next_at = at;
}

static GstBuffer *
gst_rtp_telucodec_depay_process (GstRTPBaseDepayload * depay, GstRTPBuffer * rtp)
{
  GstRtpTelucodecDepay *self = GST_RTP_TELUCODEC_DEPAY (depay);
  const guint8 *in = gst_rtp_buffer_get_payload (rtp);
  const guint n = gst_rtp_buffer_get_payload_len (rtp);
  const guint32 ssrc = gst_rtp_buffer_get_ssrc (rtp);
  const guint32 at = gst_rtp_buffer_get_timestamp (rtp);
  const GstClockTime pts = GST_BUFFER_PTS (rtp->buffer);
  GstTelucodecRtpPayload payload;
  const gchar *wrong;

  self->behind_silence = FALSE;
  advance_to (self, ssrc == self->ssrc, gst_rtp_buffer_get_seq (rtp), at, pts);
  self->ssrc = ssrc;
  self->next++;
  wrong = n > 0 && !in ? "its memory cannot be mapped" :
      gst_telucodec_rtp_parse (&payload, in, n);
  if (wrong) {
    if (!self->damaged)
      GST_ELEMENT_WARNING (self, STREAM, DECODE,
          ("An RTP packet of %u bytes is damaged (%s), and counts as lost; of further "
              "ones the property lost tells.", n, wrong), (NULL));
    self->damaged = TRUE;
    gst_telucodec_queue_add_missing (self, self->packets, GST_CLOCK_TIME_IS_VALID (pts) ? pts +
        self->packets * GST_TELUCODEC_PACKET_DURATION : GST_CLOCK_TIME_NONE);
  } else {
    set_wait (self, payload.heads ? payload.head[payload.heads - 1].distance : 0);
    for (guint i = 0; i < payload.heads && self->wait > 0; i++) {
      const GstTelucodecRtpHead *head = &payload.head[i];

      gst_telucodec_queue_recover (self, at - head->distance * TELU_PACKET,
          gst_telucodec_queue_before (pts, head->distance), in + head->at, head->size);
    }
    for (guint i = 0; i < payload.packets; i++)
      gst_telucodec_queue_add (self, GST_CLOCK_TIME_IS_VALID (pts) ?
          pts + i * GST_TELUCODEC_PACKET_DURATION : GST_CLOCK_TIME_NONE,
          GST_TELUCODEC_PACKET_DURATION, gst_rtp_buffer_get_payload_subbuffer (rtp,
              payload.packet[i].at, payload.packet[i].size));
    self->packets = payload.packets;
  }
  gst_telucodec_queue_push_ready (self, self->wait);
  gst_telucodec_timer_follow (self);
  return NULL;
}

static gboolean
gst_rtp_telucodec_depay_packet_lost (GstRTPBaseDepayload * depay, GstEvent * event)
{
  return gst_telucodec_report_take (GST_RTP_TELUCODEC_DEPAY (depay), event)
      || GST_RTP_BASE_DEPAYLOAD_CLASS (gst_rtp_telucodec_depay_parent_class)->packet_lost (depay,
      event);
}

/* Returns whether a GAP event from upstream, where a payloader may be, is for a time that has
 * passed, and else notes its end. */
static gboolean
is_filled (GstRtpTelucodecDepay * self, GstEvent * event)
{
  GstClockTime from, duration;

  gst_event_parse_gap (event, &from, &duration);
  if (!GST_CLOCK_TIME_IS_VALID (duration))
    duration = 0;
  if (self->begun && GST_CLOCK_TIME_IS_VALID (self->next_pts)
      && from + duration / 2 < MAX (self->next_pts, self->filled))
    return TRUE;
  self->filled = from + duration;
  gst_telucodec_timer_rest (self);
  return FALSE;
}

static gboolean
gst_rtp_telucodec_depay_handle_event (GstRTPBaseDepayload * depay, GstEvent * event)
{
  GstRtpTelucodecDepay *self = GST_RTP_TELUCODEC_DEPAY (depay);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP
      || GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT
      || GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    gst_telucodec_timer_rest (self);
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT)
    self->filled = 0;
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_telucodec_queue_drop (self);
  else if (GST_EVENT_IS_SERIALIZED (event)
      && !gst_event_has_name (event, "GstRTPPacketLost"))
    gst_telucodec_queue_push_ready (self, 0);
  if (GST_EVENT_TYPE (event) == GST_EVENT_GAP
      && (!gst_telucodec_queue_has_segment (self) || is_filled (self, event))) {
    gst_event_unref (event);
    return TRUE;
  }
  return GST_RTP_BASE_DEPAYLOAD_CLASS
      (gst_rtp_telucodec_depay_parent_class)->handle_event (depay, event);
}

static gboolean
gst_rtp_telucodec_depay_src_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstRtpTelucodecDepay *self = GST_RTP_TELUCODEC_DEPAY (parent);
  GstClockTime own;

  if (!self->base_query (pad, parent, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return TRUE;
  GST_OBJECT_LOCK (self);
  own = self->wait * GST_TELUCODEC_PACKET_DURATION;
  GST_OBJECT_UNLOCK (self);
  gst_telucodec_rtp_add_latency (query, own);
  return TRUE;
}

/* --- The element ----------------------------------------------------------- */

static GstStateChangeReturn
gst_rtp_telucodec_depay_change_state (GstElement * element, GstStateChange transition)
{
  GstRtpTelucodecDepay *self = GST_RTP_TELUCODEC_DEPAY (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    GST_OBJECT_LOCK (self);
    self->recovered = self->lost = 0;
    self->wait = 0;
    GST_OBJECT_UNLOCK (self);
    self->damaged = FALSE;
    self->farthest = self->waited = 0;
  }
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    gst_telucodec_timer_rest (self);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_telucodec_timer_stop (self);
  ret = GST_ELEMENT_CLASS (gst_rtp_telucodec_depay_parent_class)->change_state
      (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    gst_telucodec_timer_join (self);
    gst_telucodec_queue_drop (self);
  }
  return ret;
}

static void
gst_rtp_telucodec_depay_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec)
{
  GstRtpTelucodecDepay *self = GST_RTP_TELUCODEC_DEPAY (object);

  if (id != PROP_USE_REDUNDANCY) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  self->use_redundancy = g_value_get_boolean (value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_rtp_telucodec_depay_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstRtpTelucodecDepay *self = GST_RTP_TELUCODEC_DEPAY (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_USE_REDUNDANCY)
    g_value_set_boolean (value, self->use_redundancy);
  else if (id == PROP_RECOVERED)
    g_value_set_uint64 (value, self->recovered);
  else if (id == PROP_LOST)
    g_value_set_uint64 (value, self->lost);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_rtp_telucodec_depay_finalize (GObject * object)
{
  gst_telucodec_queue_drop (GST_RTP_TELUCODEC_DEPAY (object));
  g_cond_clear (&GST_RTP_TELUCODEC_DEPAY (object)->timer_cond);
  G_OBJECT_CLASS (gst_rtp_telucodec_depay_parent_class)->finalize (object);
}

static void
gst_rtp_telucodec_depay_class_init (GstRtpTelucodecDepayClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstRTPBaseDepayloadClass *depay_class = GST_RTP_BASE_DEPAYLOAD_CLASS (klass);

  object_class->set_property = gst_rtp_telucodec_depay_set_property;
  object_class->get_property = gst_rtp_telucodec_depay_get_property;
  object_class->finalize = gst_rtp_telucodec_depay_finalize;
  element_class->change_state = gst_rtp_telucodec_depay_change_state;
  depay_class->set_caps = gst_rtp_telucodec_depay_set_caps;
  depay_class->process_rtp_packet = gst_rtp_telucodec_depay_process;
  depay_class->packet_lost = gst_rtp_telucodec_depay_packet_lost;
  depay_class->handle_event = gst_rtp_telucodec_depay_handle_event;

  /**
   * GstRtpTelucodecDepay:use-redundancy:
   *
   * Whether lost packets wait for their heads in later packets.
   *
   * Since: 0.2
   */
  g_object_class_install_property (object_class, PROP_USE_REDUNDANCY,
      g_param_spec_boolean ("use-redundancy", "Use redundancy",
          "Wait for the beginnings of lost packets that later ones bring",
          DEFAULT_USE_REDUNDANCY,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstRtpTelucodecDepay:recovered:
   *
   * Lost packets that were replaced by their heads, since the last start.
   *
   * Since: 0.2
   */
  g_object_class_install_property (object_class, PROP_RECOVERED,
      g_param_spec_uint64 ("recovered", "Recovered",
          "Packets that were lost, and whose beginnings were passed on", 0,
          G_MAXUINT64, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  /**
   * GstRtpTelucodecDepay:lost:
   *
   * Packets that became GAP events, since the last start.
   *
   * Since: 0.2
   */
  g_object_class_install_property (object_class, PROP_LOST,
      g_param_spec_uint64 ("lost", "Lost", "Packets that became GAP events", 0,
          G_MAXUINT64, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "RTP TeluCodec depayloader", "Codec/Depayloader/Network/RTP",
      "Takes TeluCodec speech out of RTP packets", "The TeluCodec authors");
}

static void
gst_rtp_telucodec_depay_init (GstRtpTelucodecDepay * self)
{
  GstPad *srcpad = GST_RTP_BASE_DEPAYLOAD_SRCPAD (self);

  self->base_query = GST_PAD_QUERYFUNC (srcpad);
  gst_pad_set_query_function (srcpad, gst_rtp_telucodec_depay_src_query);
  gst_pad_add_probe (srcpad, GST_PAD_PROBE_TYPE_BUFFER, gst_telucodec_queue_mark, self, NULL);
  g_queue_init (&self->queue);
  g_cond_init (&self->timer_cond);
  self->timer_at = GST_CLOCK_TIME_NONE;
  self->jump = TRUE;
  self->packets = 1;
  self->use_redundancy = DEFAULT_USE_REDUNDANCY;
}
