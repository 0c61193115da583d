/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.c - see log.h. */
#include "log.h"

#include "memory.h"

#include <errno.h>
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

static void use(const struct vq *v, float *least, float *mean)
{
    float share[TELU_MAX_STAGES];

    vq_use(v, share);
    *least = 1.0f;
    *mean = 0.0f;
    for (int s = 0; s < v->stages; s++) {
        *least = share[s] < *least ? share[s] : *least;
        *mean += share[s] / v->stages;
    }
}

void epoch_log(const struct epoch *e, const struct evaluation *v, struct trainer *t,
               int number, long step, double minutes, double rate, double audio,
               const char *csv_path)
{
    double n = e->steps > e->skipped ? e->steps - e->skipped : 1;
    double speed = e->steps * audio / (e->seconds + 1e-9);
    const double *w = t->balance.norm;
    float least, mean;
    FILE *f;

    use(t->model->vq, &least, &mean);
    printf("epoch %d, step %ld, %.1f min: mel %.3f cpx %.4f wave %.3f commit %.3f, "
           "gradient %.2f, rate %.2g, %.0f s of speech/s, %ld steps skipped\n",
           number, step, minutes, e->loss.mel / n, e->loss.cpx / n, e->loss.wave / n,
           e->commit / n, e->norm / n, rate, speed, e->skipped);
    printf("    codes used %.0f %% (least %.0f %%), %u restarted; sizes of the "
           "gradients mel %.3g cpx %.3g wave %.3g\n", 100 * mean, 100 * least,
           t->model->vq->restarts, w[0], w[1], w[2]);
    printf("    check: SNR");
    for (int k = 0; k < EVALUATE_POINTS; k++)
        printf(" %.2f", v->snr[k]);
    printf(" dB with %d %d %d %d stages; mel %.3f cpx %.4f; output: mean %.5f, "
           "level %.3f\n", evaluate_stages[0], evaluate_stages[1], evaluate_stages[2],
           evaluate_stages[3], v->loss.mel, v->loss.cpx, v->mean, v->level);
    fflush(stdout);

    f = fopen(csv_path, "a");
    if (!f)
        die("%s: %s", csv_path, strerror(errno));
    if (ftell(f) == 0)
        fprintf(f, "epoch,step,minutes,mel,cpx,wave,commit,gradient,rate,speed,"
                "skipped,use_mean,use_least,snr_a,snr_b,snr_c,snr_d,valid_mel,"
                "valid_cpx,valid_wave,output_mean,output_level\n");
    fprintf(f, "%d,%ld,%.2f,%.5g,%.5g,%.5g,%.5g,%.5g,%.5g,%.4g,%ld,%.4f,%.4f,%.4f,"
            "%.4f,%.4f,%.4f,%.5g,%.5g,%.5g,%.6f,%.5f\n", number, step, minutes,
            e->loss.mel / n, e->loss.cpx / n, e->loss.wave / n, e->commit / n,
            e->norm / n, rate, speed, e->skipped, mean, least, v->snr[0], v->snr[1],
            v->snr[2], v->snr[3], v->loss.mel, v->loss.cpx, v->loss.wave, v->mean,
            v->level);
    fclose(f);
}
