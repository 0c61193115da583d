/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_common.h - shared by the tests of encoder and decoder: checks, a signal, runs through an
 * element and the same through telu.h. The environment variable TELUCODEC_MODEL names the
 * weights. */
#ifndef GST_COMMON_H
#define GST_COMMON_H

#include <gst/audio/audio.h>
#include <gst/check/gstharness.h>

#include "telu.h"

G_BEGIN_DECLS

#define RAW_CAPS(format) "audio/x-raw,format=" format \
    ",layout=interleaved,rate=16000,channels=1"

/* Counts the check, and prints a failed one. Returns ok. */
#define CHECK(ok, ...) tc_check ((ok) != 0, __func__, __LINE__, #ok, __VA_ARGS__)
gboolean tc_check (gboolean ok, const gchar * func, gint line,
    const gchar * text, const gchar * format, ...) G_GNUC_PRINTF (5, 6);

/* Calls gst_init(), and exits if plugin or weights are missing. */
void tc_init (int *argc, char ***argv);
/* Prints the result. Returns the exit status of the test. */
int tc_done (const gchar * name);

/* The model of TELUCODEC_MODEL, its path, and a path below a folder of this test. */
struct telu_model *tc_model (void);
const gchar *tc_model_path (void);
gchar *tc_path (const gchar * name);
/* Returns whether the elements run on a module and not on the CPU. */
gboolean tc_in_batches (void);
/* Writes the weights with one bit changed: another file, another id. */
void tc_write_other_model (const gchar * path);
/* Likewise, the first byte of a tensor (NULL: of all) exclusive-or `flip`. */
void tc_write_model (const gchar * path, const gchar * tensor, guint8 flip);

/* Returns n samples of a voice-like signal. */
gfloat *tc_signal (gint n);
/* Makes one buffer of n samples, with the time stamp of sample `from` at 16 kHz. */
GstBuffer *tc_raw_buffer (const gfloat * pcm, gint from, gint n, gboolean s16);
GstClockTime tc_time (gint64 samples);

/* Encodes pcm by telu.h into GBytes; rate NULL: the default. */
GPtrArray *tc_encode (const gfloat * pcm, gint n, const struct telu_rate *rate);
/* Makes the buffer of packet k that the encoder element makes for n samples. */
GstBuffer *tc_packet_buffer (GPtrArray * packets, gint k, gint n);
/* Decodes packets by telu.h into n samples. */
gfloat *tc_decode (GPtrArray * packets, gint n);
gchar *tc_coded_caps (void);

gint tc_clip_start (GstBuffer * buf);
gint tc_clip_end (GstBuffer * buf);
gboolean tc_same_bytes (GstBuffer * buf, GBytes * bytes);

/* Pulls all queued buffers of the harness, and returns their samples as floats. Checks that
 * time stamps follow each other from pts on, in samples. */
GArray *tc_pull_raw (GstHarness * h, gboolean s16, gint64 pts);

void tc_expect_samples (GArray * got, const gfloat * expected, gint n,
    const gchar * what);

/* Makes a decoder with the caps of tc_coded_caps(). */
GstHarness *tc_decoder (const gchar * sink_caps);
/* Makes a rtptelucodecpay with these caps, whose sequence numbers wrap at 65535. */
GstHarness *tc_payloader (guint redundancy, guint distance);
/* Returns a number of the element's stats. */
guint64 tc_stat (GstHarness * h, const gchar * field);

/* Adds a bus to the element, since a harness has none; and removes it. */
GstBus *tc_watch (GstHarness * h);
void tc_unwatch (GstHarness * h, GstBus * bus);

/* Returns the next message of one of these types, or NULL. */
GstMessage *tc_message (GstBus * bus, GstMessageType type);
/* Checks that the bus has an error of this kind with `word` in its text. */
void tc_expect_error (GstBus * bus, const gchar * what, GQuark domain, gint code,
    const gchar * word);

/* Tests that are the same for both elements. */
void tc_test_states (const gchar * element);
void tc_test_model_errors (const gchar * element);
void tc_test_model_cache (const gchar * element);
/* Returns the exit status of the child process that tc_test_model_errors() starts; -1 in
 * any other process. */
int tc_child (int argc, char **argv);

G_END_DECLS

#endif
