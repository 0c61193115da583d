/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodectransrate.c - makes audio/x-telucodec packets smaller. */

/**
 * SECTION:element-telucodectransrate
 * @title: telucodectransrate
 * @see_also: telucodecenc, telucodecparse
 *
 * Lowers the bit rate of coded speech without decoding it to sound, as a relay wants for a receiver
 * with less room, or a server for a file. It adds no delay and takes a third of the time
 * of decoding and encoding, and sounds as good or better; an encoder of the lower rate sounds
 * better still. Packets at max-bitrate or below stay as they are.
 *
 * Between telucodecenc packet-loss-percentage and rtptelucodecpay, max-bitrate is that of packets
 * and of all that is repeated of them.
 *
 * It needs the weights of the stream, and finds them as telucodecdec does, once there is a
 * packet to make smaller.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=speech.tlc ! telucodecparse ! telucodectransrate max-bitrate=6000 ! \
    telucodecmux ! filesink location=small.tlc
 * ]| Makes a file smaller.
 * |[
 * gst-launch-1.0 udpsrc port=5004 caps="application/x-rtp,media=audio,clock-rate=16000,encoding-name=TELUCODEC" ! \
    rtpjitterbuffer do-lost=true ! rtptelucodecdepay ! telucodectransrate max-bitrate=9000 ! \
    rtptelucodecpay ! udpsink host=127.0.0.1 port=5006
 * ]| Passes a call on with less.
 *
 * Since: 0.8
 */
#include "gsttelucodectransrate.h"
#include "gsttelucodecredundancy.h"

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_telucodec_transrate_debug);
#define GST_CAT_DEFAULT gst_telucodec_transrate_debug

enum
{
  PROP_0,
  PROP_MAX_BITRATE,
  PROP_MODEL_PATH
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_TELUCODEC_CAPS_FRAMED));

G_DEFINE_TYPE (GstTelucodecTransrate, gst_telucodec_transrate, GST_TYPE_BASE_TRANSFORM);

GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (telucodectransrate, "telucodectransrate",
    GST_RANK_NONE, GST_TYPE_TELUCODEC_TRANSRATE,
    GST_DEBUG_CATEGORY_INIT (gst_telucodec_transrate_debug, "telucodectransrate", 0,
        "TeluCodec transrater"));

/* --- Weights ------------------------------------------------------------------ */

static void
close_weights (GstTelucodecTransrate * self)
{
  g_clear_pointer (&self->transrater, telu_transrater_free);
  g_clear_pointer (&self->model, gst_telucodec_model_release);
}

static gboolean
is_of_stream (GstTelucodecTransrate * self, GstTelucodecModel * model)
{
  return !self->id || g_str_equal (self->id, telu_model_id (gst_telucodec_model_get (model)));
}

/* Returns the weights of the stream: those that are set, if they are; else those of that id.
 * Returns NULL with an error posted. */
static GstTelucodecModel *
find_weights (GstTelucodecTransrate * self)
{
  GstElement *element = GST_ELEMENT (self);
  GstTelucodecModel *model = NULL;
  gchar *path;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  GST_OBJECT_UNLOCK (self);

  if (!self->id || gst_telucodec_model_has_default (element, path)) {
    model = gst_telucodec_model_acquire (element, path);
    if (!model || is_of_stream (self, model))
      goto done;
    if (path && *path) {
      gst_telucodec_model_refuse (element, self->id, gst_telucodec_model_get (model));
      g_clear_pointer (&model, gst_telucodec_model_release);
      goto done;
    }
    gst_telucodec_model_release (model);
  }
  model = gst_telucodec_model_find (element, self->id, self->name);

done:
  g_free (path);
  return model;
}

static gboolean
open_weights (GstTelucodecTransrate * self)
{
  if (self->transrater)
    return TRUE;
  self->model = find_weights (self);
  if (!self->model)
    return FALSE;
  self->transrater = telu_transrater_new (gst_telucodec_model_get (self->model), NULL);
  if (!self->transrater) {
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, (NULL), ("%s", telu_error ()));
    close_weights (self);
  }
  return self->transrater != NULL;
}

/* --- Tags ----------------------------------------------------------------------- */

static guint
limit (GstTelucodecTransrate * self, guint bitrate)
{
  return self->latched > 0 ? MIN (bitrate, MAX (self->latched, TELU_MIN_BITRATE)) : bitrate;
}

/* Returns the stream's tags with no bit rate above the most. */
static GstTagList *
limit_tags (GstTelucodecTransrate * self)
{
  static const gchar *const rates[] = { GST_TAG_BITRATE, GST_TAG_NOMINAL_BITRATE,
    GST_TAG_MAXIMUM_BITRATE
  };
  GstTagList *tags = gst_tag_list_copy (self->tags);
  guint bitrate;

  for (gsize i = 0; i < G_N_ELEMENTS (rates); i++)
    if (gst_tag_list_get_uint (tags, rates[i], &bitrate))
      gst_tag_list_add (tags, GST_TAG_MERGE_REPLACE, rates[i], limit (self, bitrate), NULL);
  return tags;
}

/* --- Losses ----------------------------------------------------------------------- */

/* Returns the encoder's word on losses to be ready for, at no bit rate above the most. */
static GstEvent *
limit_choice (GstTelucodecTransrate * self)
{
  return gst_telucodec_redundancy_event (limit (self, self->told), self->loss, self->run);
}

/* Returns the mean bit rate of packets: the bytes that the payloader adds, for losses that it was
 * told, are a part of the most. */
static gint
packets_bitrate (GstTelucodecTransrate * self)
{
  const gint most = MAX (self->latched, TELU_MIN_BITRATE);

  if (!self->told || self->loss < 0)
    return most;
  return gst_telucodec_redundancy_left (most, self->loss, self->run, self->packets);
}

/* Takes over what other threads have set, and tells of a new rate. */
static void
latch (GstTelucodecTransrate * self)
{
  GstPad *src = GST_BASE_TRANSFORM_SRC_PAD (self);
  guint bitrate;

  GST_OBJECT_LOCK (self);
  bitrate = self->max_bitrate;
  self->packets = self->payload_packets;
  GST_OBJECT_UNLOCK (self);
  if (bitrate == self->latched)
    return;
  self->latched = bitrate;
  if (self->tags)
    gst_pad_push_event (src, gst_event_new_tag (limit_tags (self)));
  if (self->told)
    gst_pad_push_event (src, limit_choice (self));
}

/* --- Packets -------------------------------------------------------------------- */

static GstFlowReturn
gst_telucodec_transrate_transform_ip (GstBaseTransform * trans, GstBuffer * buf)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (trans);
  const gsize size = gst_buffer_get_size (buf);
  guint8 in[TELU_MAX_PACKET], out[TELU_MAX_PACKET], *left;
  gint n;

  latch (self);
  if (self->latched == 0 || size == 0 || size > sizeof (in))
    return GST_FLOW_OK;         /* a decoder conceals what is no packet */
  if (!open_weights (self) || !gst_telucodec_read (GST_ELEMENT (self), buf, in))
    return GST_FLOW_ERROR;

  if (gst_telucodec_begins_run (buf))
    telu_transrater_reset (self->transrater);
  telu_transrater_set (self->transrater, packets_bitrate (self));
  n = telu_transrate (self->transrater, in, size, out, sizeof (out));
  if (n < 0) {
    GST_ELEMENT_ERROR (self, STREAM, FAILED, (NULL), ("%s", telu_error ()));
    return GST_FLOW_ERROR;
  }
  if ((gsize) n == size && memcmp (in, out, size) == 0)
    return GST_FLOW_OK;
  left = g_malloc (n);
  memcpy (left, out, n);
  gst_buffer_replace_all_memory (buf, gst_memory_new_wrapped (0, left, n, 0, n, left, g_free));
  return GST_FLOW_OK;
}

static gboolean
gst_telucodec_transrate_set_caps (GstBaseTransform * trans, GstCaps * in, GstCaps * out)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (trans);
  const GstStructure *s = gst_caps_get_structure (in, 0);
  const gchar *id = gst_structure_get_string (s, GST_TELUCODEC_MODEL_ID);

  (void) out;
  if (g_strcmp0 (id, self->id) != 0)
    close_weights (self);
  g_free (self->id);
  g_free (self->name);
  self->id = g_strdup (id);
  self->name = g_strdup (gst_structure_get_string (s, GST_TELUCODEC_MODEL_NAME));
  return TRUE;
}

/* Notes the name that a file has for the weights; the tags pass on. */
static void
note_name (GstTelucodecTransrate * self, const GstTagList * tags)
{
  GstTagList *copy = gst_tag_list_copy (tags);
  gchar *name = gst_telucodec_take_name (copy);

  if (name) {
    g_free (self->name);
    self->name = name;
  }
  gst_tag_list_unref (copy);
}

static gboolean
gst_telucodec_transrate_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (trans);
  gint bitrate, loss;
  GstTagList *tags;
  gdouble run;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_TAG:
      gst_event_parse_tag (event, &tags);
      note_name (self, tags);
      if (gst_tag_list_get_scope (tags) != GST_TAG_SCOPE_STREAM)
        break;
      latch (self);
      gst_tag_list_replace (&self->tags, tags);
      gst_event_unref (event);
      event = gst_event_new_tag (limit_tags (self));
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      if (!gst_telucodec_redundancy_parse (event, &bitrate, &loss, &run))
        break;
      latch (self);
      self->told = bitrate;
      self->loss = loss;
      self->run = run;
      gst_event_unref (event);
      event = limit_choice (self);
      break;
    case GST_EVENT_STREAM_START:
      gst_clear_tag_list (&self->tags);
      self->told = 0;
      break;
    case GST_EVENT_FLUSH_STOP:
      if (self->transrater)
        telu_transrater_reset (self->transrater);
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_telucodec_transrate_parent_class)->sink_event
      (trans, event);
}

/* The encoder hears the payloader's word, too. */
static gboolean
gst_telucodec_transrate_src_event (GstBaseTransform * trans, GstEvent * event)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (trans);
  guint packets;

  if (gst_telucodec_payload_parse (event, &packets)) {
    GST_OBJECT_LOCK (self);
    self->payload_packets = packets;
    GST_OBJECT_UNLOCK (self);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_telucodec_transrate_parent_class)->src_event
      (trans, event);
}

static gboolean
gst_telucodec_transrate_stop (GstBaseTransform * trans)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (trans);

  close_weights (self);
  g_clear_pointer (&self->id, g_free);
  g_clear_pointer (&self->name, g_free);
  gst_clear_tag_list (&self->tags);
  self->latched = self->told = 0;
  return TRUE;
}

/* --- The element ------------------------------------------------------------------ */

static void
gst_telucodec_transrate_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_MAX_BITRATE) {
    self->max_bitrate = g_value_get_uint (value);
  } else if (id == PROP_MODEL_PATH) {
    g_free (self->model_path);
    self->model_path = g_value_dup_string (value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_telucodec_transrate_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_MAX_BITRATE)
    g_value_set_uint (value, self->max_bitrate);
  else if (id == PROP_MODEL_PATH)
    g_value_set_string (value, self->model_path);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_telucodec_transrate_finalize (GObject * object)
{
  GstTelucodecTransrate *self = GST_TELUCODEC_TRANSRATE (object);

  g_free (self->model_path);
  G_OBJECT_CLASS (gst_telucodec_transrate_parent_class)->finalize (object);
}

static void
gst_telucodec_transrate_init (GstTelucodecTransrate * self)
{
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
  self->payload_packets = self->packets = 1;
}

static void
gst_telucodec_transrate_class_init (GstTelucodecTransrateClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = gst_telucodec_transrate_set_property;
  object_class->get_property = gst_telucodec_transrate_get_property;
  object_class->finalize = gst_telucodec_transrate_finalize;
  trans_class->transform_ip = gst_telucodec_transrate_transform_ip;
  trans_class->set_caps = gst_telucodec_transrate_set_caps;
  trans_class->sink_event = gst_telucodec_transrate_sink_event;
  trans_class->src_event = gst_telucodec_transrate_src_event;
  trans_class->stop = gst_telucodec_transrate_stop;

  /**
   * GstTelucodecTransrate:max-bitrate:
   *
   * Mean bit rate that packets may have, in bit/s; 0: packets pass unchanged. Less than 500 is 500.
   *
   * Since: 0.8
   */
  g_object_class_install_property (object_class, PROP_MAX_BITRATE,
      g_param_spec_uint ("max-bitrate", "Maximum bit rate",
          "Mean bit rate that packets may have, in bit/s (0 = pass them)", 0,
          TELU_MAX_BITRATE, 0, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
          | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstTelucodecTransrate:model-path:
   *
   * Weight file. If unset, the weights that the stream names are looked up, first
   * among TELUCODEC_MODEL and those that came with the plugin.
   *
   * Since: 0.8
   */
  g_object_class_install_property (object_class, PROP_MODEL_PATH,
      g_param_spec_string (GST_TELUCODEC_PROP_MODEL_PATH, "Model path",
          "Weight file; unset: the one that the stream names", NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "TeluCodec transrater",
      "Codec/Converter/Audio", "Makes TeluCodec packets smaller without decoding them to sound",
      "The TeluCodec authors");
}
