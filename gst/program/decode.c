/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.c - telucodec decode: .tlc files become WAV or FLAC files. */
#include "program.h"

#include <glib/gstdio.h>
#include <string.h>

#define BATCH 8                 /* packets that are decoded together, but not from a pipe: live */

static struct
{
  char *backend;
  const char *model;
  gboolean flac;
} with;

/* Makes one WAV header of what wavenc gives for no samples: a list of no tags, then a header that
 * promises two gigabytes. */
static GstPadProbeReturn
mend_empty (GstPad * pad, GstPadProbeInfo * info, gpointer item)
{
  static const guint8 wav[44] = {
    'R', 'I', 'F', 'F', 36, 0, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0,
    1, 0, RATE & 255, RATE >> 8, 0, 0, 2 * RATE & 255, 2 * RATE >> 8, 0, 0, 2, 0, 16, 0,
    'd', 'a', 't', 'a', 0, 0, 0, 0
  };
  GstBuffer *buf = GST_PAD_PROBE_INFO_BUFFER (info);

  (void) pad;
  if (((Item *) item)->samples > 0)
    return GST_PAD_PROBE_OK;
  if (gst_buffer_memcmp (buf, 0, wav, 4))
    return GST_PAD_PROBE_DROP;
  gst_buffer_unref (buf);
  info->data = gst_buffer_new_memdup (wav, sizeof (wav));
  return GST_PAD_PROBE_OK;
}

static char *
joined (GPtrArray * lines)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < lines->len; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", (char *) lines->pdata[i]);
  return g_string_free (text, FALSE);
}

static void
decode (Item * item, gpointer data)
{
  GPtrArray *warnings = g_ptr_array_new_with_free_func (g_free);
  char *low = g_ascii_strdown (item->out, -1);
  const gboolean flac = with.flac || g_str_has_suffix (low, ".flac");
  GError *error = NULL;
  char *text = g_strdup_printf ("telucodecparse name=parse ! telucodecdec name=dec "
      "! audio/x-raw,format=S16LE ! %s name=last", flac ? "flacenc" : "wavenc");
  GstElement *pipe = pipeline_from_bytes (item->in, text, &error), *e;
  gint64 bytes = 0;
  GStatBuf st;

  (void) data;
  g_free (text);
  g_free (low);
  if (pipe) {
    e = gst_bin_get_by_name (GST_BIN (pipe), "dec");
    if (with.model)
      g_object_set (e, "model-path", with.model, NULL);
    if (with.backend)
      gst_util_set_object_arg (G_OBJECT (e), "backend", with.backend);
    if (strcmp (item->in, "-"))
      g_object_set (e, "batch-packets", BATCH, NULL);
    gst_object_unref (e);
    pipeline_count (pipe, "dec", "src", item);
    pipeline_sum (pipe, "parse", "src", &bytes);
    if (!flac)
      pipeline_probe (pipe, "last", "src", mend_empty, item);
  }
  item->state = ITEM_OK;
  if (!pipe || !pipeline_write (pipe, "last", item, warnings, &error)) {
    item->state = setup_stopped () ? ITEM_TODO : ITEM_FAILED;
    error = scan_explain (item->in, error);
    item->text = g_strdup (error->message);
  } else if (warnings->len > 0) {
    item->state = ITEM_DAMAGED;
    item->text = joined (warnings);
  }
  item->bytes = g_stat (item->in, &st) == 0 && S_ISREG (st.st_mode) ? st.st_size : bytes;
  g_clear_error (&error);
  g_clear_object (&pipe);
  g_ptr_array_unref (warnings);
}

/* Holds the weights of the first file: most folders have one kind. */
static GstElement *
hold (GPtrArray * items)
{
  const Item *first = items->pdata[0];
  char *id = with.model ? NULL : models_id_of (first->in);
  const Model *m = id ? models_by_id (id) : NULL;

  g_free (id);
  return with.model || m ? pipeline_hold ("telucodecdec", m ? m->path : with.model, with.backend)
      : NULL;
}

/* Returns whether sizes and bytes of a WAV agree; any other file is whole. */
static gboolean
is_whole (const char *path)
{
  FILE *file = g_fopen (path, "rb");
  guint8 head[12] = "";
  const gsize n = file ? fread (head, 1, sizeof (head), file) : 0;
  GStatBuf st;

  if (file)
    fclose (file);
  if (n < sizeof (head) || g_stat (path, &st) < 0)
    return FALSE;
  return memcmp (head, "RIFF", 4) || st.st_size >= 8 + (goffset) GST_READ_UINT32_LE (head + 4);
}

static gboolean
good_name (const char *output)
{
  static const char *const others[] = { ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".mp4", ".tlc",
    NULL
  };
  const char *dot = output ? strrchr (output, '.') : NULL;
  char *low = dot ? g_ascii_strdown (dot, -1) : NULL;
  const gboolean good = !low || !g_strv_contains (others, low);

  g_free (low);
  return good;
}

int
decode_main (int argc, char **argv)
{
  static const char *const backends[] = { "auto", "cpu", "cuda", NULL };
  char *model = NULL;
  Batch batch = { .extension = ".wav", .wanted = files_is_tlc, .complete = is_whole,
    .originals = TRUE };
  const GOptionEntry entries[] = {
    BATCH_OPTIONS (&batch, "The file, or the folder for several (beside the source); - is stdout"),
    {"flac", 0, 0, G_OPTION_ARG_NONE, &with.flac, "Write FLAC files in place of WAV", NULL},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
        "Weights, by name, id or file (those that the file asks for)", "NAME"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &with.backend, "auto, cpu or cuda", "NAME"},
    {NULL}
  };
  GstElement *held;
  GPtrArray *items;
  int code;

  if (!options_parse (&argc, &argv, entries, "IN.tlc...",
          "Decodes .tlc files to 16-bit WAV, 16 kHz mono, or FLAC.",
          "Examples:\n"
          "  telucodec decode speech.tlc                   speech.wav\n"
          "  telucodec decode speech.tlc -o speech.flac\n"
          "  telucodec decode -r packed -o archive         a folder and its folders\n"
          "  telucodec decode speech.tlc -o - | aplay\n\n"
          "Of a damaged file all that can be read is written. Exit code: 0 all done, 1 some\n"
          "failed or are damaged, 2 wrong command line."))
    return DONE_USAGE;
  if (batch.jobs < 0)
    return options_wrong ("-j is %d, expected 1 or more", batch.jobs);
  if (!options_one_of ("--backend", with.backend, backends))
    return DONE_USAGE;
  if (!good_name (batch.output))
    return options_wrong ("-o is %s, expected a name that ends in .wav or .flac", batch.output);
  if (with.flac)
    batch.extension = ".flac";
  if (model && !(with.model = models_find (model)))
    return DONE_USAGE;
  items = files_plan (&batch, argv + 1);
  if (!items)
    return DONE_USAGE;
  held = items->len > 1 ? hold (items) : NULL;
  code = jobs_run (items, &batch, decode, NULL);
  pipeline_let_go (held);
  g_ptr_array_unref (items);
  return code;
}
