/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_metrics.c - the figures that a run writes down: metrics.csv, and TensorBoard's records, read
 * back byte by byte, with a clock that runs backwards.
 *
 *   test_metrics [FOLDER]     writes records into FOLDER, for test_tensorboard.py
 */
#include "crc32c.h"
#include "events.h"
#include "expect.h"
#include "metrics.h"
#include "wav.h"

#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replaces GLib's clock: each call returns a time one minute earlier. */
gint64 g_get_real_time(void)
{
    static gint64 t = (gint64)1700000000 * G_USEC_PER_SEC;

    return t -= 60 * G_USEC_PER_SEC;
}

static void test_crc(void)
{
    uint8_t data[100];
    uint32_t whole, part;

    check(crc32c(0, "123456789", 9) == 0xe3069283u, "CRC-32C of 123456789",
          crc32c(0, "123456789", 9));
    for (int i = 0; i < 100; i++)
        data[i] = (uint8_t)(i * 37);
    whole = crc32c(0, data, 100);
    for (int i = 0; i <= 100; i++) {
        part = crc32c(crc32c(0, data, i), data + i, 100 - i);
        check(part == whole, "CRC-32C in two pieces, cut at", i);
    }
}

static struct metrics line(int epoch, double snr)
{
    struct metrics m = { 0 };

    metrics_add(&m, epoch, "epoch");
    metrics_add(&m, snr, "snr_%s", "16k");
    metrics_add(&m, 0.25 * epoch, "mel");
    return m;
}

/* A full disk leaves a part of a line, or of the line of names, or nothing. */
static void test_cut(const char *path, const struct metrics *m)
{
    char *text = NULL;
    gsize size = 0;
    int n;

    g_file_get_contents(path, &text, &size, NULL);
    for (gsize cut = 1; cut < size && text[size - cut - 1] != '\n'; cut++) {
        g_file_set_contents(path, text, (gssize)(size - cut), NULL);
        free(metrics_read(path, &n));
        check(n == 1, "lines when the second is cut", n);
    }
    metrics_prepare(path, m, 2);
    metrics_append(path, m);
    free(metrics_read(path, &n));
    check(n == 2, "lines after one that was cut and a new one", n);
    g_file_set_contents(path, "", 0, NULL);
    free(metrics_read(path, &n));
    check(n == 0, "lines of an empty file", n);
    metrics_prepare(path, m, 2);
    metrics_append(path, m);
    free(metrics_read(path, &n));
    check(n == 1, "lines after an empty file and a new one", n);
    g_file_set_contents(path, text, (gssize)size, NULL);
    g_free(text);
}

static void test_metrics(const char *dir)
{
    char *path = g_build_filename(dir, "metrics.csv", NULL);
    char *old = g_strdup_printf("%s.old", path);
    struct metrics m = line(0, 0.0), other = { 0 }, *all;
    int n;

    metrics_prepare(path, &m, 0);
    check(metrics_read(path, &n) == NULL && n == 0, "lines before the first epoch", n);
    for (int i = 1; i <= 4; i++) {
        m = line(i, i == 2 ? NAN : 20.0 + i);
        metrics_append(path, &m);
    }
    all = metrics_read(path, &n);
    check(n == 4, "lines of metrics.csv", n);
    check(n == 4 && metrics_get(&all[3], "snr_16k") == 24.0 &&
          metrics_get(&all[3], "mel") == 1.0, "the fourth line", 0);
    check(n == 4 && isnan(metrics_get(&all[1], "snr_16k")),
          "a number that is not there", n == 4 ? metrics_get(&all[1], "snr_16k") : 0);
    free(all);

    metrics_prepare(path, &m, 2);      /* resumed from epoch 2 */
    free(metrics_read(path, &n));
    check(n == 2, "lines after going back to epoch 2", n);
    check(!g_file_test(old, G_FILE_TEST_EXISTS), "left an old file behind", 0);
    test_cut(path, &m);
    metrics_add(&other, 1, "epoch");
    metrics_prepare(path, &other, 2);
    check(g_file_test(old, G_FILE_TEST_EXISTS) && !metrics_read(path, &n),
          "a file of other columns is not set aside", n);
    g_free(old);
    g_free(path);
}

/* --- TensorBoard -------------------------------------------------------- */

static uint64_t varint(const uint8_t **p)
{
    uint64_t v = 0;

    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;

        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return v;
    }
}

static uint32_t masked(const void *data, size_t n)
{
    uint32_t crc = crc32c(0, data, n);

    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

struct event {
    double time;
    uint64_t step;
    char version[32], tag[4][32];
    float number[4];
    int numbers;
};

static void copy(char *to, const uint8_t *from, uint64_t n)
{
    snprintf(to, 32, "%.*s", (int)n, (const char *)from);
}

static void read_value(struct event *e, const uint8_t *p, const uint8_t *end)
{
    while (p < end)
        switch (varint(&p)) {
        case 1 << 3 | 2: {
            uint64_t n = varint(&p);

            copy(e->tag[e->numbers], p, n);
            p += n;
            break;
        }
        case 2 << 3 | 5:
            memcpy(&e->number[e->numbers], p, 4);
            p += 4;
            break;
        default:
            check(0, "field of a value", *p);
            return;
        }
    e->numbers++;
}

static void read_summary(struct event *e, const uint8_t *p, const uint8_t *end)
{
    while (p < end && e->numbers < 4) {
        uint64_t key = varint(&p), n = varint(&p);

        check(key == (1 << 3 | 2), "field of a summary", (double)key);
        read_value(e, p, p + n);
        p += n;
    }
}

static void read_event(struct event *e, const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        uint64_t key = varint(&p), n;

        if (key == (1 << 3 | 1)) {
            memcpy(&e->time, p, 8);
            p += 8;
        } else if (key == 2 << 3) {
            e->step = varint(&p);
        } else {
            n = varint(&p);
            if (key == (3 << 3 | 2))
                copy(e->version, p, n);
            else
                read_summary(e, p, p + n);
            p += n;
        }
    }
}

static int read_records(struct event *e, int most, const uint8_t *p, size_t size)
{
    const uint8_t *end = p + size;
    int n = 0;

    while (p < end && n < most) {
        uint64_t length;
        uint32_t crc;

        memcpy(&length, p, 8);
        memcpy(&crc, p + 8, 4);
        check(crc == masked(p, 8), "check sum of a length", crc);
        check(length < 10000 && p + 16 + length <= end, "length of a record",
              (double)length);
        if (failed)
            return n;
        memcpy(&crc, p + 12 + length, 4);
        check(crc == masked(p + 12, length), "check sum of a record", crc);
        read_event(&e[n++], p + 12, p + 12 + length);
        p += 16 + length;
    }
    return n;
}

static char *find(const char *dir, const char *prefix)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;
    char *path = NULL;

    while (!path && (name = g_dir_read_name(d)))
        if (g_str_has_prefix(name, prefix))
            path = g_build_filename(dir, name, NULL);
    g_dir_close(d);
    return path;
}

static void test_events(const char *dir)
{
    struct events *e = events_new(dir);
    struct metrics m = line(300, 21.5), gap = line(2, NAN);
    struct event got[4] = { 0 };
    char *path, *data;
    gsize size;
    int n;

    events_write(e, "epoch", &m, 300);
    events_write(e, "epoch", &gap, 1000000);
    events_free(e);
    path = find(dir, "events.out.tfevents.");
    if (!path || !g_file_get_contents(path, &data, &size, NULL)) {
        check(0, "no event file", 0);
        return;
    }
    n = read_records(got, 4, (const uint8_t *)data, size);
    check(n == 3, "records", n);
    check(!strcmp(got[0].version, "brain.Event:2"), "version of the events", 0);
    check(got[1].step == 300 && got[2].step == 1000000, "step", (double)got[1].step);
    check(got[1].numbers == 3 && got[2].numbers == 2, "numbers of a step",
          got[2].numbers);
    check(!strcmp(got[1].tag[1], "epoch/snr_16k") && got[1].number[1] == 21.5f, "SNR",
          got[1].number[1]);
    check(got[0].time > 1.69e9 && got[1].time >= got[0].time &&
          got[2].time >= got[1].time && got[2].time < got[0].time + 30.0,
          "time goes back with the clock", got[2].time - got[0].time);
    g_free(data);
    g_free(path);
}

/* Writes a file for test_tensorboard.py. */
static void write_events(const char *dir)
{
    struct events *e = events_new(dir);

    for (int i = 1; i <= 300; i++) {
        struct metrics m = line(i, i % 2 ? 20.0 + i : NAN);

        events_write(e, "epoch", &m, 1000 * (int64_t)i);
    }
    events_free(e);
}

int main(int argc, char **argv)
{
    char *dir;

    if (argc > 1) {
        write_events(argv[1]);
        return 0;
    }
    dir = wav_temp();
    test_crc();
    test_metrics(dir);
    test_events(dir);
    wav_remove(dir);
    g_free(dir);
    return failed;
}
