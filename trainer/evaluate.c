/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* evaluate.c - see evaluate.h. */
#include "evaluate.h"

#include "memory.h"

#include <math.h>
#include <stdlib.h>

#define LONGEST 1000           /* packets: 20 s bound the memory that a file takes */

const int evaluate_stages[EVALUATE_POINTS] = { 3, 6, 12, 16 };

static double snr(const float *x, const float *y, long n)
{
    double signal = 1e-9, noise = 1e-9;

    for (long i = 0; i < n; i++) {
        signal += (double)x[i] * x[i];
        noise += (double)(x[i] - y[i]) * (x[i] - y[i]);
    }
    return 10.0 * log10(signal / noise);
}

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

struct evaluation evaluate(struct trainer *t, const struct dataset *d, int files)
{
    int most = t->model->cfg.stages, step = d->n > files ? d->n / files : 1;
    struct evaluation e = { 0 };
    struct sums sums = { 0 };
    int n = 0;

    for (int i = 0; i < d->n; i += step) {
        const struct clip *c = &d->clip[i];
        int T = (int)(c->n / TELU_PACKET), samples, room;
        float *x, *grad;

        T = T > LONGEST ? LONGEST : T;
        samples = MODEL_COMPLETE(T);
        room = (2 * T + 1) * TELU_HOP;
        if (samples < 1024)
            continue;
        x = floats(room);
        grad = floats(room);
        dataset_read(d, x, c->at - MODEL_LEAD, room);
        for (int k = 0; k < EVALUATE_POINTS; k++) {
            int stages = evaluate_stages[k] < most ? evaluate_stages[k] : most;

            model_forward(t->model, x, &stages, 1, T, 0.0f, NULL);
            e.snr[k] += snr(x + MODEL_LEAD, t->model->wave + MODEL_LEAD, samples);
        }
        struct loss_value v = loss_run(t->loss, grad, grad, grad, x + MODEL_LEAD,
                                       t->model->wave + MODEL_LEAD, 1, samples, room);
        e.loss.mel += v.mel;
        e.loss.cpx += v.cpx;
        e.loss.wave += v.wave;
        add(&sums, x + MODEL_LEAD, t->model->wave + MODEL_LEAD, samples);
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
    e.mean = sums.y / (sums.n + 1.0);
    e.level = sqrt((sums.y2 + 1e-9) / (sums.x2 + 1e-9));
    return e;
}

/* One file through packets and back. */
static double coded(struct telu_encoder *enc, struct telu_decoder *dec,
                    const struct clip *c)
{
    long packets = (c->n + TELU_DELAY + TELU_PACKET - 1) / TELU_PACKET;
    float *x = floats(packets * TELU_PACKET), *y = floats(packets * TELU_PACKET);
    uint8_t bytes[TELU_MAX_PACKET];
    double result = 0.0;

    for (long i = 0; i < c->n; i++)
        x[i] = c->pcm[i];
    telu_encoder_reset(enc);
    telu_decoder_reset(dec);
    for (long k = 0; k < packets; k++) {
        int n = telu_encode(enc, x + k * TELU_PACKET, bytes, sizeof(bytes));

        if (n < 0 || telu_decode(dec, bytes, n, y + k * TELU_PACKET) < 0)
            result = NAN;
    }
    result += snr(x, y + TELU_DELAY, c->n);
    free(x);
    free(y);
    return result;
}

double evaluate_codec(const struct telu_model *m, const struct dataset *d, int files)
{
    int step = d->n > files ? d->n / files : 1, n = 0;
    struct telu_encoder *enc = telu_encoder_new(m, NULL);
    struct telu_decoder *dec = telu_decoder_new(m, NULL);
    struct telu_rate rate = telu_rate_init();
    double sum = 0.0;

    if (!enc || !dec)
        die("%s", telu_error());
    rate.tune = TELU_SNR;
    telu_encoder_set(enc, &rate);
    for (int i = 0; i < d->n; i += step, n++)
        sum += coded(enc, dec, &d->clip[i]);
    telu_encoder_free(enc);
    telu_decoder_free(dec);
    return sum / n;
}
