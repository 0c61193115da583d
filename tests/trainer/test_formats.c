/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_formats.c - sound files that GStreamer 1.22 does not read by itself: WAV with an odd
 * number of bytes, AIFF, CAF, Wave64. Each gives all its samples, at the right level. */
#include "pcm.h"
#include "uncompressed.h"
#include "wav.h"

#include <glib.h>
#include <gst/gst.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define N 8001                 /* samples of each channel */
#define RATE 16000

static int failed;
static char *dir;

/* A file in the making. */
static GByteArray *file;

static void text(const char *bytes, guint n)
{
    g_byte_array_append(file, (const guint8 *)bytes, n);
}

/* Appends n bytes of a number; big: the highest first. */
static void put(guint64 value, int n, int big)
{
    for (int i = 0; i < n; i++) {
        const guint8 byte = (guint8)(value >> 8 * (big ? n - 1 - i : i));
        g_byte_array_append(file, &byte, 1);
    }
}

static double sample(int i)
{
    return 0.5 * sin(0.05 * i);
}

/* Appends the samples: a sine of half of full scale, the same in all channels. Returns their
 * bytes. bits: of linear samples; 0: float of 32 bits. */
static guint64 samples(int channels, int bits, int big, int is_unsigned)
{
    const guint before = file->len;

    for (int i = 0; i < N * channels; i++) {
        const double x = sample(i / channels);
        union { float value; guint32 bits; } f = { .value = (float)x };

        if (!bits)
            put(f.bits, 4, big);
        else
            put((guint64)(gint64)lrint(ldexp(x, bits - 1)) + (is_unsigned ? 128 : 0), bits / 8,
                big);
    }
    return file->len - before;
}

static void reads(const char *name, double most)
{
    char *path = g_build_filename(dir, name, NULL);
    GError *error = NULL;
    double worst = 0.0;
    float *x;
    gsize n;

    g_file_set_contents(path, (char *)file->data, file->len, NULL);
    x = pcm_read(path, RATE, &n, &error);
    for (gsize i = 0; x && i < n; i++)
        worst = fmax(worst, fabs(x[i] - sample((int)i)));
    if (!x || n != N || !(worst <= most)) {
        printf("%s: %s, %zu samples, expected %d, off by %g\n", name,
               x ? "read" : error->message, n, N, worst);
        failed = 1;
    }
    g_clear_error(&error);
    g_free(x);
    g_free(path);
    g_byte_array_set_size(file, 0);
}

/* Valid, with a padding byte behind the odd data. */
static void test_odd_wav(const char *name, int format, int bits, double most)
{
    const guint32 size = N * (guint32)bits / 8;

    text("RIFF", 4);
    put(36 + size + 1, 4, 0);
    text("WAVEfmt ", 8);
    put(16, 4, 0);
    put((guint64)format, 2, 0);
    put(1, 2, 0);
    put(RATE, 4, 0);
    put(RATE * (guint64)bits / 8, 4, 0);
    put((guint64)bits / 8, 2, 0);
    put((guint64)bits, 2, 0);
    text("data", 4);
    put(size, 4, 0);
    samples(1, bits, 0, bits == 8);
    put(0, 1, 0);
    reads(name, most);
}

/* code: of AIFF-C; NULL: AIFF. A chunk of odd size stands before the others. */
static void test_aiff(const char *name, const char *code, int channels, int bits, int big)
{
    text("FORM\0\0\0\0AIF", 11);
    text(code ? "CNAME\0\0\0\003abc\0COMM" : "FNAME\0\0\0\003abc\0COMM", 17);
    put(code ? 24 : 18, 4, 1);
    put((guint64)channels, 2, 1);
    put(N, 4, 1);
    put(bits ? (guint64)bits : 32, 2, 1);
    text("\x40\x0c\xfa\0\0\0\0\0\0\0", 10);        /* 16000 as an 80-bit float */
    if (code) {
        text(code, 4);
        put(0, 2, 1);
    }
    text("SSND", 4);
    put(8 + (guint64)N * channels * (bits ? bits / 8 : 4), 4, 1);
    put(0, 8, 1);
    samples(channels, bits, big, 0);
    text("\0junk behind", 12);
    reads(name, bits ? ldexp(1, -bits) : 1e-6);
}

/* endless: the data goes to the end of the file. */
static void test_caf(const char *name, int channels, int bits, int big, int endless)
{
    union { double value; guint64 bits; } rate = { .value = RATE };
    const guint64 frame = (guint64)channels * (bits ? bits / 8 : 4);

    text("caff\0\001\0\0desc", 12);
    put(32, 8, 1);
    put(rate.bits, 8, 1);
    text("lpcm", 4);
    put((bits ? 0 : 1) | (big ? 0 : 2), 4, 1);
    put(frame, 4, 1);
    put(1, 4, 1);
    put((guint64)channels, 4, 1);
    put(bits ? (guint64)bits : 32, 4, 1);
    text("free", 4);
    put(5, 8, 1);
    text("\0\0\0\0\0data", 9);
    put(endless ? ~(guint64)0 : 4 + N * frame, 8, 1);
    put(0, 4, 1);
    samples(channels, bits, big, 0);
    if (!endless)
        text("info behind it", 14);
    reads(name, bits ? ldexp(1, -bits) : 1e-6);
}

static void test_w64(const char *name, int channels, int bits)
{
    static const char guid[] = "\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
    const guint64 frame = (guint64)channels * (bits ? bits / 8 : 4);

    text("riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", 16);
    put(104 + 24 + N * frame, 8, 0);
    text("wave", 4);
    text(guid, 12);
    text("fmt ", 4);
    text(guid, 12);
    put(40, 8, 0);
    put(bits ? 1 : 3, 2, 0);
    put((guint64)channels, 2, 0);
    put(RATE, 4, 0);
    put(RATE * frame, 4, 0);
    put(frame, 2, 0);
    put(bits ? (guint64)bits : 32, 2, 0);
    text("data", 4);
    text(guid, 12);
    put(24 + N * frame, 8, 0);
    samples(channels, bits, 0, bits == 8);
    text("padding", 7);
    reads(name, bits ? ldexp(1, -bits) : 1e-6);
}

/* Heads of damaged files promise nothing that is not in the file. */
static void test_damage(void)
{
    guint32 seed = 1;
    int found = 0;

    text("caff\0\001\0\0desc\0\0\0\0\0\0\0\040", 20);
    text("\x40\xcf\x40\0\0\0\0\0lpcm\0\0\0\0\0\0\0\002\0\0\0\001\0\0\0\001\0\0\0\020data", 36);
    put(4 + 2 * N, 8, 1);
    put(0, 4, 1);
    samples(1, 16, 1, 0);
    for (int i = 0; i < 20000; i++) {
        struct uncompressed u;
        guint8 head[68];
        FILE *in = fmemopen(file->data, file->len, "rb");

        memcpy(head, file->data, sizeof(head));
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            file->data[(seed >> 8) % sizeof(head)] = (guint8)(seed >> 24);
        }
        if (in && uncompressed_find(in, &u)) {
            found++;
            if (u.offset < 0 || u.size <= 0 || u.offset + u.size > (gint64)file->len ||
                u.frame < 1 || u.size % u.frame) {
                printf("a damaged head: offset %" G_GINT64_FORMAT ", size %" G_GINT64_FORMAT "\n",
                       u.offset, u.size);
                failed = 1;
            }
        }
        if (in)
            fclose(in);
        memcpy(file->data, head, sizeof(head));
    }
    if (!found) {
        printf("no damaged head was read\n");
        failed = 1;
    }
    g_byte_array_set_size(file, 0);
}

/* A compressed AIFF is refused with the name of the package, where that is not installed. */
static void test_missing(void)
{
    char *path = g_build_filename(dir, "ima.aifc", NULL);
    GError *error = NULL;
    float *x;
    gsize n;

    text("FORM\0\0\0\100AIFCCOMM\0\0\0\030\0\001\0\0\0\100\0\020\x40\x0c\xfa\0\0\0\0\0\0\0", 38);
    text("DWVW\0\0SSND\0\0\0\020\0\0\0\0\0\0\0\0abcdefgh", 30);
    g_file_set_contents(path, (char *)file->data, file->len, NULL);
    x = pcm_read(path, RATE, &n, &error);
    GstElementFactory *aiff = gst_element_factory_find("aiffparse");
    GstElementFactory *libav = gst_element_factory_find("avdemux_aiff");
    if (x || (!aiff && !libav && !strstr(error->message, "install the Debian package gstreamer"))) {
        printf("a compressed AIFF: %s\n", x ? "read" : error->message);
        failed = 1;
    }
    g_clear_object(&aiff);
    g_clear_object(&libav);
    g_clear_error(&error);
    g_free(x);
    g_free(path);
    g_byte_array_set_size(file, 0);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    dir = wav_temp();
    file = g_byte_array_new();
    test_odd_wav("24.wav", 1, 24, 1e-6);
    test_odd_wav("8.wav", 1, 8, 0.005);
    test_odd_wav("alaw.wav", 6, 8, 2);         /* these samples are noise in A-law and mu-law */
    test_odd_wav("mulaw.wav", 7, 8, 2);
    test_aiff("8.aiff", NULL, 1, 8, 1);
    test_aiff("16.aiff", NULL, 2, 16, 1);
    test_aiff("24.aiff", NULL, 3, 24, 1);
    test_aiff("sowt.aifc", "sowt", 1, 16, 0);
    test_aiff("float.aifc", "fl32", 1, 0, 1);
    test_caf("24.caf", 1, 24, 1, 0);
    test_caf("16.caf", 2, 16, 0, 1);
    test_caf("float.caf", 10, 0, 0, 0);
    test_w64("8.w64", 1, 8);
    test_w64("24.w64", 2, 24);
    test_w64("float.w64", 1, 0);
    test_damage();
    test_missing();
    g_byte_array_unref(file);
    wav_remove(dir);
    g_free(dir);
    return failed;
}
