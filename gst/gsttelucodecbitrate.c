/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecbitrate.c - the settings of telucodecenc in force, and the tags that tell them
 * and the bit rate that comes of them. */
#include "gsttelucodecenc.h"
#include "gsttelucodecredundancy.h"

#include <stdio.h>

#include "weights.h"

#define LEVELS 1600             /* at most of levels of bands, in bit/s */
#define MEASURED 50             /* packets between looks at the bit rate */

/* Returns 102 for version 0.1.2, since the tag is a number. */
static guint
version_number (void)
{
  guint major = 0, minor = 0, micro = 0;

  sscanf (VERSION, "%u.%u.%u", &major, &minor, &micro);
  return (major * 100 + minor) * 100 + micro;
}

/* Returns the bit rate that the settings aim at and can reach. */
static guint
nominal_bitrate (const struct telu_model *model, const struct telu_rate *rate)
{
  const guint base = (1 + model->cfg.stages * model->n + 7) / 8 * GST_TELUCODEC_BITS_PER_BYTE;
  guint bitrate = rate->bitrate;

  if (!rate->refinement && rate->tune == TELU_SNR)
    bitrate = MIN (bitrate, base);
  else if (!rate->refinement && rate->mode != TELU_CBR)
    bitrate = MIN (bitrate, base + LEVELS);
  return rate->mode == TELU_CBR ? bitrate - bitrate % GST_TELUCODEC_BITS_PER_BYTE : bitrate;
}

static void
send_tags (GstTelucodecEnc * self)
{
  GstTagSetter *setter = GST_TAG_SETTER (self);
  const GstTagList *app = gst_tag_setter_get_tag_list (setter);
  GstTagMergeMode mode = gst_tag_setter_get_tag_merge_mode (setter);
  GstTagList *tags = app ? gst_tag_list_copy (app) : gst_tag_list_new_empty ();

  gst_tag_list_add (tags, GST_TAG_MERGE_REPLACE,
      GST_TAG_ENCODER, "telucodecenc",
      GST_TAG_ENCODER_VERSION, version_number (),
      GST_TAG_AUDIO_CODEC, GST_TELUCODEC_CODEC_NAME,
      GST_TAG_NOMINAL_BITRATE,
      nominal_bitrate (self->runtime.model, &self->latched), NULL);
  if (self->measured > 0)
    gst_tag_list_add (tags, GST_TAG_MERGE_REPLACE, GST_TAG_BITRATE, self->measured,
        NULL);
  gst_audio_encoder_merge_tags (GST_AUDIO_ENCODER (self), tags, mode);
  gst_tag_list_unref (tags);
}

void
gst_telucodec_enc_measure_bitrate (GstTelucodecEnc * self, gint size, gboolean last)
{
  guint bitrate;

  self->rate_packets++;
  self->rate_bytes += size;
  bitrate = (self->rate_bytes * GST_TELUCODEC_BITS_PER_BYTE + self->rate_packets / 2) /
      self->rate_packets;
  if (!last && self->rate_packets % MEASURED != 0
      && (self->rate_packets > 1 || self->latched.mode != TELU_CBR))
    return;
  if (20 * ABS ((gint) (bitrate - self->measured)) <= (gint) self->measured)
    return;
  self->measured = bitrate;
  send_tags (self);
}

void
gst_telucodec_enc_push_choice (GstTelucodecEnc * self)
{
  if (self->choice)
    gst_pad_push_event (GST_AUDIO_ENCODER_SRC_PAD (self), g_steal_pointer (&self->choice));
}

void
gst_telucodec_enc_latch_rate (GstTelucodecEnc * self)
{
  gboolean changed, repacked;
  struct telu_rate rate;
  guint packets;
  gdouble run;
  gint loss;

  GST_OBJECT_LOCK (self);
  changed = self->rate_changed;
  repacked = self->payload_changed;
  self->rate_changed = self->payload_changed = FALSE;
  rate = self->rate;
  loss = self->loss;
  run = self->loss_run;
  packets = self->payload_packets;
  GST_OBJECT_UNLOCK (self);

  /* Payloaders behind a tee answer each choice, so their answers make no new one. */
  if (changed) {
    gst_clear_event (&self->choice);
    self->choice = gst_telucodec_redundancy_event (rate.bitrate, loss, run);
  } else if (!repacked || loss < 0) {
    return;
  }
  if (loss >= 0)
    rate.bitrate = gst_telucodec_redundancy_left (rate.bitrate, loss, run, packets);
  if (!gst_telucodec_stream_set_rate (&self->stream, &rate))
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
        ("The encoder keeps its settings: %s", telu_error ()), (NULL));
  self->latched = rate;
  self->rate_packets = self->rate_bytes = 0;
  self->measured = 0;
  send_tags (self);
}
