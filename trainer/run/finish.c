/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finish.c - see finish.h. */
#include "finish.h"

#include "snapshot.h"
#include "export.h"
#include "init.h"
#include "json_put.h"
#include "learn.h"
#include "lines.h"
#include "memory.h"
#include "report.h"
#include "tables.h"
#include "verdict.h"
#include "weights.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES 16
#define POSTNET_BATCH   4      /* pieces in a step of the post-network */
#define POSTNET_PACKETS 200    /* of a piece: 4 s */
#define POSTNET_RATE    1e-3   /* highest learning rate */

/* The text has no date or place, so the same run gives the same file. */
static char *training_text(const struct progress *p, const struct options *o,
                           const struct dataset *train)
{
    char now[sizeof(p->settings)];

    options_text(o, now, sizeof(now));
    return g_strdup_printf("%d files of %d speakers, %.2f hours; %ld steps, %d epochs, "
                           "%.0f minutes; %s", train->n, dataset_speakers(train),
                           train->samples / (3600.0 * TELU_RATE), p->step, p->epoch,
                           p->seconds / 60.0, *p->settings ? p->settings : now);
}

static void write_weights(const struct snapshot *b, const char *path, const char *training,
                          const struct options *o, char id[65])
{
    struct export_text texts[3] = { { "training", training } };
    int n = 1;

    if (o->licence)
        texts[n++] = (struct export_text){ "licence", o->licence };
    if (o->language)
        texts[n++] = (struct export_text){ "language", o->language };
    if (export_model(path, &b->cfg, &b->post, b->blobs, b->count, texts, n, id))
        die("%s", telu_error());
    printf("wrote %s, model id %s\n", path, id);
}

/* Trains the post-network, if that is wanted. Returns 1 when stopped. */
static int add_postnet(struct snapshot *b, const struct options *o, const struct dataset *train,
                       const struct result *r, const volatile sig_atomic_t *stop)
{
    char *init = o->init ? init_find(o->init) : NULL;
    char *checkpoint = g_strconcat(r->weights, ".postnet.ckpt", NULL);
    struct learning l = {
        .post = o->postnet_config, .steps = o->postnet, .batch = POSTNET_BATCH,
        .packets = POSTNET_PACKETS, .rate = POSTNET_RATE, .seed = o->seed, .init = init,
        .checkpoint = checkpoint, .stop = stop,
    };
    int stopped = 0;

    if (o->postnet)
        stopped = learn_postnet(b, train, &l);
    else if (init && init_has_postnet(init))
        printf("the post-network of %s, trained for that file's network, is left out: --postnet "
               "STEPS trains one\n", init);
    g_free(checkpoint);
    g_free(init);
    return stopped;
}

static void print_end(const struct result *r, const char *id, const char *verdict)
{
    GString *line = lines_new("end");
    char *weights = g_filename_display_name(r->weights);
    char *report = verdict ? g_filename_display_name(r->report) : NULL;

    if (line) {
        json_put_string(line, "weights", weights);
        json_put_string(line, "model_id", id);
    }
    if (line && verdict) {
        json_put_string(line, "report", report);
        json_put_string(line, "verdict", verdict);
    }
    lines_end(line);
    g_free(weights);
    g_free(report);
}

/* Judges the run and writes the page. */
static void write_report(const struct result *r, const struct report *of, const struct options *o,
                         const struct telu_model *m, const struct dataset *train,
                         const struct dataset *valid)
{
    struct report page = *of;
    struct folders folders;
    struct metrics *all = metrics_read(r->csv, &page.n);
    struct verdict v = { .m = all, .n = page.n, .quality = page.quality, .folders = &folders,
                         .minutes = train->samples / (60.0 * TELU_RATE), .preset = o->preset,
                         .codes = m->cfg.codes };
    char *verdict;

    folders_measure(&folders, m, train, valid);
    verdict = verdict_text(&v);
    page.verdict = verdict;
    page.folders = &folders;
    page.m = all;
    page.files = train->n + valid->n;
    page.left_out = train->left_out + valid->left_out;
    report_write(r->report, &page, m, &valid->clip[0]);
    printf("%swrote %s\n", verdict, r->report);
    print_end(r, page.model_id, verdict);
    g_free(verdict);
    folders_release(&folders);
    free(all);
}

/* A post-network alone leaves the packets of a finished file as they are; else the tables are
 * fitted to the speech. */
static void make_snapshot(struct snapshot *b, const struct trainer *t, const struct progress *p,
                          const struct options *o, const struct dataset *train)
{
    int left = 1;

    if (o->postnet && o->init && o->export_path && p->step == 0) {
        char *path = init_find(o->init);

        left = snapshot_keep(b, path);
        if (!left)
            printf("network and tables of %s stay: --postnet changes no packet\n", path);
        g_free(path);
    }
    if (left > 0) {
        printf("fitting the integer tables\n");
        fflush(stdout);
        left = snapshot_make(b, t->model, train, TABLES_SECONDS, o->export_path != NULL);
    }
    if (left)
        die("%s", telu_error());
}

void finish(const struct trainer *t, const struct progress *p, const struct options *o,
            const struct dataset *train, const struct dataset *valid,
            const struct result *r, const volatile sig_atomic_t *stop)
{
    char *training = training_text(p, o, train), id[65];
    struct quality q[QUALITY_POINTS];
    struct quality_layers layers;
    struct telu_model *m;
    struct snapshot b;

    make_snapshot(&b, t, p, o, train);
    if (add_postnet(&b, o, train, r, stop)) {
        snapshot_release(&b);
        g_free(training);
        return;
    }
    write_weights(&b, r->weights, training, o, id);
    m = snapshot_model(&b, id);
    quality_measure(q, m, valid, FILES);
    quality_print(q);
    lines_quality(q);
    quality_layers(&layers, m, b.blobs, b.count, valid);
    quality_print_layers(&layers);
    lines_layers(&layers);
    if (!r->report)
        print_end(r, id, NULL);
    else
        write_report(r, &(struct report){ .name = o->experiment_name, .training = training,
                     .model_id = id, .quality = q, .layers = &layers }, o, m, train, valid);
    telu_model_close(m);
    snapshot_release(&b);
    g_free(training);
}
