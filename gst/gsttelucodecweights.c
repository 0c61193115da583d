/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecweights.c - gives the decoder the weights that its stream names. */
#include "gsttelucodecdec.h"

#define GST_CAT_DEFAULT gst_telucodec_debug

gboolean
gst_telucodec_dec_open_stream (GstTelucodecDec * self)
{
  return gst_telucodec_stream_open (&self->stream, GST_ELEMENT (self), &self->runtime,
      TELU_DECODE);
}

void
gst_telucodec_dec_close_stream (GstTelucodecDec * self)
{
  if (gst_telucodec_stream_is_open (&self->stream))
    gst_telucodec_stream_close (&self->stream);
}

/* Returns TRUE the first time: caps that were refused come again before each event. */
static gboolean
refuse (GstTelucodecDec * self)
{
  const gboolean first = !self->refused;

  self->refused = TRUE;
  return first;
}

gboolean
gst_telucodec_dec_note_weights (GstTelucodecDec * self, const gchar * id)
{
  const struct telu_model *model = self->runtime.model;

  g_clear_pointer (&self->wanted, g_free);
  if (!id && !model) {
    if (refuse (self))
      GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
          ("The stream does not name its weights, and none came with the plugin: set "
              GST_TELUCODEC_PROP_MODEL_PATH " or the environment variable "
              GST_TELUCODEC_MODEL_ENV " to their file."), (NULL));
    return FALSE;
  }
  if (!id)
    GST_WARNING_OBJECT (self, "caps without model-id: if the packets were not "
        "made with %s, the sound will be wrong", telu_model_id (model));
  if (!id || (model && g_str_equal (id, telu_model_id (model))))
    return gst_telucodec_stream_is_open (&self->stream) || gst_telucodec_dec_open_stream (self);
  if (gst_telucodec_runtime_is_given (&self->runtime, GST_ELEMENT (self))) {
    if (refuse (self))
      gst_telucodec_model_refuse (GST_ELEMENT (self), id, model);
    return FALSE;
  }
  self->wanted = g_strdup (id);
  return TRUE;
}

gboolean
gst_telucodec_dec_take_weights (GstTelucodecDec * self)
{
  if (self->refused)            /* told already */
    return FALSE;
  gst_telucodec_dec_close_stream (self);
  if (!gst_telucodec_runtime_follow (&self->runtime, GST_ELEMENT (self), self->wanted,
          self->wanted_name)
      || !gst_telucodec_dec_open_stream (self)) {
    self->refused = TRUE;
    return FALSE;
  }
  g_clear_pointer (&self->wanted, g_free);
  return TRUE;
}

GstEvent *
gst_telucodec_dec_take_name (GstTelucodecDec * self, GstEvent * event)
{
  GstTagList *tags;
  gchar *name;

  gst_event_parse_tag (event, &tags);
  tags = gst_tag_list_copy (tags);
  name = gst_telucodec_take_name (tags);
  if (name) {
    g_free (self->wanted_name);
    self->wanted_name = name;
    gst_event_unref (event);
    return gst_event_new_tag (tags);
  }
  gst_tag_list_unref (tags);
  return event;
}
