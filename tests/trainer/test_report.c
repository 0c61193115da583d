/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_report.c - a run's page, the pictures in it, which libpng reads, and the line of
 * progress. */
#include "bar.h"
#include "expect.h"
#include "png.h"
#include "report.h"
#include "tiny_model.h"
#include "wav.h"

#include <gio/gio.h>
#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- Pictures ----------------------------------------------------------- */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void test_png(void)
{
    uint8_t pixel[7 * 5], colour[256][3], back[5 * 8];
    GConverter *z = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB));
    gsize read, written = 0;
    GByteArray *b;
    size_t at = 8;

    for (int i = 0; i < 35; i++)
        pixel[i] = (uint8_t)(i * 7);
    memset(colour, 9, sizeof(colour));
    b = png_make(pixel, 7, 5, (const uint8_t (*)[3])colour);
    check(!memcmp(b->data, "\x89PNG\r\n\x1a\n", 8), "magic of a PNG", b->data[0]);
    check(be32(b->data + 16) == 7 && be32(b->data + 20) == 5, "width of a PNG",
          be32(b->data + 16));
    /* every PNG ends with IEND and its check sum */
    check(b->len > 12 && be32(b->data + b->len - 4) == 0xae426082u, "last check sum",
          be32(b->data + b->len - 4));
    while (at + 12 <= b->len && memcmp(b->data + at + 4, "IDAT", 4))
        at += 12 + be32(b->data + at);
    g_converter_convert(z, b->data + at + 8, be32(b->data + at), back, sizeof(back),
                        G_CONVERTER_INPUT_AT_END, &read, &written, NULL);
    check(written == 40, "bytes of the picture", (double)written);
    for (int y = 0; y < 5; y++)
        check(back[8 * y] == 0 && !memcmp(back + 8 * y + 1, pixel + 7 * y, 7),
              "line of the picture differs", y);
    g_object_unref(z);
    g_byte_array_unref(b);
}

/* Reads a PNG file with libpng, by way of GStreamer: lines of RGB, each padded to 4 bytes. */
static char *read_png(const char *dir, const GByteArray *png, gsize *n)
{
    char *in = g_build_filename(dir, "x.png", NULL), *out = g_build_filename(dir, "x.rgb", NULL);
    char *line = g_strdup_printf("filesrc location=%s ! pngdec ! videoconvert ! video/x-raw,"
                                 "format=RGB ! filesink location=%s", in, out), *pixel = NULL;
    GstElement *pipe = gst_parse_launch(line, NULL);
    GstMessage *m = NULL;

    *n = 0;
    g_file_set_contents(in, (const char *)png->data, png->len, NULL);
    if (pipe) {
        GstBus *bus = gst_element_get_bus(pipe);

        gst_element_set_state(pipe, GST_STATE_PLAYING);
        m = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
        gst_element_set_state(pipe, GST_STATE_NULL);
        gst_object_unref(bus);
        gst_object_unref(pipe);
    }
    if (m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS)
        g_file_get_contents(out, &pixel, n, NULL);
    if (m)
        gst_message_unref(m);
    g_free(line);
    g_free(out);
    g_free(in);
    return pixel;
}

/* libpng reads pictures of any size and content as they were. */
static void test_any_png(const char *dir)
{
    uint32_t seed = 1;

    for (int round = 0; round < 25; round++) {
        int w = round ? 1 + (int)(300 * tiny_random(&seed)) : 1;
        int h = round ? 1 + (int)(60 * tiny_random(&seed)) : 1, wrong = 0;
        gsize n, stride = (gsize)(3 * w + 3) & ~(gsize)3;
        uint8_t colour[256][3], *pixel = g_malloc((gsize)w * h);
        GByteArray *png;
        char *rgb;

        for (int i = 0; i < 256 * 3; i++)
            colour[i / 3][i % 3] = (uint8_t)(256 * tiny_random(&seed));
        for (int i = 0; i < w * h; i++)
            pixel[i] = (uint8_t)(round % 3 ? 256 * tiny_random(&seed) : round);
        png = png_make(pixel, w, h, (const uint8_t (*)[3])colour);
        rgb = read_png(dir, png, &n);
        check(n == stride * h, "bytes of a picture that libpng reads", (double)n);
        for (int i = 0; n == stride * h && i < w * h; i++)
            wrong += memcmp(rgb + stride * (i / w) + 3 * (i % w), colour[pixel[i]], 3) != 0;
        check(!wrong, "pixels that libpng reads otherwise", wrong);
        g_byte_array_unref(png);
        g_free(pixel);
        g_free(rgb);
    }
}

/* --- Page --------------------------------------------------------------- */

static int count(const char *text, const char *word)
{
    int n = 0;

    while ((text = strstr(text, word))) {
        n++;
        text++;
    }
    return n;
}

static char *page(const char *dir, const struct report *r)
{
    static float pcm[3 * TELU_RATE];
    struct clip clip = { .pcm = pcm, .n = 3 * TELU_RATE, .times = 1 };
    const struct telu_config cfg = tiny_config();
    struct telu_model *m = tiny_model(&cfg, 1);
    char *path = g_build_filename(dir, "report.html", NULL), *text = NULL;

    wav_voice(pcm, clip.n, 1);
    report_write(path, r, m, &clip);
    g_file_get_contents(path, &text, NULL, NULL);
    check(text != NULL, "no report", 0);
    g_free(path);
    telu_model_close(m);
    return text ? text : g_strdup("");
}

static void test_page(const char *dir)
{
    struct quality q[QUALITY_POINTS] = { { 0 } };
    struct folder two[2] = { { .name = (char *)"<te>", .files = 2 },
                             { .name = (char *)"hi", .checked = 7 } };
    struct folders folders = { two, 2, 3 };
    struct quality_layers layers = { .files = 4 };
    struct metrics m[3];
    const struct report r = { .name = "<b>&", .training = "3 files", .model_id = "abc",
                              .verdict = "Bring <more>.\nListen.\n", .quality = q,
                              .folders = &folders, .layers = &layers, .m = m, .n = 3, .files = 24,
                              .left_out = 16 };
    static const char *const words[] = {
        "&lt;b&gt;&amp;", "<p>Bring &lt;more&gt;.</p>", "<p>Listen.</p>", "16 of 40 files",
        "&lt;te&gt; *", "hi<td>", "3 more folders", ">SNR, dB</text>", ">epoch</text>",
        ">frequency, kHz</text>", ">time, s</text>", ">dB</text>", ">stage</text>",
        ">21.5</text>", "Model <b>&lt;b&gt;&amp;</b>, id <code>abc",
        "<td>1.25<td>1.50<td>", "seconds of 4 files",
    };
    char *text;

    for (int i = 0; i < 3; i++) {
        m[i].n = 0;
        metrics_add(&m[i], i + 1, "epoch");
        metrics_add(&m[i], 21.0 + i, "snr_16k");
        metrics_add(&m[i], 0.25 * (i + 1), "mel");
        metrics_add(&m[i], 0.5, "use_1");
        metrics_add(&m[i], 0.25, "use_2");
    }
    two[1].q[0].snr = NAN;
    layers.integers[4].lsd = 1.25;
    layers.floats[4].lsd = 1.5;
    text = page(dir, &r);
    check(count(text, "<audio controls") == 4, "players", count(text, "<audio"));
    check(count(text, "data:audio/wav") == 4, "sounds", count(text, "data:audio"));
    check(count(text, ">frequency, kHz<") == 4, "spectrograms", count(text, ">frequency"));
    check(count(text, ">epoch</text>") == 3, "two curves and a map of the codes",
          count(text, ">epoch</text>"));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        check(strstr(text, words[i]) != NULL, words[i], 0);
    check(!strstr(text, "http") && !strstr(text, "<script") && !strstr(text, "<link"),
          "the page fetches something", 0);
    check(!strstr(text, "<b>&<") && !strstr(text, "<te>"), "a name is not escaped", 0);
    check(!strstr(text, ">nan") && !strstr(text, ">inf") && !strstr(text, " nan"),
          "a number that is none", 0);
    g_free(text);
}

/* Nothing was loud enough to be measured, and there was no check. */
static void test_silent_page(const char *dir)
{
    struct quality q[QUALITY_POINTS];
    const struct report r = { .name = "x", .training = "3 files", .model_id = "abc",
                              .verdict = "", .quality = q };
    char *text;

    for (int i = 0; i < QUALITY_POINTS; i++)
        q[i] = (struct quality){ NAN, NAN, NAN, NAN, NAN, NAN };
    text = page(dir, &r);
    check(strstr(text, "Nothing was measured") != NULL, "silence is not told", 0);
    check(!strstr(text, ">nan") && !strstr(text, ">-nan"), "a table of nan", 0);
    g_free(text);
}

/* The line of progress never takes more than the terminal's columns. */
static void test_bar(void)
{
    const struct bar_state none = { .epoch = 1, .snr = NAN };
    const struct bar_state s = { .epoch = 12, .done = 0.25, .spent = 1800, .snr = 11.4,
                                 .loss = { 2.7, 0.33, 1.7 }, .speed = 93 };
    char *text = bar_text(&s, 200);

    check(!strcmp(text, "epoch 12 [###.......] 25 %, 1:30:00 left, SNR 11.4 dB, mel 2.700, 93 s of "
                  "speech/s, cpx 0.330 wave 1.700"), text, 0);
    g_free(text);
    text = bar_text(&none, 200);
    check(g_str_has_prefix(text, "epoch 1 [..........] 0 %, mel"), text, 0);
    g_free(text);
    for (int columns = 1; columns < 100; columns++) {
        text = bar_text(&s, columns);
        check((int)strlen(text) == columns, "columns of the line", (double)strlen(text));
        g_free(text);
    }
}

int main(void)
{
    char *dir = wav_temp();

    gst_init(NULL, NULL);
    test_png();
    test_any_png(dir);
    test_bar();
    test_page(dir);
    test_silent_page(dir);
    wav_remove(dir);
    g_free(dir);
    return failed;
}
