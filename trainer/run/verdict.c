/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verdict.c - see verdict.h. */
#include "verdict.h"

#include "evaluate.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define CLEARLY 0.25           /* dB below the best check */
#define POOR 3.0               /* dB of the base layer at 3 kbit/s: it is hardly there */
#define RISING 0.15            /* dB in the last tenth of the checks */
#define FEW_STEPS 2000
#define LITTLE_SPEECH 10.0     /* minutes */
#define GAP 1.15               /* loss in checking to that in learning */
#define APART 4.0              /* dB between folders */

static double figure(const struct metrics *m)
{
    char name[24];
    double sum = 0.0;

    for (int k = 0; k < EVALUATE_POINTS; k++) {
        g_snprintf(name, sizeof(name), "net_snr_%d", evaluate_stages[k]);
        sum += metrics_get(m, name);
    }
    return sum / EVALUATE_POINTS;
}

int checks_of(struct checks *c, const struct metrics *m, int n)
{
    *c = (struct checks){ NAN, -INFINITY, NAN, 0, 0 };
    for (int i = 0; i < n; i++) {
        const int epoch = (int)metrics_get(&m[i], "epoch");

        c->last = figure(&m[i]);
        c->last_epoch = epoch;
        if (epoch == 0)
            c->start = c->last;
        if (c->last > c->best) {
            c->best = c->last;
            c->best_epoch = epoch;
        }
    }
    return isfinite(c->best);
}

int checks_fell(const struct checks *c)
{
    return !(c->last >= c->best - CLEARLY) || (isfinite(c->start) && !(c->last >= c->start));
}

/* --- In words --------------------------------------------------------------- */

static void say(GString *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(GString *s, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_string_append_vprintf(s, format, ap);
    va_end(ap);
    g_string_append_c(s, '\n');
}

/* Training at too high a rate, or for too long. */
static void say_fallen(GString *s, const struct checks *c)
{
    if (c->best_epoch == 0)
        say(s, "Training made it worse: the network's SNR was %.2f dB at the start and is %.2f dB "
            "after epoch %d. model.safetensors has the network of the start. Give a lower "
            "--learning_rate, or more speech.", c->start, c->last, c->last_epoch);
    else
        say(s, "Training made it worse from epoch %d on: the network's SNR was %.2f dB then and is "
            "%.2f dB after epoch %d. model.safetensors has the network of epoch %d. Give a lower "
            "--learning_rate, fewer epochs or more speech.", c->best_epoch, c->best, c->last,
            c->last_epoch, c->best_epoch);
}

/* Returns the SNR gained in the last tenth of the checks, at least one. */
static double rise(const struct verdict *v)
{
    int back = v->n / 10 > 1 ? v->n / 10 : 1;

    return v->n > back ? figure(&v->m[v->n - 1]) - figure(&v->m[v->n - 1 - back]) : 0.0;
}

/* Returns the number of signs that there is too little speech for so much training. */
static int short_of_speech(const struct verdict *v)
{
    const struct metrics *last = &v->m[v->n - 1];
    double least = INFINITY;

    for (int i = 0; i < v->n; i++)
        if (metrics_get(&v->m[i], "valid_mel") < least)
            least = metrics_get(&v->m[i], "valid_mel");
    return (v->minutes < LITTLE_SPEECH) + (metrics_get(last, "use_mean") < 0.5) +
           (metrics_get(last, "valid_mel") > GAP * metrics_get(last, "mel") &&
            metrics_get(last, "valid_mel") > 1.02 * least);
}

static void say_folders(GString *s, const struct folders *f)
{
    const struct folder *low = NULL, *high = NULL;

    for (int i = 0; i < f->n; i++) {
        const struct folder *at = &f->folder[i];

        if (!isfinite(at->q[FOLDER_FIGURE].snr))
            continue;
        if (!low || at->q[FOLDER_FIGURE].snr < low->q[FOLDER_FIGURE].snr)
            low = at;
        if (!high || at->q[FOLDER_FIGURE].snr > high->q[FOLDER_FIGURE].snr)
            high = at;
    }
    if (low && high->q[FOLDER_FIGURE].snr - low->q[FOLDER_FIGURE].snr > APART)
        say(s, "Speakers differ: the base layer at 8 kbit/s has %.1f dB in %s and %.1f dB in %s. "
            "Listen to %s: noise, echo and clipping look like that too. If it is clean, bring "
            "more speech like it.", low->q[FOLDER_FIGURE].snr, low->name,
            high->q[FOLDER_FIGURE].snr, high->name, low->name);
}

char *verdict_text(const struct verdict *v)
{
    const double base = fabs(v->quality[0].snr) < 0.05 ? 0.0 : v->quality[0].snr;
    GString *s = g_string_new(NULL);
    struct checks c;
    long steps;
    int poor, rising, scarce;

    if (!checks_of(&c, v->m, v->n)) {
        say(s, "There was no check to judge by.");
        return g_string_free(s, FALSE);
    }
    steps = (long)metrics_get(&v->m[v->n - 1], "step");
    poor = base < POOR;
    rising = rise(v) > RISING;
    scarce = short_of_speech(v);
    if (isnan(base))
        say(s, "Nothing could be measured: no file to check on is louder than -100 dB of full "
            "scale. Bring louder recordings.");
    if (checks_fell(&c))
        say_fallen(s, &c);
    else if (poor && steps < FEW_STEPS)
        say(s, "The base layer has %.1f dB at 3 kbit/s: this is what too little training looks "
            "like. %ld steps are few; train longer (more --num_epochs: 5000 steps are good), or "
            "begin from finished weights with --init.", base, steps);
    else if (poor)
        say(s, "The base layer has %.1f dB at 3 kbit/s after %ld steps: noisy recordings, a "
            "network too small (--preset %s), or too high a --learning_rate.", base, steps,
            v->preset);
    if ((scarce > 1 || (scarce && v->minutes < LITTLE_SPEECH)) && isfinite(c.start))
        say(s, "More speech is needed: %.1f minutes can hardly make finished weights better. Bring "
            "an hour of many speakers.", v->minutes);
    else if (scarce > 1 || (scarce && v->minutes < LITTLE_SPEECH))
        say(s, "More speech is needed: %.1f minutes do not teach %d codes a stage. Bring an hour "
            "of many speakers, or begin from finished weights with --init.", v->minutes, v->codes);
    else if (!checks_fell(&c) && rising && !poor)
        say(s, "Still improving: train longer. The last tenth of the checks gained %.2f dB; a new "
            "run with more --num_epochs spreads the learning rate over them.", rise(v));
    if (v->folders)
        say_folders(s, v->folders);
    if (!s->len)
        say(s, "Training has settled: the last checks gained less than %.2f dB. More of the same "
            "brings little; more speech or a larger --preset may.", RISING);
    return g_string_free(s, FALSE);
}
