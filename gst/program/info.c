/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info.c - telucodec info: the content of .tlc files, for people and as JSON. */
#include "program.h"

#include <math.h>
#include <string.h>

/* Returns the id of the weights that a decoder has here, or NULL. It loads them when it starts. */
static char *
installed_id (void)
{
  GstElement *dec = gst_element_factory_make ("telucodecdec", NULL);
  GstStructure *stats = NULL;
  char *id = NULL;

  if (dec && gst_element_set_state (dec, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE) {
    g_object_get (dec, "stats", &stats, NULL);
    if (stats)
      id = g_strdup (gst_structure_get_string (stats, "model-id"));
    g_clear_pointer (&stats, gst_structure_free);
  }
  if (dec) {
    gst_element_set_state (dec, GST_STATE_NULL);
    gst_object_unref (dec);
  }
  return id;
}

static double
ratio (double a, double b)
{
  return b > 0 ? a / b : 0;
}

/* --- For people -------------------------------------------------------------- */

static void
print_tag (const GstTagList * tags, const char *name, gpointer user)
{
  static const char *const told[] = { GST_TAG_AUDIO_CODEC, GST_TAG_BITRATE,
    GST_TAG_MINIMUM_BITRATE, GST_TAG_MAXIMUM_BITRATE, GST_TAG_ENCODER, NULL
  };
  const GValue *value = gst_tag_list_get_value_index (tags, name, 0);
  if (g_strv_contains (told, name))
    return;
  char *text = G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value) :
      gst_value_serialize (value);
  char *clean = say_clean (text ? text : "");

  (void) user;
  g_print ("  tag        %s: %s\n", name, clean);
  g_free (clean);
  g_free (text);
}

static void
print (const char *path, const Scan * scan, const char *installed)
{
  char *name = say_clean (path), *time = say_time ((double) scan->samples / RATE);
  const char *weights = !scan->model_id ? "" : g_strcmp0 (scan->model_id, installed) == 0
      ? " (installed here)" : " (not installed here: it cannot be decoded)";

  g_print ("%s\n", name);
  g_print ("  length     %s, %" G_GINT64_FORMAT " samples at 16 kHz, mono\n", time, scan->samples);
  g_print ("  size       %" G_GINT64_FORMAT " bytes, %.2f kbit/s\n", scan->bytes,
      ratio (scan->bytes * 8e-3 * RATE, scan->samples));
  g_print ("  packets    %" G_GINT64_FORMAT " of 20 ms, %.1f bytes each; %" G_GINT64_FORMAT
      " missing\n", scan->packets, ratio (scan->packet_bytes, scan->packets), scan->missing);
  g_print ("  stages     %.1f on average, %d at most; %.0f %% of the packets are refined\n",
      ratio (scan->stages, scan->packets), scan->most_stages,
      100 * ratio (scan->refined, scan->packets));
  g_print ("  weights    %s%s\n", scan->model_id ? scan->model_id : "not told", weights);
  if (scan->tags)
    gst_tag_list_foreach (scan->tags, print_tag, NULL);
  g_print ("  damage     %s\n", scan->damage->len ? "" : "none");
  for (guint i = 0; i < scan->damage->len; i++)
    g_print ("    %s\n", (char *) scan->damage->pdata[i]);
  g_free (time);
  g_free (name);
}

/* --- JSON --------------------------------------------------------------------- */

static char *
quoted (const char *text)
{
  char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_new ("\"");

  for (const char *c = valid; *c; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (out, "\\%c", *c);
    else if ((guchar) * c < 0x20)
      g_string_append_printf (out, "\\u%04x", *c);
    else
      g_string_append_c (out, *c);
  g_free (valid);
  g_string_append_c (out, '"');
  return g_string_free (out, FALSE);
}

static void
json_text (const char *before, const char *text)
{
  char *q = text ? quoted (text) : g_strdup ("null");

  g_print ("%s%s", before, q);
  g_free (q);
}

static void
json_tag (const GstTagList * tags, const char *name, gpointer user)
{
  int *n = user;
  const guint values = gst_tag_list_get_tag_size (tags, name);

  json_text ((*n)++ ? ", " : "", name);
  g_print (": [");
  for (guint i = 0; i < values; i++) {
    const GValue *value = gst_tag_list_get_value_index (tags, name, i);
    char *text = G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value) :
        gst_value_serialize (value);

    json_text (i ? ", " : "", text);
    g_free (text);
  }
  g_print ("]");
}

static void
json (const char *path, const Scan * scan, const char *installed, const GError * error)
{
  int tags = 0;

  json_text ("  {\n    \"file\": ", path);
  if (error) {
    json_text (",\n    \"error\": ", error->message);
    g_print ("\n  }");
    return;
  }
  g_print (",\n    \"seconds\": %.6f,\n    \"samples\": %" G_GINT64_FORMAT ",\n"
      "    \"rate\": %d,\n    \"channels\": 1,\n    \"bytes\": %" G_GINT64_FORMAT ",\n"
      "    \"bitrate\": %.1f,\n", (double) scan->samples / RATE, scan->samples, RATE,
      scan->bytes, ratio (scan->bytes * 8.0 * RATE, scan->samples));
  g_print ("    \"packets\": %" G_GINT64_FORMAT ",\n    \"missing\": %" G_GINT64_FORMAT ",\n"
      "    \"packet_bytes\": %" G_GINT64_FORMAT ",\n    \"refined\": %" G_GINT64_FORMAT ",\n"
      "    \"stages\": %.4f,\n    \"most_stages\": %d,\n", scan->packets, scan->missing,
      scan->packet_bytes, scan->refined, ratio (scan->stages, scan->packets),
      scan->most_stages);
  json_text ("    \"model_id\": ", scan->model_id);
  g_print (",\n    \"model_installed\": %s,\n    \"tags\": {", scan->model_id
      && g_strcmp0 (scan->model_id, installed) == 0 ? "true" : "false");
  if (scan->tags)
    gst_tag_list_foreach (scan->tags, json_tag, &tags);
  g_print ("},\n    \"damage\": [");
  for (guint i = 0; i < scan->damage->len; i++)
    json_text (i ? ", " : "", scan->damage->pdata[i]);
  g_print ("]\n  }");
}

/* -------------------------------------------------------------------------------- */

int
info_main (int argc, char **argv)
{
  gboolean as_json = FALSE, recursive = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print a JSON array, an object a file", NULL},
    {"recursive", 'r', 0, G_OPTION_ARG_NONE, &recursive, "All .tlc files of folders", NULL},
    {NULL}
  };
  GPtrArray *items;
  char *installed;
  int code = DONE_ALL;

  if (!options_parse (&argc, &argv, entries, "FILE.tlc...",
          "Tells length, bitrate, stages, weights, tags and damage of .tlc files.",
          "Examples:\n"
          "  telucodec info speech.tlc\n"
          "  telucodec info --json -r packed | jq '.[] | select(.damage != [])'\n\n"
          "Exit code: 0 all files are whole, 1 some are not, 2 wrong command line."))
    return DONE_USAGE;
  if (argc < 2)
    return options_wrong ("no file is named");
  items = files_list (argv + 1, recursive, files_is_tlc);
  installed = installed_id ();
  if (as_json)
    g_print ("[\n");
  for (guint i = 0; i < items->len && !setup_stopped (); i++) {
    Item *item = items->pdata[i];
    GError *error = NULL;
    Scan scan;

    if (item->state == ITEM_FAILED)
      error = g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, item->text);
    else if (scan_file (item->in, &scan, &error))
      code = scan.damage->len ? DONE_SOME : code;
    if (as_json) {
      g_print ("%s", i ? ",\n" : "");
      json (item->in, &scan, installed, error);
    } else if (!error) {
      print (item->in, &scan, installed);
    }
    if (error) {
      char *name = say_clean (item->in);

      say ("%s: %s", name, error->message);
      g_free (name);
      code = DONE_SOME;
      g_error_free (error);
    }
    if (item->state != ITEM_FAILED)
      scan_clear (&scan);
  }
  if (as_json)
    g_print ("\n]\n");
  g_free (installed);
  g_ptr_array_unref (items);
  return setup_stopped () ? DONE_STOPPED : code;
}
