/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info.c - telucodec info: the content of .tlc files, for people and as JSON. */
#include "program.h"

#include <math.h>
#include <string.h>

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
print (const char *path, const Scan * scan)
{
  const Model *m = scan->model_id ? models_by_id (scan->model_id) : NULL;
  char *name = say_clean (path), *time = say_time ((double) scan->samples / RATE);

  g_print ("%s\n", name);
  g_print ("  length     %s, %" G_GINT64_FORMAT " samples at 16 kHz, mono\n", time, scan->samples);
  g_print ("  size       %" G_GINT64_FORMAT " bytes, %.2f kbit/s\n", scan->bytes,
      ratio (scan->bytes * 8e-3 * RATE, scan->samples));
  g_print ("  packets    %" G_GINT64_FORMAT " of 20 ms, %.1f bytes each; %" G_GINT64_FORMAT
      " missing\n", scan->packets, ratio (scan->packet_bytes, scan->packets), scan->missing);
  g_print ("  stages     %.1f on average, %d at most; %.0f %% of the packets are refined\n",
      ratio (scan->stages, scan->packets), scan->most_stages,
      100 * ratio (scan->refined, scan->packets));
  if (scan->model_id && !m && finder_retired (scan->model_id))
    g_print ("  weights    %s, %s: this version cannot decode it\n", scan->model_id,
        finder_retired (scan->model_id));
  else if (scan->model_id)
    g_print ("  weights    %s, %s\n", scan->model_id,
        m ? m->name : "not installed here: it cannot be decoded");
  if (scan->tags)
    gst_tag_list_foreach (scan->tags, print_tag, NULL);
  g_print ("  damage     %s\n", scan->damage->len ? "" : "none");
  for (guint i = 0; i < scan->damage->len; i++)
    g_print ("    %s\n", (char *) scan->damage->pdata[i]);
  g_free (time);
  g_free (name);
}

/* --- JSON --------------------------------------------------------------------- */

static void
json_tag (const GstTagList * tags, const char *name, gpointer user)
{
  int *n = user;
  const guint values = gst_tag_list_get_tag_size (tags, name);

  say_json ((*n)++ ? ", " : "", name);
  g_print (": [");
  for (guint i = 0; i < values; i++) {
    const GValue *value = gst_tag_list_get_value_index (tags, name, i);
    char *text = G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value) :
        gst_value_serialize (value);

    say_json (i ? ", " : "", text);
    g_free (text);
  }
  g_print ("]");
}

static void
json (const char *path, const Scan * scan, const GError * error)
{
  const Model *m = !error && scan->model_id ? models_by_id (scan->model_id) : NULL;
  int tags = 0;

  say_json ("  {\n    \"file\": ", path);
  if (error) {
    say_json (",\n    \"error\": ", error->message);
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
  say_json ("    \"model_id\": ", scan->model_id);
  say_json (",\n    \"model_file\": ", m ? m->path : NULL);
  g_print (",\n    \"tags\": {");
  if (scan->tags)
    gst_tag_list_foreach (scan->tags, json_tag, &tags);
  g_print ("},\n    \"damage\": [");
  for (guint i = 0; i < scan->damage->len; i++)
    say_json (i ? ", " : "", scan->damage->pdata[i]);
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
      json (item->in, &scan, error);
    } else if (!error) {
      print (item->in, &scan);
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
  g_ptr_array_unref (items);
  return setup_stopped () ? DONE_STOPPED : code;
}
