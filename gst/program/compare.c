/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compare.c - telucodec compare: measures how near two sounds are, and draws them. */
#include "program.h"

#include "pcm.h"
#include "picture.h"

static void
print (const Measure * m, const gsize * n)
{
  g_print ("seconds    %.3f\n", (double) MIN (n[0], n[1]) / RATE);
  if (n[0] != n[1])
    g_print ("length     %" G_GSIZE_FORMAT " samples became %" G_GSIZE_FORMAT
        ": the first %" G_GSIZE_FORMAT " are compared\n", n[0], n[1], MIN (n[0], n[1]));
  g_print ("SNR        %.2f dB\n", m->snr);
  g_print ("SI-SDR     %.2f dB\n", m->si_sdr);
  g_print ("LSD        %.2f dB\n", m->lsd);
  g_print ("level      %.2f dBFS in, %.2f dBFS out\n", m->level[0], m->level[1]);
  g_print ("deviation  %.4f of the original's\n", m->deviation);
  g_print ("mean       %+.6f of full scale\n", m->mean);
  for (int b = 0; b < MEASURE_BANDS; b++)
    g_print ("band       %4d to %4d Hz: %7.2f dBFS in, %7.2f out, %+6.2f dB\n",
        measure_edge[b], measure_edge[b + 1], m->band[b][0], m->band[b][1],
        m->band[b][1] - m->band[b][0]);
}

static void
print_json (const Measure * m, const gsize * n)
{
  g_print ("{\n  \"seconds\": %.6f,\n  \"samples\": [%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT "],\n"
      "  \"snr\": %.4f,\n  \"si_sdr\": %.4f,\n  \"lsd\": %.4f,\n  \"level\": [%.4f, %.4f],\n"
      "  \"deviation\": %.6f,\n  \"mean\": %.8f,\n  \"bands\": [", (double) MIN (n[0], n[1]) / RATE,
      n[0], n[1], m->snr, m->si_sdr, m->lsd, m->level[0], m->level[1], m->deviation, m->mean);
  for (int b = 0; b < MEASURE_BANDS; b++)
    g_print ("%s\n    {\"from\": %d, \"to\": %d, \"level\": [%.4f, %.4f]}", b ? "," : "",
        measure_edge[b], measure_edge[b + 1], m->band[b][0], m->band[b][1]);
  g_print ("\n  ]\n}\n");
}

/* Draws before and after, n samples each, into a file. Returns FALSE with a message said. */
static gboolean
draw (const char *output, float *const *x, gsize n)
{
  GError *error = NULL;
  GBytes *png = picture_draw (x[0], x[1], n, &error);
  const gboolean ok = png && output_bytes (output, g_bytes_get_data (png, NULL),
      g_bytes_get_size (png), &error);

  if (!ok)
    say ("%s", error->message);
  g_clear_error (&error);
  if (png)
    g_bytes_unref (png);
  return ok;
}

int
compare_main (int argc, char **argv)
{
  char *output = NULL;
  gboolean json = FALSE, force = FALSE;
  const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
        "Draw spectrograms of A, B and B - A, and levels, into this PNG file", "PICTURE"},
    {"force", 'f', 0, G_OPTION_ARG_NONE, &force, "Overwrite the picture", NULL},
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print a JSON object", NULL},
    {NULL}
  };
  GError *error = NULL;
  float *x[2] = { NULL, NULL };
  int code = DONE_ALL;
  gsize n[2];

  if (!options_parse (&argc, &argv, entries, "A B",
          "Compares a sound B with its original A, sample by sample, at 16 kHz mono.",
          "Examples:\n"
          "  telucodec compare speech.wav speech.tlc\n"
          "  telucodec compare speech.wav speech.tlc -o picture.png\n\n"
          "SNR       plain: no alignment, no gain\n"
          "SI-SDR    SNR when A is scaled to fit B: a change of gain costs nothing\n"
          "LSD       log-spectral distance: mean over frames of 32 ms, 0 is equal\n"
          "level     deviation from the mean, in dB of full scale\n\n"
          "Exit code: 0 compared, 1 a file cannot be read or written, 2 wrong command line."))
    return DONE_USAGE;
  if (argc != 3)
    return options_wrong ("expected two files, the original first; %d are named", argc - 1);
  if (output && !force && g_file_test (output, G_FILE_TEST_EXISTS)) {
    say ("%s is there already: -f overwrites it", output);
    return DONE_SOME;
  }
  for (int i = 0; i < 2; i++) {
    x[i] = pcm_read (argv[1 + i], RATE, &n[i], &error);
    if (!x[i]) {
      say ("%s: %s", argv[1 + i], error->message);
      g_clear_error (&error);
      g_free (x[0]);
      return DONE_SOME;
    }
  }
  const Measure m = measure (x[0], x[1], MIN (n[0], n[1]));
  (json ? print_json : print) (&m, n);
  if (output && !draw (output, x, MIN (n[0], n[1])))
    code = DONE_SOME;
  g_free (x[0]);
  g_free (x[1]);
  return code;
}
