/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_fake.h - elements on the fake module (fake/engine.h), shared by the tests of loading and
 * of batches. */
#ifndef GST_FAKE_H
#define GST_FAKE_H

#include "fake/engine.h"
#include "gst_common.h"

G_BEGIN_DECLS

#define F32 RAW_CAPS ("F32LE")

/* Returns the reset controls of the module in the folder of TELUCODEC_BACKEND_PATH. Loads
 * the module for this test; the plugin loads it itself. */
struct fake_control *tf_control (void);
/* Checks that all engines and slots are closed and the engine saw no breach. */
void tf_check_closed (const gchar * what);

/* Makes an element with its own bus; `properties` as in a launch line, NULL: none. */
GstElement *tf_element (const gchar * name, const gchar * properties, GstBus ** bus);
void tf_free (GstElement * element, GstBus * bus);

/* Makes it in a harness with caps set, playing; tf_done() frees it. */
GstHarness *tf_harness (const gchar * name, const gchar * properties, GstBus ** bus);
void tf_done (GstHarness * h, GstBus * bus);

/* Return a text of the stats, for g_free(), and a number of them. */
gchar *tf_text (GstElement * element, const gchar * field);
gdouble tf_number (GstElement * element, const gchar * field);
void tf_expect_active (GstElement * element, const gchar * backend,
    const gchar * what);

/* Pops all errors, warnings and infos. Exactly one must be there, of that type, domain and
 * code, with `word` in its text; none with GST_MESSAGE_UNKNOWN. */
void tf_expect_message (GstBus * bus, GstMessageType type, GQuark domain, gint code,
    const gchar * word, const gchar * what);

/* Pushes n samples of pcm into an encoder, without EOS. */
void tf_push_pcm (GstHarness * h, const gfloat * pcm, gint n);
/* Pulls all queued packets, for tc_decode(). Checks that their time stamps follow each other
 * without a hole. */
GPtrArray *tf_pull_packets (GstHarness * h, const gchar * what);
/* Pulls them, and returns a check sum of their bytes, for g_free(). */
gchar *tf_digest (GstHarness * h, const gchar * what);
void tf_expect_packets (GPtrArray * got, GPtrArray * want, const gchar * what);

G_END_DECLS

#endif
