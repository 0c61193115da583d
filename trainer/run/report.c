/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c - see report.h. */
#include "report.h"

#include "memory.h"
#include "png.h"
#include "stft.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 8              /* of the example */
#define FFT 512
#define TOP_DB (-30.0)         /* white and black, against a full-scale sine */
#define FLOOR_DB (-100.0)
#define PLOT_W 460
#define PLOT_H 200
#define LINES 5

static const char style[] =
    "body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;"
    "color:#222;background:#fff}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    "code{background:#f3f3f3;padding:.1em .3em;overflow-wrap:anywhere}"
    ".plots{display:flex;flex-wrap:wrap;gap:1em}"
    "svg text{font:11px sans-serif;fill:#444}"
    "img{width:100%;image-rendering:auto;border:1px solid #ccc}figure{margin:1em 0}";

/* --- Curves ------------------------------------------------------------- */

struct plot {
    const char *title, *unit;
    const char *column[LINES], *label[LINES];
};

static const struct plot plots[] = {
    { "Whole codec, SNR", "dB", { "snr_16k", "snr_32k", "snr_48k" },
      { "16 kbit/s", "32", "48" } },
    { "Base layer, SNR", "dB", { "snr_base3k", "snr_base8k" }, { "3 kbit/s", "8" } },
    { "Base layer, log-spectral distance", "dB", { "lsd_base3k", "lsd_base8k" },
      { "3 kbit/s", "8" } },
    { "Spectral loss", "", { "mel", "valid_mel" }, { "learning", "checking" } },
    { "Waveform loss", "", { "wave", "valid_wave" }, { "learning", "checking" } },
    { "Level of the output", "of the original's", { "std_base8k", "std_16k" },
      { "base layer, 8 kbit/s", "16 kbit/s" } },
    { "Codes in use", "share", { "use_mean", "use_least" }, { "mean", "worst stage" } },
    { "Gradient", "before clipping", { "gradient" }, { "length" } },
};

static const char *const ink[LINES] = { "#1668b8", "#c8502a", "#2a8a4a", "#7a3fa0",
                                        "#555" };

static void bounds(const struct metrics *m, int n, const struct plot *p, double *low,
                   double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int c = 0; c < LINES && p->column[c]; c++)
        for (int i = 0; i < n; i++) {
            double v = metrics_get(&m[i], p->column[c]);

            *low = isfinite(v) ? fmin(*low, v) : *low;
            *high = isfinite(v) ? fmax(*high, v) : *high;
        }
    if (*high - *low < 1e-6 * (1.0 + fabs(*high))) {
        *low -= 0.5;
        *high += 0.5;
    }
}

static void draw(GString *s, const struct metrics *m, int n, const struct plot *p)
{
    const double left = 52, right = PLOT_W - 8, top = 36, bottom = PLOT_H - 22;
    double low, high, last = metrics_get(&m[n - 1], "epoch");
    double first = metrics_get(&m[0], "epoch");

    bounds(m, n, p, &low, &high);
    if (!isfinite(low))
        return;
    last = last > first ? last : first + 1;
    g_string_append_printf(s,
                           "<svg width='%d' height='%d' role='img'><text x='0' y='12'>"
                           "<tspan font-weight='bold'>%s</tspan> %s</text>",
                           PLOT_W, PLOT_H, p->title, p->unit);
    for (int i = 0; i <= 4; i++) {
        double y = bottom - (bottom - top) * i / 4;

        g_string_append_printf(s, "<path d='M%.0f %.1fH%.0f' stroke='#e4e4e4'/>"
                               "<text x='%.0f' y='%.1f' text-anchor='end'>%.3g</text>",
                               left, y, right, left - 4, y + 4,
                               low + (high - low) * i / 4);
    }
    g_string_append_printf(s, "<text x='%.0f' y='%d'>epoch %.0f</text><text x='%.0f' "
                           "y='%d' text-anchor='end'>%.0f</text>", left, PLOT_H - 6,
                           first, right, PLOT_H - 6, last);
    for (int c = 0; c < LINES && p->column[c]; c++) {
        const char *pen = "M";

        g_string_append(
            s, "<path fill='none' stroke-width='1.6' stroke-linecap='round' d='");
        for (int i = 0; i < n; i++) {
            double v = metrics_get(&m[i], p->column[c]);
            double at = (metrics_get(&m[i], "epoch") - first) / (last - first);

            if (!isfinite(v))
                continue;
            g_string_append_printf(s, "%s%.1f %.1f", pen, left + (right - left) * at,
                                   bottom - (bottom - top) * (v - low) / (high - low));
            pen = "L";
        }
        g_string_append_printf(s, "h.1' stroke='%s'/><text x='%.0f' y='%.0f' "
                               "style='fill:%s'>%s</text>", ink[c], left + 8 + 110 * c,
                               top - 8, ink[c], p->label[c]);
    }
    g_string_append(s, "</svg>\n");
}

static void draw_all(GString *s, const char *csv_path)
{
    int n;
    struct metrics *m = metrics_read(csv_path, &n);

    if (n) {
        g_string_append(s, "<h2>How it went</h2>\n<div class='plots'>\n");
        for (size_t i = 0; i < G_N_ELEMENTS(plots); i++)
            draw(s, m, n, &plots[i]);
        g_string_append(s, "</div>\n");
    }
    free(m);
}

/* --- Example ------------------------------------------------------------ */

/* Makes a palette from black over blue, magenta and orange to white: loud is light. */
static void make_colours(uint8_t colour[256][3])
{
    static const double stop[6][3] = { { 0, 0, 0 }, { 40, 20, 120 }, { 180, 40, 130 },
                                       { 250, 150, 50 }, { 255, 255, 240 },
                                       { 255, 255, 240 } };

    for (int i = 0; i < 256; i++) {
        double at = i * 4 / 255.0, t = at - (int)at;

        for (int c = 0; c < 3; c++)
            colour[i][c] = (uint8_t)lrint(stop[(int)at][c] * (1 - t) +
                                          stop[(int)at + 1][c] * t);
    }
}

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

static void put_data(GString *s, const char *type, const uint8_t *data, size_t n)
{
    char *text = g_base64_encode(data, n);

    g_string_append_printf(s, "data:%s;base64,%s", type, text);
    g_free(text);
}

static void put_picture(GString *s, const float *x, long n)
{
    struct stft stft;
    uint8_t colour[256][3], *pixel;
    GByteArray *png;
    int frames;

    stft_init(&stft, FFT);
    frames = stft_frames(&stft, (int)n);
    pixel = zeroed((size_t)frames * FFT / 2);
    make_colours(colour);
    spectrogram(pixel, &stft, x, frames);
    png = png_make(pixel, frames, FFT / 2, (const uint8_t (*)[3])colour);
    g_string_append(s, "<img alt='spectrogram, 0 to 8 kHz' src='");
    put_data(s, "image/png", png->data, png->len);
    g_string_append(s, "'>");
    g_byte_array_unref(png);
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
    put_data(s, "audio/wav", wav, sizeof(head) + bytes);
    g_string_append(s, "'></audio>");
    free(wav);
}

static void put_figure(GString *s, const char *caption, const float *x, long n)
{
    g_string_append_printf(s, "<figure><figcaption>%s ", caption);
    put_sound(s, x, n);
    g_string_append(s, "</figcaption>");
    put_picture(s, x, n);
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

        if (quality_code(m, &kind[i].rate, y, clip->pcm, n) < 0)
            die("%s", telu_error());
        caption = g_strdup_printf("%s: SNR %.1f dB", kind[i].text,
                                  quality_snr(clip->pcm, y, n));
        put_figure(s, caption, y, n);
        g_free(caption);
    }
    free(y);
}

/* --- Page --------------------------------------------------------------- */

static void put_table(GString *s, const struct quality *q)
{
    g_string_append(s,
                    "<h2>What came of it</h2>\n<table><tr><th>codec<th>bit/s<th>SNR, dB"
                    "<th>SI-SDR, dB<th>LSD, dB<th>mean<th>level</tr>\n");
    for (int i = 0; i < QUALITY_POINTS; i++)
        g_string_append_printf(s, "<tr><td>%s<td>%.0f<td>%.2f<td>%.2f<td>%.2f<td>%.6f"
                               "<td>%.4f</tr>\n", quality_points[i].name, q[i].bitrate,
                               q[i].snr, q[i].si_sdr, q[i].lsd, q[i].mean, q[i].ratio);
    g_string_append(
        s, "</table>\n<p>Whole files that it did not learn from, through "
           "packets and back, tuned for SNR; base3k and base8k are the base "
           "layer alone. Level: the output's deviation over the original's.</p>\n");
}

void report_write(const char *path, const struct report *r, const char *csv_path,
                  const struct telu_model *m, const struct clip *clip)
{
    GString *s =
        g_string_new("<!DOCTYPE html>\n<html lang='en'><meta charset='utf-8'>");
    char *name = g_markup_escape_text(r->name, -1);
    char *training = g_markup_escape_text(r->training, -1);
    GError *error = NULL;

    g_string_append_printf(
        s,
        "<title>%s</title><style>%s</style>\n<h1>TeluCodec: %s</h1>\n"
        "<p>%s</p>\n<p>Model <code>%s</code></p>\n",
        name, style, name, training, r->model_id);
    put_table(s, r->quality);
    draw_all(s, csv_path);
    put_example(s, m, clip);
    g_string_append(s, "</html>\n");
    if (!g_file_set_contents(path, s->str, (gssize)s->len, &error))
        die("%s", error->message);
    g_string_free(s, TRUE);
    g_free(training);
    g_free(name);
}
