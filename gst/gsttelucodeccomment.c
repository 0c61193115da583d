/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodeccomment.c - the tags that telucodecmux writes behind the header, and the name of the
 * weights among them. */
#include "gsttelucodecmux.h"

#include <gst/tag/tag.h>
#include <string.h>

#define GST_CAT_DEFAULT gst_telucodec_debug

gchar *
gst_telucodec_take_name (GstTagList * tags)
{
  const guint n = gst_tag_list_get_tag_size (tags, GST_TAG_EXTENDED_COMMENT);
  GPtrArray *others = g_ptr_array_new_with_free_func (g_free);
  gchar *name = NULL, *text;

  for (guint i = 0; i < n; i++) {
    if (!gst_tag_list_get_string_index (tags, GST_TAG_EXTENDED_COMMENT, i, &text))
      continue;
    if (g_ascii_strncasecmp (text, GST_TELUCODEC_MODEL_COMMENT,
            strlen (GST_TELUCODEC_MODEL_COMMENT)) == 0) {
      g_free (name);
      name = g_strdup (text + strlen (GST_TELUCODEC_MODEL_COMMENT));
      g_free (text);
    } else {
      g_ptr_array_add (others, text);
    }
  }
  if (name) {
    gst_tag_list_remove_tag (tags, GST_TAG_EXTENDED_COMMENT);
    for (guint i = 0; i < others->len; i++)
      gst_tag_list_add (tags, GST_TAG_MERGE_APPEND, GST_TAG_EXTENDED_COMMENT, others->pdata[i],
          NULL);
  }
  g_ptr_array_unref (others);
  return name;
}

/* Adds the name of the caps, in place of one that came with the tags. */
static GstTagList *
add_name (GstTagList * tags, const gchar * name)
{
  gchar *text = g_strconcat (GST_TELUCODEC_MODEL_COMMENT, name, NULL);

  tags = tags ? gst_tag_list_make_writable (tags) : gst_tag_list_new_empty ();
  g_free (gst_telucodec_take_name (tags));
  gst_tag_list_add (tags, GST_TAG_MERGE_APPEND, GST_TAG_EXTENDED_COMMENT, text, NULL);
  g_free (text);
  return tags;
}

/* Returns whether a comment tells more than its encoder. */
static gboolean
tells_more (GstBuffer * comment)
{
  GstTagList *tags = gst_tag_list_from_vorbiscomment_buffer (comment, NULL, 0, NULL);
  gint more;

  if (!tags)
    return FALSE;
  more = gst_tag_list_n_tags (tags);
  more -= gst_tag_list_get_tag_size (tags, GST_TAG_ENCODER) > 0;
  more -= gst_tag_list_get_tag_size (tags, GST_TAG_ENCODER_VERSION) > 0;
  gst_tag_list_unref (tags);
  return more > 0;
}

/* Returns the tags as a Vorbis comment, or NULL if the packets tell all there is. */
static GstBuffer *
comment_buffer (GstTelucodecMux * self)
{
  static const gchar *const left_out[] = {
    GST_TAG_AUDIO_CODEC, GST_TAG_CODEC, GST_TAG_CONTAINER_FORMAT, GST_TAG_BITRATE,
    GST_TAG_NOMINAL_BITRATE, GST_TAG_MINIMUM_BITRATE, GST_TAG_MAXIMUM_BITRATE,
    GST_TAG_IMAGE, GST_TAG_PREVIEW_IMAGE
  };
  GstTagSetter *setter = GST_TAG_SETTER (self);
  GstTagList *tags = gst_tag_list_merge (self->tags,
      gst_tag_setter_get_tag_list (setter),
      gst_tag_setter_get_tag_merge_mode (setter));
  gchar *encoder = NULL;
  GstBuffer *comment;

  if (self->weights)
    tags = add_name (tags, self->weights);
  if (!tags)
    return NULL;
  gst_tag_list_get_string (tags, GST_TAG_ENCODER, &encoder);
  for (guint i = 0; i < G_N_ELEMENTS (left_out); i++)
    gst_tag_list_remove_tag (tags, left_out[i]);
  comment = gst_tag_list_to_vorbiscomment_buffer (tags, NULL, 0,
      encoder ? encoder : GST_TELUCODEC_CODEC_NAME);
  g_free (encoder);
  gst_tag_list_unref (tags);
  if (comment && !tells_more (comment))
    gst_clear_buffer (&comment);
  return comment;
}

GstBuffer *
gst_telucodec_mux_make_tags (GstTelucodecMux * self)
{
  GstBuffer *comment = comment_buffer (self), *out = NULL;
  GstMapInfo in, map;

  if (!comment)
    return NULL;
  if (gst_buffer_get_size (comment) > TLC_MAX_TAGS) {
    GST_ELEMENT_WARNING (self, STREAM, MUX,
        ("The tags have %" G_GSIZE_FORMAT " bytes, more than the %u that a .tlc file "
            "holds, and are left out.", gst_buffer_get_size (comment), TLC_MAX_TAGS),
        (NULL));
  } else if (gst_buffer_map (comment, &in, GST_MAP_READ)) {
    out = gst_buffer_new_allocate (NULL, TLC_TAGS_MIN + in.size, NULL);
    if (out && gst_buffer_map (out, &map, GST_MAP_WRITE)) {
      tlc_tags_write (in.data, in.size, map.data);
      gst_buffer_unmap (out, &map);
      GST_BUFFER_FLAG_SET (out, GST_BUFFER_FLAG_HEADER);
    } else {
      gst_clear_buffer (&out);
    }
    gst_buffer_unmap (comment, &in);
  }
  gst_buffer_unref (comment);
  return out;
}
