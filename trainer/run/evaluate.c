/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* evaluate.c - see evaluate.h. */
#include "evaluate.h"

#include "memory.h"
#include "quality.h"

#include <math.h>
#include <stdlib.h>

#define LONGEST 1000           /* packets: 20 s bound the memory of a file */

const int evaluate_stages[EVALUATE_POINTS] = { 3, 6, 12, 16 };

struct sums {
    double n, x2, y, y2;
};

static void add(struct sums *s, const float *x, const float *y, long n)
{
    s->n += n;
    for (long i = 0; i < n; i++) {
        s->x2 += (double)x[i] * x[i];
        s->y += y[i];
        s->y2 += (double)y[i] * y[i];
    }
}

/* Marks the codes that the last forward pass of T packets chose. */
static void mark(const struct vq *v, int T, char *used)
{
    for (int s = 0; s < v->stages; s++)
        for (int t = 0; t < T; t++)
            used[s * v->codes + v->index[(size_t)s * v->rows + t]] = 1;
}

struct evaluation evaluate(struct trainer *t, const struct dataset *d, int files)
{
    int most = t->model->cfg.stages, step = d->n > files ? d->n / files : 1;
    struct evaluation e = { 0 };
    int codes = most * t->model->cfg.codes, n = 0;
    char *used = zeroed(codes);
    struct sums sums = { 0 };

    for (int i = 0; i < d->n; i += step) {
        const struct clip *c = &d->clip[i];
        int T = (int)(c->n / TELU_PACKET), samples, length;
        float *x, *grad;

        T = T > LONGEST ? LONGEST : T;
        samples = MODEL_COMPLETE(T);
        length = (2 * T + 1) * TELU_HOP;
        if (samples < LOSS_LONGEST)
            continue;
        x = floats(length);
        grad = floats(length);
        dataset_read(d, x, c->at - MODEL_LEAD, length);
        for (int k = 0; k < EVALUATE_POINTS; k++) {
            int stages = evaluate_stages[k] < most ? evaluate_stages[k] : most;

            model_forward(t->model, x, &stages, 1, T, 0.0f);
            e.snr[k] +=
                quality_snr(x + MODEL_LEAD, t->model->wave + MODEL_LEAD, samples);
        }
        struct loss_value v = loss_run(t->loss, grad, grad, grad, x + MODEL_LEAD,
                                       t->model->wave + MODEL_LEAD, 1, samples, length);
        e.loss.mel += v.mel;
        e.loss.cpx += v.cpx;
        e.loss.wave += v.wave;
        add(&sums, x + MODEL_LEAD, t->model->wave + MODEL_LEAD, samples);
        mark(t->model->vq, T, used);
        n++;
        free(x);
        free(grad);
    }
    n = n ? n : 1;
    for (int k = 0; k < EVALUATE_POINTS; k++)
        e.snr[k] /= n;
    e.loss.mel /= n;
    e.loss.cpx /= n;
    e.loss.wave /= n;
    for (int i = 0; i < codes; i++)
        e.use += (double)used[i] / codes;
    free(used);
    e.mean = sums.y / (sums.n + 1.0);
    e.level = sqrt((sums.y2 + 1e-9) / (sums.x2 + 1e-9));
    return e;
}
