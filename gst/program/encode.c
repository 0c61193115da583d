/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encode.c - telucodec encode: any sound becomes .tlc files. */
#include "program.h"

#include "pcm.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static struct
{
  char *bitrate, *type, *tune, *backend;
  const char *model;
  gboolean share;
} with;

static void
set (GstElement * pipe, const char *property, const char *value)
{
  GstElement *enc = gst_bin_get_by_name (GST_BIN (pipe), "enc");

  if (value)
    gst_util_set_object_arg (G_OBJECT (enc), property, value);
  gst_object_unref (enc);
}

/* Ends the pipeline at samples that seem scaled to integers, of which a decoder would make noise.
 * NaN and infinities pass: they count as 0. */
static GstPadProbeReturn
look (GstPad * pad, GstPadProbeInfo * info, gpointer pipe)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstMapInfo map;
  float peak = 0;

  (void) pad;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  for (gsize i = 0; i < map.size / sizeof (float); i++) {
    const float a = fabsf (((const float *) map.data)[i]);

    peak = a > peak && a <= G_MAXFLOAT ? a : peak;
  }
  gst_buffer_unmap (buffer, &map);
  if (peak <= PCM_ABSURD)
    return GST_PAD_PROBE_OK;
  GST_ELEMENT_ERROR (pipe, STREAM, FORMAT, ("its samples reach %g, expected 1 at full scale: "
          "divide them, they seem scaled to integers", (double) peak), (NULL));
  return GST_PAD_PROBE_REMOVE;
}

static void
encode (Item * item, gpointer data)
{
  const char *bitrate = data;
  GError *error = NULL;
  GstElement *pipe = pipeline_from_sound (item->in, "audioresample quality=8 "
      "! audio/x-raw,format=F32LE,rate=16000,channels=1 ! telucodecenc name=enc "
      "! telucodecmux name=mux", &error);
  gint64 bytes = 0;
  GStatBuf st;

  if (pipe) {
    set (pipe, "bitrate", bitrate);
    set (pipe, "bitrate-type", with.type);
    set (pipe, "tune", with.tune);
    set (pipe, "model-path", with.model);
    set (pipe, "backend", with.backend);
    if (with.share)
      pipeline_share (pipe, "enc");
    pipeline_count (pipe, "enc", "sink", item);
    pipeline_probe (pipe, "enc", "sink", look, pipe);
    pipeline_sum (pipe, "mux", "src", &bytes);
  }
  item->state = pipe && pipeline_write (pipe, "mux", item, NULL, &error) ? ITEM_OK :
      setup_stopped () ? ITEM_TODO : ITEM_FAILED;
  item->bytes = g_stat (item->out, &st) == 0 && S_ISREG (st.st_mode) ? st.st_size : bytes;
  if (error)
    item->text = g_strdup (error->message);
  g_clear_error (&error);
  g_clear_object (&pipe);
}

int
encode_main (int argc, char **argv)
{
  static const char *const tunes[] = { "perceptual", "snr", NULL };
  static const char *const types[] = { "constrained-vbr", "vbr", "cbr", NULL };
  static const char *const backends[] = { "auto", "cpu", "cuda", NULL };
  char *model = NULL;
  Batch batch = { .extension = ".tlc", .wanted = files_is_media, .complete = scan_is_whole };
  const GOptionEntry entries[] = {
    BATCH_OPTIONS (&batch, "The file, or the folder for several (beside the source); - is stdout"),
    {"bitrate", 'b', 0, G_OPTION_ARG_STRING, &with.bitrate,
        "bit/s, 500 to 64000; k is 1000 (16k)", "RATE"},
    {"bitrate-type", 0, 0, G_OPTION_ARG_STRING, &with.type,
        "constrained-vbr (the average is RATE), vbr or cbr", "TYPE"},
    {"tune", 0, 0, G_OPTION_ARG_STRING, &with.tune,
        "perceptual (sounds best) or snr (nearest waveform)", "WHAT"},
    {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
        "Weights, by name, id or file (the shipped ones)", "NAME"},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &with.backend, "auto, cpu or cuda", "NAME"},
    {NULL}
  };
  GstElement *held;
  GPtrArray *items;
  char *bitrate;
  int rate, code;

  if (!options_parse (&argc, &argv, entries, "IN...",
          "Compresses speech: any file that GStreamer decodes, any rate and channels.",
          "Examples:\n"
          "  telucodec encode speech.mp3                   speech.tlc, 16 kbit/s\n"
          "  telucodec encode -b 6k talk.wav -o small.tlc\n"
          "  telucodec encode -r archive -o packed         a folder, its folders, all cores\n"
          "  arecord -f S16_LE -r 16000 | telucodec encode - > live.tlc\n\n"
          "With -r what was done before is left as it is, so that an interrupted run goes on\n"
          "where it ended. Exit code: 0 all done, 1 some failed, 2 wrong command line."))
    return DONE_USAGE;
  rate = options_bitrate (with.bitrate ? with.bitrate : "16k");
  if (rate < 0)
    return options_wrong ("-b is %s, expected 500 to 64000 bit/s, as in 6k", with.bitrate);
  if (batch.jobs < 0)
    return options_wrong ("-j is %d, expected 1 or more", batch.jobs);
  if (!options_one_of ("--tune", with.tune, tunes)
      || !options_one_of ("--bitrate-type", with.type, types)
      || !options_one_of ("--backend", with.backend, backends))
    return DONE_USAGE;
  if (model && !(with.model = models_find (model)))
    return DONE_USAGE;
  items = files_plan (&batch, argv + 1);
  if (!items)
    return DONE_USAGE;
  bitrate = g_strdup_printf ("%d", rate);
  held = items->len > 1 ? pipeline_hold ("telucodecenc", with.model, with.backend) : NULL;
  batch.share = with.share = pipeline_shares (held);
  code = jobs_run (items, &batch, encode, bitrate);
  pipeline_let_go (held);
  g_free (bitrate);
  g_ptr_array_unref (items);
  return code;
}
