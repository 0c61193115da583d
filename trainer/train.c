/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* train.c - see train.h. */
#include "train.h"

#include "bar.h"
#include "snapshot.h"
#include "events.h"
#include "json_put.h"
#include "lines.h"
#include "log.h"
#include "parallel.h"
#include "schedule.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FILES 16               /* files of an epoch's check */
#define SAVE_EVERY 300.0       /* seconds */
#define TABLE_SECONDS 60       /* seconds of speech for a check's tables */
#define CHECK_SHARE 0.15       /* greatest share of the time for checks of the whole codec */
#define CURVE_STEPS 20         /* steps between two points of TensorBoard's curves, and the most
                                * between two reads of a device's results */
#define LOOK_EVERY 0.5         /* seconds between these reads with one rank */
#define SAME_STEPS 1000        /* steps between two comparisons of the ranks */

_Static_assert(CURVE_STEPS <= DEVICE_TRAINER_STEPS, "steps between two looks");

struct loop {
    struct run *r;
    struct events *events;
    struct bar bar;
    struct epoch e;
    long per_epoch;
    int stop;                  /* as all ranks have agreed */
    double begin, looked;      /* seconds, monotonic */
    double saved;              /* at which p.seconds */
    double checked;            /* when the whole codec was measured, p.seconds */
    double cost;               /* of that */
    double snr;                /* dB, of the network at the last check; NaN: there was none */
    double ended, toll;        /* the last end_epoch(): when, p.seconds; its cost */
};

static double now(void)
{
    return g_get_monotonic_time() * 1e-6;
}

long train_epoch_steps(const struct run *r)
{
    long batch = (long)r->t->T * TELU_PACKET * r->t->B * parallel_ranks();

    return (r->train.total + batch - 1) / batch;
}

/* Returns the progress 0 .. 1, by epochs or by the clock, whichever is further. */
static double done(const struct run *r, long per_epoch)
{
    double by_steps = r->p.step / ((double)per_epoch * r->o.num_epochs);
    double limit = 60.0 * r->o.time_limit;
    double by_time = limit > 0.0 ? r->p.seconds / limit : 0.0;

    return by_steps > by_time ? by_steps : by_time;
}

static double audio(const struct run *r)
{
    return (double)r->t->B * parallel_ranks() * r->t->T * TELU_PACKET / TELU_RATE;
}

/* Measures the whole codec after the first epoch, after the last, and between them as
 * often as its share of the time allows. */
static int check_codec(struct loop *l, struct quality *q)
{
    struct run *r = l->r;
    double since = now();
    struct snapshot b;
    struct telu_model *m;

    if (l->cost > 0.0 && done(r, l->per_epoch) < 1.0 &&
        r->p.seconds - l->checked < l->cost / CHECK_SHARE)
        return 0;
    /* Training at too high a rate leaves the bounds of the codec's numbers, and may come back. */
    if (snapshot_make(&b, r->t->model, &r->train, TABLE_SECONDS, 0)) {
        bar_clear(&l->bar);
        printf("the codec is not measured: %s\n", telu_error());
        return 0;
    }
    m = snapshot_model(&b, NULL);
    quality_measure(q, m, &r->valid, FILES);
    telu_model_close(m);
    snapshot_release(&b);
    l->cost = now() - since;
    l->checked = now() - l->begin;
    return 1;
}

/* Brings the state of the device, if there is one, to r->t. */
static void pull(const struct run *r)
{
    if (r->device)
        device_trainer_pull(r->device);
}

/* Exits when the ranks' states differ; called before every write, and every SAME_STEPS. */
static void compare(const struct run *r)
{
    char what[64];

    if (parallel_ranks() > 1)
        pull(r);
    snprintf(what, sizeof(what), "the weights after step %ld", r->p.step);
    parallel_compare(parallel_ranks() > 1 ? checkpoint_sum(r->t) : 0, what);
}

/* Rank 0 checks and writes. */
static void write_epoch(struct loop *l, double rate)
{
    struct run *r = l->r;
    struct evaluation v = evaluate(r->t, &r->valid, FILES);
    struct epoch_end at = { r->p.epoch, r->p.step, r->p.seconds / 60.0, rate,
                            audio(r) };
    struct quality q[QUALITY_POINTS];
    int measured = check_codec(l, q);
    double figure = 0.0;
    struct metrics m;

    bar_clear(&l->bar);
    epoch_print(&l->e, &at, &v, measured ? q : NULL, r->t);
    epoch_metrics(&m, &l->e, &at, &v, measured ? q : NULL, r->t);
    metrics_append(r->csv, &m);
    events_write(l->events, "epoch", &m, r->p.step);
    lines_metrics("epoch", &m);
    for (int k = 0; k < EVALUATE_POINTS; k++)
        figure += v.snr[k];
    l->snr = figure / EVALUATE_POINTS;
    if (figure > r->p.best) {
        r->p.best = figure;
        checkpoint_save(r->best, r->t, &r->p);
    }
}

/* Checks the weights that a run begins from, as epoch 0: best.ckpt is never worse than them. */
static void check_start(struct loop *l)
{
    if (!parallel_rank())
        write_epoch(l, 0.0);
    parallel_wait();
}

static void end_epoch(struct loop *l, double rate)
{
    double since = now(), toll;

    pull(l->r);
    compare(l->r);
    if (!parallel_rank())
        write_epoch(l, rate);
    vq_clear_use(l->r->t->model->vq);
    if (l->r->device)
        device_trainer_push(l->r->device);
    l->e = (struct epoch){ 0 };
    parallel_wait();
    toll = parallel_rank() ? 0.0 : now() - since;
    parallel_sum(&toll, 1);
    l->toll = toll;
    l->ended = l->r->p.seconds + toll;
}

/* Returns 1 when an epoch's end is due. A device may train an epoch faster than the CPU
 * checks it: several epochs then share a check, and a line of the log. */
static int end_is_due(const struct loop *l)
{
    const struct run *r = l->r;

    return !r->device || l->toll == 0.0 || done(r, l->per_epoch) >= 1.0 ||
           r->p.seconds - l->ended >= l->toll / CHECK_SHARE;
}

static void point(struct loop *l, const struct step_result *s, double rate)
{
    struct metrics m = { 0 };

    metrics_add(&m, s->loss.mel, "mel");
    metrics_add(&m, s->loss.cpx, "cpx");
    metrics_add(&m, s->loss.wave, "wave");
    metrics_add(&m, s->commit, "commit");
    metrics_add(&m, s->norm, "gradient");
    metrics_add(&m, rate, "rate");
    events_write(l->events, "step", &m, l->r->p.step);
}

/* Takes a step and returns its learning rate. A device begins the step and leaves *s. */
static double one_step(struct run *r, double progress, struct step_result *s)
{
    double rate = r->o.learning_rate * schedule_rate(r->p.step, progress);

    if (r->device) {
        device_trainer_step(r->device, (float)rate, schedule_decay(progress));
    } else {
        trainer_crop(r->t, &r->train);
        *s = trainer_step(r->t, (float)rate, schedule_decay(progress));
    }
    return rate;
}

/* Writes the results of finished steps to s, including the last step's, and returns their
 * number: 0 between two reads of a device. All ranks read at the same steps. */
static int results(struct loop *l, struct step_result s[DEVICE_TRAINER_STEPS])
{
    struct run *r = l->r;
    int one_rank = parallel_ranks() == 1;

    if (!r->device)
        return 1;
    if (r->p.step % CURVE_STEPS && r->p.step % l->per_epoch &&
        !(one_rank && (*r->stop || now() - l->looked > LOOK_EVERY)))
        return 0;
    l->looked = now();
    return device_trainer_results(r->device, s);
}

static void save(struct loop *l)
{
    pull(l->r);
    compare(l->r);
    if (!parallel_rank())
        checkpoint_save(l->r->last, l->r->t, &l->r->p);
    l->saved = l->r->p.seconds;
}

/* Gives all ranks the time of rank 0, a signal to any rank, and the mean of the losses. */
static void agree(struct loop *l, struct step_result *s)
{
    struct run *r = l->r;
    double time = parallel_rank() ? 0.0 : now() - l->begin;
    double word[] = { time, *r->stop, s->loss.mel, s->loss.cpx, s->loss.wave, s->commit };
    int ranks = parallel_ranks();

    parallel_sum(word, G_N_ELEMENTS(word));
    r->p.seconds = word[0];
    l->stop = word[1] > 0.0;
    s->loss = (struct loss_value){ word[2] / ranks, word[3] / ranks, word[4] / ranks };
    s->commit = word[5] / ranks;
}

static void prepare(struct loop *l)
{
    struct run *r = l->r;
    struct evaluation v = { 0 };
    struct epoch_end at = { 0 };
    struct metrics m;

    l->per_epoch = train_epoch_steps(r);
    l->begin = now() - r->p.seconds;
    l->saved = r->p.seconds;
    if (parallel_rank())
        return;
    epoch_metrics(&m, &l->e, &at, &v, NULL, r->t);
    metrics_prepare(r->csv, &m, r->p.step ? r->p.epoch : -1);
    l->events = events_new(r->folder);
}

int train(struct run *r)
{
    struct loop l = { .r = r, .snr = NAN };
    double progress;
    GString *line;

    prepare(&l);
    if (r->o.init && !r->p.step)
        check_start(&l);
    if (r->device)
        device_trainer_begin(r->device, &r->train);
    while (!l.stop && (progress = done(r, l.per_epoch)) < 1.0) {
        struct step_result s[DEVICE_TRAINER_STEPS];
        double since = now(), rate = one_step(r, progress, s);
        int n, ends;

        r->p.step++;
        n = results(&l, s);
        for (int i = 0; i < n; i++) {
            agree(&l, &s[i]);
            epoch_add(&l.e, &s[i]);
        }
        l.e.seconds += now() - since;
        if (!n)
            continue;
        bar_draw(&l.bar, &(struct bar_state){ r->p.epoch + 1, r->p.step, progress, r->p.seconds,
                 l.snr, s[n - 1].loss, l.e.steps * audio(r) / l.e.seconds });
        if (l.events && r->p.step % CURVE_STEPS == 0)
            point(&l, &s[n - 1], rate);
        if (r->p.step % SAME_STEPS == 0)
            compare(r);
        ends = r->p.step % l.per_epoch == 0 || done(r, l.per_epoch) >= 1.0;
        r->p.epoch += ends;
        if (ends && end_is_due(&l)) {
            if (done(r, l.per_epoch) >= 1.0)
                save(&l);              /* the checks take longer than a device's training */
            end_epoch(&l, rate);
            save(&l);
        } else if (r->p.seconds - l.saved > SAVE_EVERY) {
            save(&l);
        }
    }
    bar_clear(&l.bar);
    if (l.events)
        events_free(l.events);
    if (!l.stop)
        return 0;
    if (r->p.step)
        save(&l);
    printf("interrupted after step %ld; --resume goes on\n", r->p.step);
    line = lines_new("interrupted");
    if (line)
        json_put_int(line, "step", r->p.step);
    lines_end(line);
    return 1;
}

double train_time(struct run *r)
{
    const int steps = r->device ? 10 : 3;
    struct step_result s[DEVICE_TRAINER_STEPS];
    double since;

    if (r->device)
        device_trainer_begin(r->device, &r->train);
    one_step(r, 0.0, s);       /* the first ones allocate memory */
    one_step(r, 0.0, s);
    if (r->device)
        device_trainer_results(r->device, s);
    since = now();
    for (int i = 0; i < steps; i++)
        one_step(r, 0.0, s);
    if (r->device)
        device_trainer_results(r->device, s);
    return (now() - since) / steps;
}
