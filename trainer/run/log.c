/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.c - see log.h. */
#include "log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void epoch_add(struct epoch *e, const struct step_result *r)
{
    e->steps++;
    if (!isfinite(r->norm)) {
        e->skipped++;
        return;
    }
    e->loss.mel += r->loss.mel;
    e->loss.cpx += r->loss.cpx;
    e->loss.wave += r->loss.wave;
    e->commit += r->commit;
    e->norm += r->norm;
}

/* Returns the number of steps in the sums, at least 1; NaN at the start, which has none. */
static double counted(const struct epoch *e)
{
    if (!e->steps)
        return NAN;
    return e->steps > e->skipped ? e->steps - e->skipped : 1;
}

static double speed(const struct epoch *e, const struct epoch_end *at)
{
    return e->steps * at->audio / (e->seconds + 1e-9);
}

static void use(const struct vq *v, float *share, float *least, float *mean)
{
    vq_use(v, share);
    *least = 1.0f;
    *mean = 0.0f;
    for (int s = 0; s < v->stages; s++) {
        *least = share[s] < *least ? share[s] : *least;
        *mean += share[s] / v->stages;
    }
}

static void print_steps(const struct epoch *e, const struct epoch_end *at,
                        const struct trainer *t)
{
    float share[TELU_MAX_STAGES], least, mean;
    const double *w = t->balance.norm;
    double n = counted(e);

    use(t->model->vq, share, &least, &mean);
    printf("epoch %d, step %ld, %.1f min: mel %.3f cpx %.4f wave %.3f commit %.3f, "
           "gradient %.2f, rate %.2g, %.0f s of speech/s, %ld steps skipped\n",
           at->number, at->step, at->minutes, e->loss.mel / n, e->loss.cpx / n,
           e->loss.wave / n, e->commit / n, e->norm / n, at->rate, speed(e, at),
           e->skipped);
    printf("    codes used, %%, by stage:");
    for (int s = 0; s < t->model->vq->stages; s++)
        printf(" %.0f", 100 * share[s]);
    printf("; %u restarted; sizes of the gradients mel %.3g cpx %.3g wave %.3g\n",
           t->model->vq->restarts, w[0], w[1], w[2]);
}

void epoch_print(const struct epoch *e, const struct epoch_end *at,
                 const struct evaluation *v, const struct quality *q,
                 const struct trainer *t)
{
    if (e->steps)
        print_steps(e, at, t);
    else
        printf("epoch 0, the start:\n");
    printf("    network: SNR");
    for (int k = 0; k < EVALUATE_POINTS; k++)
        printf(" %.2f", v->snr[k]);
    printf(" dB with %d %d %d %d stages; mel %.3f cpx %.4f; output: mean %.6f, "
           "std %.3f; codes used %.0f %%\n", evaluate_stages[0], evaluate_stages[1],
           evaluate_stages[2], evaluate_stages[3], v->loss.mel, v->loss.cpx, v->mean,
           v->level, 100 * v->use);
    fflush(stdout);
    if (q)
        quality_print(q);
}

void epoch_metrics(struct metrics *m, const struct epoch *e, const struct epoch_end *at,
                   const struct evaluation *v, const struct quality *q,
                   const struct trainer *t)
{
    struct quality none[QUALITY_POINTS];
    float share[TELU_MAX_STAGES], least, mean;
    double n = counted(e);

    use(t->model->vq, share, &least, &mean);
    m->n = 0;
    metrics_add(m, at->number, "epoch");
    metrics_add(m, at->step, "step");
    metrics_add(m, at->minutes, "minutes");
    metrics_add(m, e->loss.mel / n, "mel");
    metrics_add(m, e->loss.cpx / n, "cpx");
    metrics_add(m, e->loss.wave / n, "wave");
    metrics_add(m, e->commit / n, "commit");
    metrics_add(m, e->norm / n, "gradient");
    metrics_add(m, at->rate, "rate");
    metrics_add(m, e->steps ? speed(e, at) : NAN, "speed");
    metrics_add(m, e->skipped, "skipped");
    metrics_add(m, e->steps ? mean : NAN, "use_mean");
    metrics_add(m, e->steps ? least : NAN, "use_least");
    metrics_add(m, t->model->vq->restarts, "restarts");
    for (int s = 0; s < t->model->vq->stages; s++)
        metrics_add(m, e->steps ? share[s] : NAN, "use_%d", s + 1);
    for (int k = 0; k < EVALUATE_POINTS; k++)
        metrics_add(m, v->snr[k], "net_snr_%d", evaluate_stages[k]);
    metrics_add(m, v->loss.mel, "valid_mel");
    metrics_add(m, v->loss.cpx, "valid_cpx");
    metrics_add(m, v->loss.wave, "valid_wave");
    metrics_add(m, v->use, "valid_use");
    for (int i = 0; !q && i < QUALITY_POINTS; i++)
        none[i] = (struct quality){ NAN, NAN, NAN, NAN, NAN, NAN };
    quality_metrics(q ? q : none, m);
}
