/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_verdict.c - tests which weights a run keeps, and the verdict on one that made it worse, was
 * short, had little speech, still improves, has settled; and the folders of the data. */
#include "expect.h"
#include "evaluate.h"
#include "tiny_model.h"
#include "verdict.h"
#include "wav.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHECKS 40

/* One check: the same SNR at all numbers of stages. */
static struct metrics line(int epoch, long step, double snr, double learning, double checking,
                           double use)
{
    struct metrics m = { 0 };

    metrics_add(&m, epoch, "epoch");
    metrics_add(&m, step, "step");
    metrics_add(&m, learning, "mel");
    metrics_add(&m, checking, "valid_mel");
    metrics_add(&m, use, "use_mean");
    for (int k = 0; k < EVALUATE_POINTS; k++)
        metrics_add(&m, snr, "net_snr_%d", evaluate_stages[k]);
    return m;
}

static void test_checks(void)
{
    struct metrics m[3];
    struct checks c;

    check(!checks_of(&c, NULL, 0), "checks of an empty run", 1);
    m[0] = line(0, 0, 11.4, NAN, 1.0, NAN);
    m[1] = line(1, 50, 5.0, 1.0, 1.0, 1.0);
    m[2] = line(2, 100, 0.1, 1.0, 1.0, 1.0);
    check(checks_of(&c, m, 3) && c.start == 11.4 && c.best == 11.4 && c.best_epoch == 0 &&
          c.last == 0.1 && c.last_epoch == 2, "checks of a run that fell", c.best);
    check(checks_fell(&c), "a run that fell is kept", c.last);
    check(checks_of(&c, m + 1, 2) && isnan(c.start) && c.best_epoch == 1, "a run without a start",
          c.best);
    check(checks_fell(&c), "a run that fell from its first epoch is kept", c.last);
    m[2] = line(2, 100, 4.9, 1.0, 1.0, 1.0);
    checks_of(&c, m + 1, 2);
    check(!checks_fell(&c), "0.1 dB below the best check", c.last);
    m[0] = line(0, 0, 5.0, NAN, 1.0, NAN);
    checks_of(&c, m, 3);
    check(checks_fell(&c), "0.1 dB below the start is kept", c.last);
    m[2] = line(2, 100, NAN, 1.0, 1.0, 1.0);
    checks_of(&c, m, 3);
    check(checks_fell(&c) && c.best == 5.0, "a last check that is none is kept", c.best);
}

/* Fills a run whose SNR goes from `from` to `to` in its first half, and then by `slope` a check. */
static void course(struct metrics *m, long steps, double from, double to, double slope,
                   double learning, double checking, double use)
{
    for (int i = 0; i < CHECKS; i++) {
        double share = i < CHECKS / 2 ? i / (CHECKS / 2.0) : 1.0;
        double late = i < CHECKS / 2 ? 0.0 : slope * (i - CHECKS / 2);

        m[i] = line(i + 1, steps * (i + 1) / CHECKS, from + (to - from) * share + late, learning,
                    checking * (1.0 + 0.1 * i / CHECKS), use);
    }
}

static void test_words(void)
{
    static const struct {
        const char *word, *other;
        long steps;
        double base, from, to, slope, checking, use, minutes;
    } all[] = {
        { "has settled", "needed", 20000, 11, 0, 12, 0, 1, 1, 100 },
        { "Still improving", "settled", 20000, 11, 0, 12, 0.05, 1, 1, 100 },
        { "what too little training looks like", "Still", 300, -0.1, -1, 0, 0.05, 1, 1, 100 },
        { "after 20000 steps: noisy", "too little training", 20000, 1, 0, 1, 0, 1, 1, 100 },
        { "More speech is needed", "settled", 20000, 9, 0, 9, 0, 1, 1, 3 },
        { "More speech is needed", "settled", 20000, 9, 0, 9, 0, 1.5, 0.2, 30 },
        { "worse from epoch 21 on", "settled", 20000, 9, 0, 9, -0.1, 1, 1, 100 },
        { "worse: the network's SNR was 9.00 dB at the start", "settled", 20000, 9, 9, 3, 0, 1, 1,
          100 },
        { "make finished weights better", "with --init", 20000, 9, 9, 12, 0, 1, 1, 3 },
        { "louder than -100 dB", "settled", 20000, NAN, 0, 9, 0, 1, 1, 100 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        struct quality q[QUALITY_POINTS] = { { .snr = all[i].base } };
        struct metrics m[CHECKS];
        struct verdict v = { .m = m, .n = CHECKS, .quality = q, .minutes = all[i].minutes,
                             .codes = 1024, .preset = "default" };
        char *text;

        course(m, all[i].steps, all[i].from, all[i].to, all[i].slope, 1.0, all[i].checking,
               all[i].use);
        if (all[i].from == 9)
            m[0] = line(0, 0, 9, NAN, 1, NAN);
        text = verdict_text(&v);
        if (!strstr(text, all[i].word) || strstr(text, all[i].other))
            printf("expected \"%s\" without \"%s\" in: %s", all[i].word, all[i].other, text);
        check(strstr(text, all[i].word) && !strstr(text, all[i].other), "verdict", (double)i);
        g_free(text);
    }
}

/* --- Folders ----------------------------------------------------------------- */

static float pcm[TELU_RATE];

static void add(struct dataset *d, const char *name)
{
    d->clip[d->n++] = (struct clip){ .path = g_build_filename("/data/speech", name, NULL),
                                     .pcm = pcm, .n = TELU_RATE, .times = 1 };
}

static void forget(struct dataset *d)
{
    while (d->n)
        g_free(d->clip[--d->n].path);
}

static void test_folders(void)
{
    struct clip a[20], b[20];
    struct dataset train = { .dir = (char *)"/data/speech", .clip = a };
    struct dataset valid = { .dir = (char *)"/data/speech/", .clip = b };
    const struct telu_config cfg = tiny_config();
    struct telu_model *m = tiny_model(&cfg, 1);
    struct quality q[QUALITY_POINTS];
    struct folders f;

    wav_voice(pcm, TELU_RATE, 1);
    add(&train, "all/te/one/a.wav");
    add(&train, "all/te/one/b.wav");
    add(&train, "all/te/two/a.wav");
    add(&train, "all/tel/a.wav");
    add(&valid, "all/hi/a.wav");
    add(&valid, "all/te/three/a.wav");
    quality_measure(q, m, &valid, 1);          /* all files are the same */
    folders_measure(&f, m, &train, &valid);
    check(f.n == 3 && !f.left_out, "folders", f.n);
    check(f.n == 3 && !strcmp(f.folder[0].name, "te") && f.folder[0].files == 3 &&
          f.folder[0].checked == 1, "files of the largest folder", f.folder[0].files);
    check(f.n == 3 && !strcmp(f.folder[1].name, "hi") && !strcmp(f.folder[2].name, "tel"),
          "order of the folders", 0);
    for (int i = 0; i < f.n; i++)
        for (int k = 0; k < QUALITY_POINTS; k++)
            check(fabs(f.folder[i].q[k].snr - q[k].snr) < 1e-9, "SNR of a folder",
                  f.folder[i].q[k].snr);
    check(fabs(f.folder[0].minutes - 4 / 60.0) < 1e-6, "minutes of a folder", f.folder[0].minutes);
    folders_release(&f);

    forget(&train);
    forget(&valid);
    for (int i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof(name), "s%02d/x.wav", i);
        add(&train, name);
    }
    add(&valid, "alone.wav");
    folders_measure(&f, m, &train, &valid);
    check(f.n == FOLDERS_MOST && f.left_out == 5, "folders left out", f.left_out);
    check(f.n == FOLDERS_MOST && !strcmp(f.folder[0].name, "."), "files in no folder", 0);
    folders_release(&f);
    forget(&train);
    forget(&valid);
    telu_model_close(m);
}

static void test_differ(void)
{
    struct folder two[2] = { { .name = (char *)"te" }, { .name = (char *)"hi" } };
    struct folders f = { two, 2, 0 };
    struct quality q[QUALITY_POINTS] = { { .snr = 9 } };
    struct metrics m[CHECKS];
    const struct verdict v = { .m = m, .n = CHECKS, .quality = q, .minutes = 100, .codes = 64,
                               .folders = &f, .preset = "default" };
    char *text;

    course(m, 20000, 0, 9, 0, 1, 1, 1);
    two[0].q[FOLDER_FIGURE].snr = 12;
    two[1].q[FOLDER_FIGURE].snr = 5;
    text = verdict_text(&v);
    check(strstr(text, "Speakers differ") && strstr(text, "5.0 dB in hi and 12.0 dB in te"), text,
          0);
    g_free(text);
    two[1].q[FOLDER_FIGURE].snr = 10;
    text = verdict_text(&v);
    check(!strstr(text, "differ"), text, 0);
    g_free(text);
}

int main(void)
{
    test_checks();
    test_words();
    test_folders();
    test_differ();
    return failed;
}
