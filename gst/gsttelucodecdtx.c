/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodecdtx.c - discontinuous transmission of telucodecenc: which packets are sent.
 *
 * Behind the hangover of speech 19 of 20 packets are neither coded nor sent; the rest describe
 * the background. Since the encoder does not see a packet that the decoder does not get, both
 * keep the same state, and speech goes on without a loss.
 */
#include "gsttelucodecenc.h"

#include "gsttelucodecnoise.h"

#define INTERVAL 20             /* packets, 400 ms, as Opus */
#define DESCRIPTION_BITRATE 3200        /* 8 bytes */

gboolean
gst_telucodec_enc_is_silent (GstTelucodecEnc * self)
{
  gboolean dtx;

  GST_OBJECT_LOCK (self);
  dtx = self->dtx;
  GST_OBJECT_UNLOCK (self);

  if (!dtx && self->activity.packets > 0)
    gst_telucodec_activity_reset (&self->activity);
  /* Without time stamps nothing would tell of what is not sent. */
  if (!dtx || gst_telucodec_activity_update (&self->activity, self->pcm)
      || !GST_CLOCK_TIME_IS_VALID (self->end))
    self->silent = 0;
  else
    self->silent++;
  return self->silent > 0;
}

GstFlowReturn
gst_telucodec_enc_skip_packet (GstTelucodecEnc * self)
{
  GstAudioEncoder *enc = GST_AUDIO_ENCODER (self);
  const GstClockTime from = self->end +
      gst_util_uint64_scale (self->skipped, GST_SECOND, TELU_RATE);
  GstFlowReturn ret;

  self->skipped += TELU_PACKET;
  self->held -= TELU_PACKET;
  gst_telucodec_enc_measure_bitrate (self, 0, FALSE);
  GST_OBJECT_LOCK (self);
  self->silent_packets++;
  GST_OBJECT_UNLOCK (self);
  ret = gst_audio_encoder_finish_frame (enc, NULL, TELU_PACKET);
  if (ret == GST_FLOW_OK)
    gst_pad_push_event (GST_AUDIO_ENCODER_SRC_PAD (enc),
        gst_telucodec_silence_event (from, self->end +
            gst_util_uint64_scale (self->skipped, GST_SECOND, TELU_RATE) - from));
  return ret;
}

gboolean
gst_telucodec_enc_describes (GstTelucodecEnc * self)
{
  return self->silent > 0 && self->silent % INTERVAL == 0;
}

void
gst_telucodec_enc_set_description_rate (GstTelucodecEnc * self, gboolean on)
{
  struct telu_rate rate = self->latched;

  if (on) {
    rate.bitrate = MIN (rate.bitrate, DESCRIPTION_BITRATE);
    rate.mode = TELU_CBR;
    rate.refinement = 0;
  }
  gst_telucodec_stream_set_rate (&self->stream, &rate);
}
