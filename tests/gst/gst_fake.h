/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_fake.h - elements on the fake module (fake/engine.h): what the tests of loading and
 * of batches share. */
#ifndef GST_FAKE_H
#define GST_FAKE_H

#include "fake/engine.h"
#include "gst_common.h"

G_BEGIN_DECLS

#define F32 RAW_CAPS ("F32LE")

/* The orders to the module in the folder of TELUCODEC_BACKEND_PATH, with all as at the
 * start. Loads it, but the plugin has to do so itself. */
struct fake_control *tf_control (void);
/* All that was opened is closed again, and nothing went wrong unseen. */
void tf_check_closed (const gchar * what);

/* An element with a bus of its own; `properties` as in a launch line, NULL: none. */
GstElement *tf_element (const gchar * name, const gchar * properties, GstBus ** bus);
void tf_free (GstElement * element, GstBus * bus);

/* The same in a harness with its caps set, playing; freed by tf_done(). */
GstHarness *tf_harness (const gchar * name, const gchar * properties, GstBus ** bus);
void tf_done (GstHarness * h, GstBus * bus);

/* A text of the stats, to be freed; a number of them. */
gchar *tf_text (GstElement * element, const gchar * field);
gdouble tf_number (GstElement * element, const gchar * field);
void tf_expect_active (GstElement * element, const gchar * backend,
    const gchar * what);

/* Takes all errors, warnings and infos: there must be one, of that type, domain and code
 * and with `word` in its text; or none, with GST_MESSAGE_UNKNOWN. */
void tf_expect_message (GstBus * bus, GstMessageType type, GQuark domain, gint code,
    const gchar * word, const gchar * what);

/* n samples of pcm into an encoder, without its end. */
void tf_push_pcm (GstHarness * h, const gfloat * pcm, gint n);
/* All packets that wait, as tc_decode() takes them; time stamps are checked to follow
 * each other without a hole. */
GPtrArray *tf_pull_packets (GstHarness * h, const gchar * what);
/* The same as one sum of their bytes, to be freed. */
gchar *tf_digest (GstHarness * h, const gchar * what);
void tf_expect_packets (GPtrArray * got, GPtrArray * want, const gchar * what);

G_END_DECLS

#endif
