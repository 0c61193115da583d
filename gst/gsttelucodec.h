/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodec.h - what the elements of the plugin have in common: caps, names,
 * ranks.
 *
 * Stream caps of coded audio always carry all of
 *   audio/x-telucodec, framed=(boolean)true, rate=(int)16000,
 *   channels=(int)1, model-id=(string)<64 hex digits>
 * where model-id is telu_model_id() of the weights that made the packets. One
 * buffer is one packet, 20 ms; packet k decodes to the samples
 * [320k - 80, 320k + 240). The 80 samples that stand before the stream's first
 * one, and what lies behind its last one, are named by a GstAudioClippingMeta
 * in GST_FORMAT_DEFAULT (samples at 16 kHz), which the decoder applies: start=80
 * on the first packet, end on the last. Time stamp and duration are those of the
 * samples that remain. The first packet of an encoder's run, and of what is read
 * after a seek, has DISCONT; with start=80 it makes the decoder begin anew.
 */
#ifndef GST_TELUCODEC_H
#define GST_TELUCODEC_H

#include <gst/gst.h>

#include "telu.h"

G_BEGIN_DECLS

#define GST_TELUCODEC_MEDIA_TYPE "audio/x-telucodec"
#define GST_TELUCODEC_CODEC_NAME "TeluCodec"
#define GST_TELUCODEC_EXTENSION "tlc"

/* name of the caps field with the id of the weights */
#define GST_TELUCODEC_MODEL_ID "model-id"

#define GST_TELUCODEC_PACKET_DURATION (20 * GST_MSECOND)

/* Whatever can be decoded. rate and channels stand here so that a stream which
 * begins with a GAP event negotiates these and not the 44100 Hz stereo that the
 * base class would pick; model-id does not, because every field named here must
 * be present in a stream's caps for it to be a subset. */
#define GST_TELUCODEC_CAPS_FRAMED \
    GST_TELUCODEC_MEDIA_TYPE ", framed = (boolean) true, " \
    "rate = (int) 16000, channels = (int) 1"

/* Bytes of a .tlc file, as the muxer writes and the parser takes them. */
#define GST_TELUCODEC_CAPS_FILE \
    GST_TELUCODEC_MEDIA_TYPE ", framed = (boolean) false"

#define GST_TELUCODEC_CAPS_RAW \
    "audio/x-raw, format = (string) { F32LE, S16LE }, " \
    "layout = (string) interleaved, rate = (int) 16000, channels = (int) 1"

#define GST_TELUCODEC_PROP_MODEL_PATH "model-path"
#define GST_TELUCODEC_PROP_BACKEND "backend"
#define GST_TELUCODEC_PROP_CUDA_DEVICE_ID "cuda-device-id"
#define GST_TELUCODEC_PROP_BATCH_WINDOW "batch-window"
#define GST_TELUCODEC_PROP_ACTIVE_BACKEND "active-backend"
#define GST_TELUCODEC_PROP_STATS "stats"

/* Environment: weight file to use where no model-path is set. */
#define GST_TELUCODEC_MODEL_ENV "TELUCODEC_MODEL"
#define GST_TELUCODEC_MODEL_FILE "telucodec-te-16k.safetensors"

GST_DEBUG_CATEGORY_EXTERN (gst_telucodec_debug);

GST_ELEMENT_REGISTER_DECLARE (telucodecenc);
GST_ELEMENT_REGISTER_DECLARE (telucodecdec);
GST_ELEMENT_REGISTER_DECLARE (telucodecmux);
GST_ELEMENT_REGISTER_DECLARE (telucodecparse);
GST_TYPE_FIND_REGISTER_DECLARE (telucodec);

G_END_DECLS

#endif
