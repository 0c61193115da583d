/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_data.c - loads real-world recordings: other rates, stereo, films, broken files,
 * NaN, links, folders without sound; tests the split and the repetition. */
#include "dataset.h"
#include "pcm.h"
#include "telu.h"
#include "wav.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;
static const volatile int no_stop;

static void check(int ok, const char *what, double got)
{
    if (ok)
        return;
    failed = 1;
    printf("%s: %g\n", what, got);
}

static char *dir;

static char *in(const char *name)
{
    char *path = g_build_filename(dir, name, NULL), *up = g_path_get_dirname(path);

    g_mkdir_with_parents(up, 0777);
    g_free(up);
    return path;
}

/* A tone of 440 Hz, amplitude `level` in each channel. */
static char *tone(const char *name, double seconds, int channels, int rate, float level)
{
    long n = (long)(seconds * rate);
    float *x = g_new(float, n * channels);
    char *path = in(name);

    for (long i = 0; i < n * channels; i++)
        x[i] = level * (float)sin(2.0 * M_PI * 440.0 * (i / channels) / rate);
    wav_write(path, x, n, channels, rate);
    g_free(x);
    return path;
}

/* Returns the level in dB against a full-scale sine, without the ends. */
static double level(const float *x, long n)
{
    double power = 0.0;

    for (long i = n / 8; i < n * 7 / 8; i++)
        power += (double)x[i] * x[i];
    return 10.0 * log10(2.0 * power / (n * 7 / 8 - n / 8) + 1e-20);
}

static void test_rate(int channels, int rate)
{
    char *path = tone("rates/x.wav", 2.0, channels, rate, 0.5f);
    GError *error = NULL;
    gsize n;
    float *x = pcm_read(path, TELU_RATE, &n, &error);

    check(x != NULL, error ? error->message : "cannot be read, rate", rate);
    check(x && labs((long)n - 2 * TELU_RATE) < 200, "samples of two seconds",
          (double)n);
    check(x && fabs(level(x, (long)n) + 6.02) < 0.1, "level of a tone of -6 dB",
          x ? level(x, (long)n) : 0);
    g_free(x);
    g_free(path);
}

static void refused(const char *path, const char *what, const char *word)
{
    GError *error = NULL;
    gint64 since = g_get_monotonic_time();
    gsize n;
    float *x = pcm_read(path, TELU_RATE, &n, &error);

    check(!x && error && *error->message, what, (double)n);
    check(!word || (error && strstr(error->message, word)),
          error ? error->message : what, 0);
    check(g_get_monotonic_time() - since < 15 * G_USEC_PER_SEC, what,
          (g_get_monotonic_time() - since) * 1e-6);
    g_clear_error(&error);
    g_free(x);
}

static char *bytes(const char *name, const char *data, size_t n)
{
    char *path = in(name);

    g_file_set_contents(path, data, (gssize)n, NULL);
    return path;
}

static void test_broken(void)
{
    float nan[8000] = { 0 };
    char junk[5000], *path, *data;
    gsize size;

    for (size_t i = 0; i < sizeof(junk); i++)
        junk[i] = (char)(i * i * 31 + i / 7);
    path = bytes("broken/junk.wav", junk, sizeof(junk));
    refused(path, "junk is taken for sound", NULL);
    g_free(path);
    path = bytes("broken/empty.wav", "", 0);
    refused(path, "an empty file is taken for sound", NULL);
    g_free(path);
    path = bytes("broken/text.wav", "this is a transcript, not a recording\n", 38);
    refused(path, "text is taken for sound", NULL);
    g_free(path);
    refused("/nowhere/at/all.wav", "a file that is not there", NULL);

    nan[4000] = NAN;
    path = in("broken/nan.wav");
    wav_write(path, nan, 8000, 1, TELU_RATE);
    refused(path, "NaN is taken for sound", "NaN");
    wav_write(path, nan, 0, 1, TELU_RATE);
    refused(path, "a file of no samples", NULL);
    g_free(path);

    path = tone("broken/cut.wav", 1.0, 1, TELU_RATE, 0.5f);
    g_file_get_contents(path, &data, &size, NULL);
    g_file_set_contents(path, data, 20, NULL);
    refused(path, "half a header is taken for sound", NULL);
    g_free(data);
    g_free(path);
}

/* Returns 1 when the elements are not installed. */
static int run_pipeline(const char *text)
{
    GstElement *pipe = gst_parse_launch(text, NULL);
    GstMessage *msg;
    GstBus *bus;
    int r;

    if (!pipe)
        return 1;
    bus = gst_element_get_bus(pipe);
    gst_element_set_state(pipe, GST_STATE_PLAYING);
    msg = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND,
                                     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    r = !msg || GST_MESSAGE_TYPE(msg) != GST_MESSAGE_EOS;
    if (msg)
        gst_message_unref(msg);
    gst_element_set_state(pipe, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipe);
    return r;
}

/* A film gives its sound; a silent film soon ends with a reason. */
static void test_film(void)
{
    char *path = in("films/film.mkv"), *mute = in("films/mute.mkv"), *text;
    gsize n;
    float *x;

    text = g_strdup_printf("matroskamux name=m ! filesink location=%s "
        "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48,framerate=10/1 ! "
        "jpegenc ! m. audiotestsrc num-buffers=20 samplesperbuffer=1600 ! "
        "audio/x-raw,rate=16000,channels=1 ! audioconvert ! m.", path);
    if (run_pipeline(text)) {
        printf("no film to test with\n");
    } else {
        x = pcm_read(path, TELU_RATE, &n, NULL);
        check(x && labs((long)n - 32000) < 400, "samples of a film of 2 s", (double)n);
        g_free(x);
    }
    g_free(text);
    text =
        g_strdup_printf("videotestsrc num-buffers=5 ! video/x-raw,width=64,height=48,"
                        "framerate=10/1 ! jpegenc ! matroskamux ! filesink location=%s",
                        mute);
    if (!run_pipeline(text))
        refused(mute, "a silent film is taken for sound", NULL);
    g_free(text);
    g_free(mute);
    g_free(path);
}

static char *self;

/* Checks the exit code and text of dataset_load() in a process of its own: GStreamer's
 * threads do not survive a fork. */
static void dies(const char *what, const char *word, const char *folder)
{
    char *argv[] = { self, (char *)folder, NULL }, *text = NULL;
    int status = 0;

    g_spawn_sync(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &text,
                 &status, NULL);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 1, what, status);
    check(text && strstr(text, word), text ? text : what, 0);
    g_free(text);
}

static void test_empty(void)
{
    char *empty = in("empty/x"), *text, *folder;

    folder = g_path_get_dirname(empty);
    dies("an empty folder", "no audio", folder);
    text = bytes("empty/a.txt", "hello", 5);
    dies("a folder of transcripts", "no audio", folder);
    dies("a folder that is not there", "no such folder", empty);
    g_free(folder);
    g_free(text);
    g_free(empty);
    text = tone("short/x.wav", 0.2, 1, TELU_RATE, 0.5f);
    folder = g_path_get_dirname(text);
    dies("a file of 0.2 s", "only 0.2 seconds", folder);
    g_free(folder);
    g_free(text);
    for (int i = 0; i < 20; i++) {
        char name[32];

        snprintf(name, sizeof(name), "bits/%d.wav", i);
        g_free(tone(name, 0.2, 1, TELU_RATE, 0.5f));
    }
    folder = in("bits");
    dies("files of 0.2 s", "shorter than half a second", folder);
    g_free(folder);
    text = tone("integers/x.wav", 5.0, 1, TELU_RATE, 20000.0f);
    folder = g_path_get_dirname(text);
    dies("samples scaled to integers", "its samples reach 20000, expected 1", folder);
    dies("all files left out", "1 of 1 files in", folder);
    g_free(folder);
    g_free(text);
    text = tone("silence/x.wav", 5.0, 1, TELU_RATE, 0.0f);
    folder = g_path_get_dirname(text);
    dies("nothing but silence", "silence", folder);
    g_free(folder);
    g_free(text);
}

/* Writes two speakers, a clipped file, a broken one, text, and links to a file, a folder,
 * themselves and nothing. */
static void make_mixture(void)
{
    char *paths[] = {
        tone("mix/te-one/a.wav", 2.0, 1, 8000, 0.5f),
        tone("mix/te-one/b.wav", 2.0, 2, 96000, 0.5f),
        tone("mix/en-two/a.wav", 2.0, 1, TELU_RATE, 0.25f),
        bytes("mix/te-one/bad.flac", "fLaC nonsense", 13),
        bytes("mix/te-one/a.txt", "hello", 5),
        tone("elsewhere/c.wav", 2.0, 1, TELU_RATE, 0.5f),
        in("mix/en-two/link.wav"),
        in("mix/te-three"),
        in("mix/round"),
        in("mix/lost.wav"),
        in("elsewhere"),
        in("mix"),
    };

    check(!symlink(paths[5], paths[6]) && !symlink(paths[10], paths[7]) &&
              !symlink(paths[11], paths[8]) && !symlink("/nowhere", paths[9]),
          "symlink", 0);
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        g_free(paths[i]);
}

static void test_mixture(void)
{
    struct dataset d;
    char *mix = in("mix");
    float back[100], x[100];
    long total;

    make_mixture();
    dataset_load(&d, mix, &no_stop);
    check(d.n == 5, "clips of a mixture", d.n);
    check(dataset_speakers(&d) == 3, "speakers of a mixture", dataset_speakers(&d));
    check(labs(d.total - 10 * TELU_RATE) < 1000, "samples of a mixture",
          (double)d.total);
    total = d.total;

    /* The loaded speech survives the deletion of its files. */
    wav_remove(mix);
    dataset_read(&d, x, total / 2, 100);
    check(level(x, 100) > -60.0, "speech of files that are gone, dB", level(x, 100));

    check(dataset_repeat(&d, "te-*=4") == 3, "clips that are repeated",
          dataset_repeat(&d, "te-*=4"));
    check(labs(d.total - 28 * TELU_RATE) < 3000 && d.samples == total,
          "samples of the line with repetition", (double)d.total);
    for (int i = 0; i < d.n; i++)
        if (d.clip[i].times == 4) {
            dataset_read(&d, x, d.clip[i].at + 500, 100);
            dataset_read(&d, back, d.clip[i].at + 500 + 3 * d.clip[i].n, 100);
            check(!memcmp(x, back, sizeof(x)), "the fourth time differs from the first",
                  i);
        }
    dataset_read(&d, back, d.total - 50, 100);
    check(back[99] == 0.0f && back[20] != 0.0f, "the end of the line", back[99]);
    for (size_t i = 0; i < 7; i++) {
        static const char *const bad[] = {
            "", "=4", "te", "te=", "te=0", "te=x", "te=4x"};

        check(dataset_repeat(&d, bad[i]) == -1, "takes --repeat number", (double)i);
    }
    dataset_release(&d);
    g_free(mix);
}

static int in_both(const struct dataset *a, const struct dataset *b, int folders)
{
    int n = 0;

    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++) {
            char *x = folders ? g_path_get_dirname(a->clip[i].path)
                              : g_strdup(a->clip[i].path);
            char *y = folders ? g_path_get_dirname(b->clip[k].path)
                              : g_strdup(b->clip[k].path);

            n += !strcmp(x, y);
            g_free(x);
            g_free(y);
        }
    return n;
}

static void split_once(const char *folder, uint64_t seed, struct dataset *d,
                       struct dataset *part)
{
    struct rng rng;

    rng_seed(&rng, seed);
    dataset_load(d, folder, &no_stop);
    dataset_split(d, part, 0.2, &rng);
}

static void test_split(void)
{
    char *speakers = in("split"), *flat = in("flat"), *one = in("one"), *first;
    struct dataset d, part;
    int others = 0;

    wav_folder(speakers, 12, 1.0, 2);
    split_once(speakers, 1, &d, &part);
    check(part.n == 4 && d.n == 8, "files of two of six speakers", part.n);
    check(in_both(&d, &part, 1) == 0, "files of a speaker on both sides",
          in_both(&d, &part, 1));
    first = g_strdup(part.clip[0].path);
    dataset_release(&d);
    dataset_release(&part);
    for (uint64_t seed = 1; seed < 8; seed++) {
        split_once(speakers, seed, &d, &part);
        others += strcmp(first, part.clip[0].path) != 0;
        check(seed > 1 || !others, "the same seed splits otherwise", others);
        dataset_release(&d);
        dataset_release(&part);
    }
    check(others > 0, "seeds that split otherwise", others);

    wav_folder(flat, 10, 1.0, 0);
    split_once(flat, 1, &d, &part);
    check(part.n == 2 && d.n == 8 && !in_both(&d, &part, 0), "files of one folder",
          part.n);
    dataset_release(&d);
    dataset_release(&part);

    wav_folder(one, 1, 20.0, 0);
    split_once(one, 1, &d, &part);
    check(d.n == 1 && part.n == 1 && d.total == 16 * TELU_RATE &&
          part.total == 4 * TELU_RATE, "the end of a single file", (double)part.total);
    dataset_release(&d);
    dataset_release(&part);
    g_free(first);
    g_free(one);
    g_free(flat);
    g_free(speakers);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc > 1) {
        struct dataset d;

        dataset_load(&d, argv[1], &no_stop);
        return 0;
    }
    self = argv[0];
    dir = wav_temp();
    test_rate(1, 8000);
    test_rate(2, 96000);
    test_rate(1, 16000);
    test_rate(2, 44100);
    test_rate(3, 16000);
    test_rate(10, 44100);
    test_broken();
    test_film();
    test_empty();
    test_mixture();
    test_split();
    wav_remove(dir);
    g_free(dir);
    return failed;
}
