/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst_fake.c - see gst_fake.h. */
#include "gst_fake.h"

#include <gmodule.h>
#include <stdlib.h>
#include <string.h>

static struct fake_control *control;

struct fake_control *
tf_control (void)
{
  gchar *path = g_build_filename (g_getenv ("TELUCODEC_BACKEND_PATH"),
      TELU_MODULE_FILE, NULL);
  struct fake_control *(*get) (void);

  if (!control) {
    GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);

    if (!module || !g_module_symbol (module, "fake_control_get",
            (gpointer *) & get)) {
      g_print ("%s\n", g_module_error ());
      exit (1);
    }
    control = get ();
  }
  g_free (path);
  fake_reset (control);
  return control;
}

void
tf_check_closed (const gchar * what)
{
  CHECK (control->breaches == 0, "%s: %d times: %s", what, control->breaches,
      control->breach);
  CHECK (control->engines == 0, "%s: %d engines are open", what,
      control->engines);
  CHECK (control->slots == 0, "%s: %d slots are taken", what, control->slots);
}

GstElement *
tf_element (const gchar * name, const gchar * properties, GstBus ** bus)
{
  gchar **parts = g_strsplit (properties ? properties : "", " ", -1);
  GstElement *element = gst_element_factory_make (name, NULL);

  for (guint i = 0; parts[i] && *parts[i]; i++) {
    gchar **pair = g_strsplit (parts[i], "=", 2);

    gst_util_set_object_arg (G_OBJECT (element), pair[0], pair[1]);
    g_strfreev (pair);
  }
  g_strfreev (parts);
  *bus = gst_bus_new ();
  gst_element_set_bus (element, *bus);
  return gst_object_ref_sink (element);
}

void
tf_free (GstElement * element, GstBus * bus)
{
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GstHarness *
tf_harness (const gchar * name, const gchar * properties, GstBus ** bus)
{
  GstElement *element = tf_element (name, properties, bus);
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");

  if (strcmp (name, "telucodecdec") == 0) {
    gchar *caps = tc_coded_caps ();

    gst_harness_set_sink_caps_str (h, F32);
    gst_harness_set_src_caps_str (h, caps);
    g_free (caps);
  } else {
    gst_harness_set_src_caps_str (h, F32);
  }
  gst_object_unref (element);
  return h;
}

void
tf_done (GstHarness * h, GstBus * bus)
{
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

static GstStructure *
stats (GstElement * element)
{
  GstStructure *s;

  g_object_get (element, "stats", &s, NULL);
  return s;
}

gchar *
tf_text (GstElement * element, const gchar * field)
{
  GstStructure *s = stats (element);
  gchar *text = g_strdup (gst_structure_get_string (s, field));

  gst_structure_free (s);
  return text;
}

gdouble
tf_number (GstElement * element, const gchar * field)
{
  GstStructure *s = stats (element);
  const GValue *value = gst_structure_get_value (s, field);
  GValue number = G_VALUE_INIT;
  gdouble x = -1;

  g_value_init (&number, G_TYPE_DOUBLE);
  if (value && g_value_transform (value, &number))
    x = g_value_get_double (&number);
  gst_structure_free (s);
  return x;
}

void
tf_expect_active (GstElement * element, const gchar * backend,
    const gchar * what)
{
  gchar *active, *in_stats = tf_text (element, "active-backend");

  g_object_get (element, "active-backend", &active, NULL);
  CHECK (g_strcmp0 (active, backend) == 0, "%s: active-backend %s, expected %s",
      what, active, backend);
  CHECK (g_strcmp0 (in_stats, backend ? backend : "none") == 0,
      "%s: stats say %s, expected %s", what, in_stats, backend);
  g_free (in_stats);
  g_free (active);
}

void
tf_expect_message (GstBus * bus, GstMessageType type, GQuark domain, gint code,
    const gchar * word, const gchar * what)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR |
              GST_MESSAGE_WARNING | GST_MESSAGE_INFO))) {
    const GstMessageType got = GST_MESSAGE_TYPE (message);
    GError *error = NULL;

    if (got == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, NULL);
    else if (got == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message, &error, NULL);
    else
      gst_message_parse_info (message, &error, NULL);
    n++;
    CHECK (n == 1 && got == type && g_error_matches (error, domain, code)
        && strstr (error->message, word), "%s: message %u is a %s, %s code %d, "
        "'%s'", what, n, gst_message_type_get_name (got),
        g_quark_to_string (error->domain), error->code, error->message);
    g_error_free (error);
    gst_message_unref (message);
  }
  CHECK (n == (type != GST_MESSAGE_UNKNOWN), "%s: %u messages", what, n);
}

void
tf_push_pcm (GstHarness * h, const gfloat * pcm, gint n)
{
  for (gint i = 0; i < n; i += TELU_PACKET)
    gst_harness_push (h, tc_raw_buffer (pcm, i, MIN (TELU_PACKET, n - i),
            FALSE));
}

GPtrArray *
tf_pull_packets (GstHarness * h, const gchar * what)
{
  GPtrArray *out =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GstClockTime next = 0;
  GstBuffer *buf;

  while ((buf = gst_harness_try_pull (h))) {
    GstMapInfo map;

    CHECK (GST_BUFFER_PTS (buf) == next, "%s: packet %u at %" GST_TIME_FORMAT
        ", expected %" GST_TIME_FORMAT, what, out->len,
        GST_TIME_ARGS (GST_BUFFER_PTS (buf)), GST_TIME_ARGS (next));
    CHECK (!GST_BUFFER_FLAG_IS_SET (buf, GST_BUFFER_FLAG_DISCONT) ==
        (out->len > 0), "%s: DISCONT of packet %u", what, out->len);
    next = GST_BUFFER_PTS (buf) + GST_BUFFER_DURATION (buf);
    gst_buffer_map (buf, &map, GST_MAP_READ);
    g_ptr_array_add (out, g_bytes_new (map.data, map.size));
    gst_buffer_unmap (buf, &map);
    gst_buffer_unref (buf);
  }
  return out;
}

gchar *
tf_digest (GstHarness * h, const gchar * what)
{
  GPtrArray *packets = tf_pull_packets (h, what);
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  gchar *text;

  for (guint k = 0; k < packets->len; k++) {
    gsize size;
    gconstpointer data = g_bytes_get_data (g_ptr_array_index (packets, k), &size);

    g_checksum_update (sum, data, size);
  }
  text = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  g_ptr_array_unref (packets);
  return text;
}

void
tf_expect_packets (GPtrArray * got, GPtrArray * want, const gchar * what)
{
  if (!CHECK (got->len == want->len, "%s: %u packets, expected %u", what,
          got->len, want->len))
    return;
  for (guint k = 0; k < want->len; k++)
    if (!CHECK (g_bytes_equal (g_ptr_array_index (got, k),
                g_ptr_array_index (want, k)), "%s: packet %u of %u differs",
            what, k, want->len))
      return;
}
