/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c - see report.h. */
#include "report.h"

#include "disk.h"
#include "memory.h"
#include "plot.h"
#include "stft.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 8              /* of the example */
#define FFT 512
#define TOP_DB (-30.0)         /* white and black, against a full-scale sine */
#define FLOOR_DB (-100.0)
#define COLUMNS 800            /* pixels that the epochs get */

static const char style[] =
    "body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;"
    "color:#222;background:#fff}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    "code{background:#f3f3f3;padding:.1em .3em;overflow-wrap:anywhere}"
    ".plots{display:flex;flex-wrap:wrap;gap:1em}svg{max-width:100%;height:auto}"
    ".verdict{border-left:4px solid #c8502a;padding:.1em 1em;background:#faf6f2}"
    "svg text{font:11px sans-serif;fill:#444}figure{margin:1em 0}"
    "figure audio{display:block;margin:.3em 0 0 60px;width:830px;max-width:90%}";

/* --- Curves ------------------------------------------------------------- */

static const struct plot plots[] = {
    { "Whole codec", "SNR, dB", { "snr_16k", "snr_32k", "snr_48k" },
      { "16 kbit/s", "32 kbit/s", "48 kbit/s" } },
    { "Base layer", "SNR, dB", { "snr_base3k", "snr_base8k" }, { "3 kbit/s", "8 kbit/s" } },
    { "Base layer, log-spectral distance", "LSD, dB", { "lsd_base3k", "lsd_base8k" },
      { "3 kbit/s", "8 kbit/s" } },
    { "Network alone, at each check", "SNR, dB",
      { "net_snr_3", "net_snr_6", "net_snr_12", "net_snr_16" },
      { "3 stages", "6 stages", "12 stages", "16 stages" } },
    { "Spectral loss", "log spectrum, mean distance", { "mel", "valid_mel" },
      { "learning", "checking" } },
    { "Waveform loss", "relative", { "wave", "valid_wave" }, { "learning", "checking" } },
    { "Level of the output", "deviation, output / original", { "std_base8k", "std_16k" },
      { "base layer, 8k", "16 kbit/s" } },
    { "Codes in use", "share of the codes", { "use_mean", "use_least" },
      { "mean", "worst stage" } },
    { "Gradient", "length before clipping", { "gradient" }, { "length" } },
    { "Learning rate", "rate", { "rate" }, { "rate" } },
};

/* Draws the share of its codes that each stage used, over the epochs. */
static void draw_use(GString *s, const struct metrics *m, int n)
{
    const double first = metrics_get(&m[0], "epoch"), last = metrics_get(&m[n - 1], "epoch");
    struct plot_picture p = {
        "Codes in use, by stage", NULL, COLUMNS, 0, 830, 0,
        { first, last > first ? last : first + 1, "epoch", 1.0 },
        { 0.5, 0.0, "stage", 1.0 }, { 0, 1, "share", 0.0 }
    };
    char name[24] = "use_1";
    uint8_t *pixel;

    while (!isnan(metrics_get(&m[n - 1], name)))
        g_snprintf(name, sizeof(name), "use_%d", ++p.height + 1);
    if (!p.height)
        return;
    pixel = zeroed((size_t)COLUMNS * p.height);
    for (int col = 0, i = 0; col < COLUMNS; col++) {
        double epoch = first + (last - first) * col / (COLUMNS - 1);

        while (i < n - 1 && metrics_get(&m[i], "epoch") < epoch)
            i++;
        for (int stage = 0; stage < p.height; stage++) {
            double share;

            g_snprintf(name, sizeof(name), "use_%d", stage + 1);
            share = metrics_get(&m[i], name);
            pixel[(size_t)(p.height - 1 - stage) * COLUMNS + col] =
                isfinite(share) ? (uint8_t)lrint(255 * share) : 0;
        }
    }
    p.pixel = pixel;
    p.y.high = p.height + 0.5;
    p.down = 14 * p.height;
    plot_picture(s, &p);
    free(pixel);
}

static void draw_all(GString *s, const struct metrics *m, int n)
{
    if (!n)
        return;
    g_string_append(s, "<h2>How it went</h2>\n<div class='plots'>\n");
    for (size_t i = 0; i < G_N_ELEMENTS(plots); i++)
        plot_curves(s, m, n, &plots[i]);
    g_string_append(s, "</div>\n");
    draw_use(s, m, n);
}

/* --- Example ------------------------------------------------------------ */

/* Draws one column per frame, 0 Hz at the bottom. */
static void spectrogram(uint8_t *pixel, struct stft *s, const float *x, int frames)
{
    float *part[4];

    for (int i = 0; i < 4; i++)
        part[i] = floats((size_t)s->bins * STFT_LANES);
    for (int f = 0; f < frames; f += STFT_LANES) {
        stft_forward(s, part[0], part[1], part[2], part[3], x, x, f, frames);
        for (int j = 0; j < STFT_LANES && f + j < frames; j++)
            for (int k = 0; k < s->n / 2; k++) {
                double re = part[0][k * STFT_LANES + j],
                       im = part[1][k * STFT_LANES + j];
                double db =
                    10.0 * log10((re * re + im * im) / (FFT * FFT / 16.0) + 1e-12);
                double level = (db - FLOOR_DB) / (TOP_DB - FLOOR_DB);

                pixel[(size_t)(s->n / 2 - 1 - k) * frames + f + j] =
                    (uint8_t)(255.0 * fmin(fmax(level, 0.0), 1.0));
            }
    }
    for (int i = 0; i < 4; i++)
        free(part[i]);
}

static void put_picture(GString *s, const char *title, const float *x, long n)
{
    struct plot_picture p = {
        title, NULL, 0, FFT / 2, 830, 180, { 0, n / (double)TELU_RATE, "time, s", 0.0 },
        { 0, TELU_RATE / 2000.0, "frequency, kHz", 0.0 }, { FLOOR_DB, TOP_DB, "dB", 0.0 }
    };
    struct stft stft;
    uint8_t *pixel;

    stft_init(&stft, FFT);
    p.width = stft_frames(&stft, (int)n);
    pixel = zeroed((size_t)p.width * FFT / 2);
    spectrogram(pixel, &stft, x, p.width);
    p.pixel = pixel;
    plot_picture(s, &p);
    free(pixel);
    stft_release(&stft);
}

static void put_sound(GString *s, const float *x, long n)
{
    const uint32_t bytes = 2 * (uint32_t)n;
    const uint32_t head[11] = { 0x46464952, 36 + bytes, 0x45564157, 0x20746d66, 16,
                                0x00010001, TELU_RATE, 2 * TELU_RATE, 0x00100002,
                                0x61746164, bytes };
    uint8_t *wav = zeroed(sizeof(head) + bytes);

    memcpy(wav, head, sizeof(head));
    for (long i = 0; i < n; i++) {
        int16_t v = (int16_t)lrintf(32767.0f * fminf(fmaxf(x[i], -1.0f), 1.0f));

        memcpy(wav + sizeof(head) + 2 * i, &v, 2);
    }
    g_string_append(s, "<audio controls src='");
    plot_data(s, "audio/wav", wav, sizeof(head) + bytes);
    g_string_append(s, "'></audio>");
    free(wav);
}

static void put_figure(GString *s, const char *title, const float *x, long n)
{
    g_string_append(s, "<figure>");
    put_picture(s, title, x, n);
    put_sound(s, x, n);
    g_string_append(s, "</figure>\n");
}

static void put_example(GString *s, const struct telu_model *m, const struct clip *clip)
{
    static const struct { struct telu_rate rate; const char *text; } kind[] = {
        { { 16000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 }, "16 kbit/s" },
        { { 6000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 1 }, "6 kbit/s" },
        { { 3000, TELU_CONSTRAINED_VBR, TELU_PERCEPTUAL, 0 },
          "3 kbit/s, the base layer alone" },
    };
    long n = clip->n < SECONDS * TELU_RATE ? clip->n : SECONDS * TELU_RATE;
    float *y;

    if (n < FFT)
        return;
    y = floats(n);
    g_string_append(s,
                    "<h2>One file that it did not learn from, before and after</h2>\n");
    put_figure(s, "Original", clip->pcm, n);
    for (size_t i = 0; i < G_N_ELEMENTS(kind); i++) {
        char *caption;

        if (quality_code(m, NULL, &kind[i].rate, y, clip->pcm, n) < 0)
            die("%s", telu_error());
        caption = g_strdup_printf("%s: SNR %.1f dB", kind[i].text,
                                  quality_snr(clip->pcm, y, n));
        put_figure(s, caption, y, n);
        g_free(caption);
    }
    free(y);
}

/* --- Page --------------------------------------------------------------- */

static void put_rows(GString *s, const struct quality *q)
{
    g_string_append(s, "<table><tr><th>codec<th>bit/s<th>SNR, dB<th>SI-SDR, dB<th>LSD, dB"
                    "<th>mean<th>level</tr>\n");
    for (int i = 0; i < QUALITY_POINTS; i++)
        g_string_append_printf(s, "<tr><td>%s<td>%.0f<td>%.2f<td>%.2f<td>%.2f<td>%.6f"
                               "<td>%.4f</tr>\n", quality_points[i].name, q[i].bitrate,
                               q[i].snr, q[i].si_sdr, q[i].lsd, q[i].mean, q[i].ratio);
    g_string_append(
        s, "</table>\n<p>Whole files that it did not learn from, through "
           "packets and back, tuned for SNR; base3k and base8k are the base "
           "layer alone. Level: the output's deviation over the original's.</p>\n");
}

/* Puts figures of integers and floats side by side. */
static void put_layers(GString *s, const struct quality_layers *q)
{
    if (!q || !q->files)
        return;
    g_string_append(s, "<h2>Layers of integers, and of floats</h2>\n<table><tr><th>codec<th>SNR, dB"
                    "<th>float<th>SI-SDR, dB<th>float<th>LSD, dB<th>float<th>level<th>float"
                    "</tr>\n");
    for (int i = 0; i < QUALITY_POINTS; i++) {
        const struct quality *a = &q->integers[i], *b = &q->floats[i];

        g_string_append_printf(s, "<tr><td>%s<td>%.2f<td>%.2f<td>%.2f<td>%.2f<td>%.2f<td>%.2f"
                               "<td>%.4f<td>%.4f</tr>\n", quality_points[i].name, a->snr, b->snr,
                               a->si_sdr, b->si_sdr, a->lsd, b->lsd, a->ratio, b->ratio);
    }
    g_string_append_printf(s, "</table>\n<p>The first %d seconds of %d files. The codec's layers "
                           "multiply integers, so that every machine gives the same bits. Training "
                           "has floats; a row with one large weight loses by it.</p>\n",
                           QUALITY_LAYERS_SECONDS, q->files);
}

static void put_table(GString *s, const struct quality *q)
{
    g_string_append(s, "<h2>What came of it</h2>\n");
    if (isnan(q[0].snr))
        g_string_append(s, "<p>Nothing was measured: no file to check on is louder than -100 dB "
                        "of full scale.</p>\n");
    else
        put_rows(s, q);
}

static void put_number(GString *s, double value)
{
    if (isfinite(value))
        g_string_append_printf(s, "<td>%.2f", value);
    else
        g_string_append(s, "<td>");
}

static void put_folders(GString *s, const struct folders *f)
{
    if (!f || f->n < 2)
        return;
    g_string_append(s, "<h2>By folder</h2>\n<table><tr><th>folder<th>minutes<th>files to learn"
                    "<th>files to check<th>SNR, base3k, dB<th>base8k<th>16k<th>LSD, base8k, dB"
                    "</tr>\n");
    for (int i = 0; i < f->n; i++) {
        const struct folder *at = &f->folder[i];
        char *name = g_markup_escape_text(at->name, -1);

        g_string_append_printf(s, "<tr><td>%s%s<td>%.1f<td>%d<td>%d", name,
                               at->checked ? "" : " *", at->minutes, at->files, at->checked);
        put_number(s, at->q[0].snr);
        put_number(s, at->q[FOLDER_FIGURE].snr);
        put_number(s, at->q[2].snr);
        put_number(s, at->q[FOLDER_FIGURE].lsd);
        g_string_append(s, "</tr>\n");
        g_free(name);
    }
    g_string_append_printf(s, "</table>\n<p>The first seconds of up to three files of each; * of "
                           "files that it learnt from.");
    if (f->left_out)
        g_string_append_printf(s, " %d more folders, with less speech, are not shown.",
                               f->left_out);
    g_string_append(s, "</p>\n");
}

static void put_verdict(GString *s, const char *verdict)
{
    char **lines = g_strsplit(verdict, "\n", -1);

    g_string_append(s, "<div class='verdict'>\n");
    for (char **line = lines; *line; line++)
        if (**line) {
            char *text = g_markup_escape_text(*line, -1);

            g_string_append_printf(s, "<p>%s</p>\n", text);
            g_free(text);
        }
    g_string_append(s, "</div>\n");
    g_strfreev(lines);
}

static void put_head(GString *s, const struct report *r)
{
    char *name = g_markup_escape_text(r->name, -1);
    char *training = g_markup_escape_text(r->training, -1);

    g_string_append_printf(s, "<title>%s</title><style>%s</style>\n<h1>TeluCodec: %s</h1>\n"
                           "<p>%s</p>\n<p>Model <b>%s</b>, id <code>%s</code></p>\n", name, style,
                           name, training, name, r->model_id);
    if (r->left_out)
        g_string_append_printf(s, "<p><b>%d of %d files were left out</b>: they could not be "
                               "used.</p>\n", r->left_out, r->files + r->left_out);
    g_free(training);
    g_free(name);
}

void report_write(const char *path, const struct report *r, const struct telu_model *m,
                  const struct clip *clip)
{
    GString *s =
        g_string_new("<!DOCTYPE html>\n<html lang='en'><meta charset='utf-8'>");

    put_head(s, r);
    put_verdict(s, r->verdict);
    put_table(s, r->quality);
    put_folders(s, r->folders);
    put_layers(s, r->layers);
    draw_all(s, r->m, r->n);
    put_example(s, m, clip);
    g_string_append(s, "</html>\n");
    if (disk_replace(path, s->str, s->len))
        die("%s: %s", path, strerror(errno));
    g_string_free(s, TRUE);
}
