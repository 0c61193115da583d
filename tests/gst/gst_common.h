/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_common.h - what the tests of encoder and decoder share: checks, a signal, runs
 * through an element and the same through telu.h. The weights are those of the
 * environment variable TELUCODEC_MODEL. */
#ifndef GST_COMMON_H
#define GST_COMMON_H

#include <gst/audio/audio.h>
#include <gst/check/gstharness.h>

#include "telu.h"

G_BEGIN_DECLS

#define RAW_CAPS(format) "audio/x-raw,format=" format \
    ",layout=interleaved,rate=16000,channels=1"

/* Prints what failed, and counts it. */
#define CHECK(ok, ...) tc_check ((ok) != 0, __func__, __LINE__, #ok, __VA_ARGS__)
gboolean tc_check (gboolean ok, const gchar * func, gint line,
    const gchar * text, const gchar * format, ...) G_GNUC_PRINTF (5, 6);

/* gst_init(), and the plugin and the weights must be there. */
void tc_init (int *argc, char ***argv);
/* Exit status of the test. */
int tc_done (const gchar * name);

/* The model of TELUCODEC_MODEL, and a path below a folder of this test. */
struct telu_model *tc_model (void);
const gchar *tc_model_path (void);
gchar *tc_path (const gchar * name);
/* Whether there is a module, so that the elements do not run on the CPU. */
gboolean tc_in_batches (void);
/* The same weights but for one bit of one of them: another file, another id. */
void tc_write_other_model (const gchar * path);

/* n samples of something like a voice. */
gfloat *tc_signal (gint n);
/* As one buffer; pts is that of sample `from`, counted at 16 kHz. */
GstBuffer *tc_raw_buffer (const gfloat * pcm, gint from, gint n, gboolean s16);
GstClockTime tc_time (gint64 samples);

/* Packets of pcm by telu.h, GBytes; rate NULL: the default. */
GPtrArray *tc_encode (const gfloat * pcm, gint n, const struct telu_rate *rate);
/* A coded buffer of packet k of `packets`, as the encoder makes them for n samples. */
GstBuffer *tc_packet_buffer (GPtrArray * packets, gint k, gint n);
/* n samples out of these packets by telu.h. */
gfloat *tc_decode (GPtrArray * packets, gint n);
gchar *tc_coded_caps (void);

gint tc_clip_start (GstBuffer * buf);
gint tc_clip_end (GstBuffer * buf);
gboolean tc_same_bytes (GstBuffer * buf, GBytes * bytes);

/* Takes all buffers that wait in the harness: their samples as floats, each checked
 * for time stamp and duration against the one before (first: *pts, samples). */
GArray *tc_pull_raw (GstHarness * h, gboolean s16, gint64 pts);

/* Exactly; with TELUCODEC_TEST_NEAR set within 1e-4, and whole numbers (S16) within 1:
 * a device's transform rounds otherwise. */
gboolean tc_same (gfloat got, gfloat expected);

void tc_expect_samples (GArray * got, const gfloat * expected, gint n,
    const gchar * what);

/* A decoder with the caps of tc_coded_caps(). */
GstHarness *tc_decoder (const gchar * sink_caps);
/* rtptelucodecpay with these caps, and numbers that go over 65535. */
GstHarness *tc_payloader (guint redundancy, guint distance);
/* A number of its stats. */
guint64 tc_stat (GstHarness * h, const gchar * field);

/* A bus of the element's own, since a harness has none. */
GstBus *tc_watch (GstHarness * h);
void tc_unwatch (GstHarness * h, GstBus * bus);

/* The next message of one of these types, or NULL. */
GstMessage *tc_message (GstBus * bus, GstMessageType type);
/* Checks that an error of this kind is on the bus, with `word` in its text. */
void tc_expect_error (GstBus * bus, const gchar * what, GQuark domain, gint code,
    const gchar * word);

/* Tests that are the same for both elements. */
void tc_test_states (const gchar * element);
void tc_test_model_errors (const gchar * element);
void tc_test_model_cache (const gchar * element);
/* When this process is the child that tc_test_model_errors() starts: its status,
 * else -1. */
int tc_child (int argc, char **argv);

G_END_DECLS

#endif
