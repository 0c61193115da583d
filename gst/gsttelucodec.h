/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gsttelucodec.h - caps and names that the elements of the plugin share.
 *
 * Stream caps of coded audio always contain all of
 *   audio/x-telucodec, framed=(boolean)true, rate=(int)16000,
 *   channels=(int)1, model-id=(string)<64 hex digits>
 * where model-id is telu_model_id() of the weights that made the packets. Weights other than the
 * shipped ones add model-name, the name of their file. One
 * buffer is one packet, 20 ms; packet k decodes to the samples
 * [320k - 80, 320k + 240). A GstAudioClippingMeta in GST_FORMAT_DEFAULT (samples at
 * 16 kHz) removes the 80 samples before the stream's first one (start=80 on the first
 * packet) and the samples after its last one (end on the last packets). The decoder
 * applies it. Time stamp and duration are those of the remaining samples. DISCONT marks
 * the first packet of an encoder's run and the first one after a seek. DISCONT with
 * start=80 resets the decoder.
 */
#ifndef GST_TELUCODEC_H
#define GST_TELUCODEC_H

#include <gst/gst.h>

#include "telu.h"

G_BEGIN_DECLS

#define GST_TELUCODEC_MEDIA_TYPE "audio/x-telucodec"
#define GST_TELUCODEC_CODEC_NAME "TeluCodec"
#define GST_TELUCODEC_EXTENSION "tlc"

/* Name of the caps field with the id of the weights. */
#define GST_TELUCODEC_MODEL_ID "model-id"

/* Name of the optional caps field, and of the comment in a file, with the name of weights that did
 * not come with the plugin. It serves messages alone. */
#define GST_TELUCODEC_MODEL_NAME "model-name"
#define GST_TELUCODEC_MODEL_COMMENT "WEIGHTS="

#define GST_TELUCODEC_PACKET_DURATION (20 * GST_MSECOND)
/* A byte in each packet, in bit/s. */
#define GST_TELUCODEC_BITS_PER_BYTE (8 * TELU_RATE / TELU_PACKET)

/* Packets that can be decoded. A stream that begins with a GAP event negotiates this rate
 * and channel, not the base class's 44100 Hz stereo. model-id is left out, because a
 * stream's caps must contain every field named here to be a subset. */
#define GST_TELUCODEC_CAPS_FRAMED \
    GST_TELUCODEC_MEDIA_TYPE ", framed = (boolean) true, " \
    "rate = (int) 16000, channels = (int) 1"

/* Bytes of a .tlc file. */
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

/* Environment variable: the weight file if model-path is not set. */
#define GST_TELUCODEC_MODEL_ENV "TELUCODEC_MODEL"
/* Name of the weights that came with the plugin. */
#define GST_TELUCODEC_MODEL_SHIPPED "telucodec-te-16k"

/* gsttelucodecread.c: a buffer may have memory that cannot be mapped, as that of a device. */

/* Returns whether all of a buffer can be mapped, and else posts an error. Base classes that collect
 * bytes take that for granted, and crash. */
gboolean gst_telucodec_can_read (GstElement * element, GstBuffer * buf);
/* Maps a buffer to read it. Returns FALSE with an error posted where a part of it cannot be mapped:
 * gst_buffer_map() leaves that part as it finds it if there are others (GStreamer 1.22). */
gboolean gst_telucodec_map (GstElement * element, GstBuffer * buf, GstMapInfo * map);
/* Copies all bytes of a buffer to `to`. Returns FALSE likewise; gst_buffer_extract() crashes. */
gboolean gst_telucodec_read (GstElement * element, GstBuffer * buf, guint8 * to);

/* Reads how many samples are clipped from the start and from the end of a packet's. */
void gst_telucodec_read_clip (GstBuffer * buf, guint64 * start, guint64 * end);
/* Returns whether the packet is the first one of an encoder's run: DISCONT with that clipping.
 * DISCONT alone is a hole in the run, which keeps the state. */
gboolean gst_telucodec_begins_run (GstBuffer * buf);

/* Takes the name of the weights out of the tags. Returns it, to be freed, or NULL. */
gchar *gst_telucodec_take_name (GstTagList * tags);

GST_DEBUG_CATEGORY_EXTERN (gst_telucodec_debug);

GST_ELEMENT_REGISTER_DECLARE (telucodecenc);
GST_ELEMENT_REGISTER_DECLARE (telucodecdec);
GST_ELEMENT_REGISTER_DECLARE (telucodecmux);
GST_ELEMENT_REGISTER_DECLARE (telucodecparse);
GST_TYPE_FIND_REGISTER_DECLARE (telucodec);

G_END_DECLS

#endif
