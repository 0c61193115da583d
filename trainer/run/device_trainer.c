/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device_trainer.c - see device_trainer.h. */
#include "device_trainer.h"

#include "prefetcher.h"
#include "device_comm.h"
#include "memory.h"
#include "module.h"
#include "parallel.h"
#include "training.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PREFETCHER_BATCHES == TELU_TRAIN_STAGING, "a batch to each staging buffer");
_Static_assert(DEVICE_TRAINER_STEPS == TELU_TRAIN_RESULTS, "results that a device keeps");

struct device_trainer {
    const struct telu_module *module;
    const struct telu_training *ops;
    void *t;                   /* the module's trainer */
    void *comm;                /* NULL: one rank */
    struct trainer *host;
    struct prefetcher *prefetcher;
    struct rng rng;            /* after the batch of the last step */
};

static int bf16(const struct options *o)
{
    return !strcmp(o->precision, "bf16");
}

/* Returns 1 when this program runs from the build tree, which then holds its module. */
static int built_here(void)
{
    char *self = g_file_read_link("/proc/self/exe", NULL);
    int here = self && g_str_has_prefix(self, TELU_TRAINER_BUILD "/");

    g_free(self);
    return here;
}

/* Returns NULL, and the reason in *why, when there is no device to train on. */
static const struct telu_module *find_module(const char **why)
{
    const struct telu_module *m =
        telu_module_open(built_here() ? TELU_MODULE_BUILD : NULL);

    *why = telu_error();
    if (m && (!m->training || m->devices() < 1)) {
        *why = m->training ? m->error() : "its module cannot train";
        return NULL;
    }
    return m;
}

/* Exits unless all ranks train on the CPU, or all on devices. */
static void check_ranks(int found)
{
    double with = found;

    parallel_sum(&with, 1);
    if (with > 0.0 && with < parallel_ranks())
        die("%.0f of %d ranks have a device to train on: give all of them one, or "
            "--device cpu", with, parallel_ranks());
}

static const struct telu_module *choose(const struct options *o)
{
    const struct telu_module *m = NULL;
    const char *why = "--device says so";

    if (strcmp(o->device, "cpu"))
        m = find_module(&why);
    if (!m && !strcmp(o->device, "cuda"))
        die("--device is cuda, but there is none: %s", why);
    if (!m && bf16(o))
        die("--precision is bf16, which the CPU does not train in: %s", why);
    if (!m)
        printf("training on the CPU: %s\n", why);
    check_ranks(m != NULL);
    return m;
}

static void check(const struct device_trainer *c, int bad)
{
    if (bad)
        die("%s; the checkpoint that was written last is whole", c->module->error());
}

static void open_trainer(struct device_trainer *c, const struct options *o)
{
    int device = device_comm_device(c->module->devices());
    struct trainer *t = c->host;
    char name[128] = "a device";

    c->module->describe(device, name, sizeof(name));
    c->t = c->ops->open(device, &t->model->cfg, t->B, t->T,
                        bf16(o) ? TELU_TRAIN_BF16 : TELU_TRAIN_FP32);
    if (!c->t)
        die("%s: %s", name, c->module->error());
    c->comm = device_comm_new(c->module->ranks, device, c->module->error);
    if (c->comm)
        check(c, c->ops->reduce(c->t, c->module->ranks->sum, c->comm, t->reduce->rank,
                                t->reduce->ranks));
    printf("training on %s, %s\n", name, o->precision);
}

struct device_trainer *device_trainer_new(const struct options *o, struct trainer *t)
{
    const struct telu_module *m = choose(o);
    struct device_trainer *c;

    if (!m)
        return NULL;
    c = zeroed(sizeof(*c));
    c->module = m;
    c->ops = m->training;
    c->host = t;
    open_trainer(c, o);
    free(t->x);
    t->x = NULL;
    for (int i = 0; i < BALANCE_TERMS; i++) {
        free(t->grad[i]);
        t->grad[i] = NULL;
    }
    return c;
}

void device_trainer_free(struct device_trainer *c)
{
    if (!c)
        return;
    prefetcher_free(c->prefetcher);
    c->ops->close(c->t);
    if (c->comm)
        c->module->ranks->close(c->comm);
    free(c);
}

void device_trainer_begin(struct device_trainer *c, const struct dataset *data)
{
    prefetcher_free(c->prefetcher);
    device_trainer_push(c);
    c->rng = c->host->rng;
    c->prefetcher = prefetcher_new(c->host, data, c->ops->staging, c->t, c->module->error);
}

void device_trainer_step(struct device_trainer *c, float rate, float decay)
{
    const struct prefetcher_batch *b = prefetcher_take(c->prefetcher);

    check(c, c->ops->step(c->t, b->which, b->stages, rate, decay));
    c->rng = b->after;
    prefetcher_used(c->prefetcher);
}

int device_trainer_results(struct device_trainer *c,
                           struct step_result r[DEVICE_TRAINER_STEPS])
{
    struct telu_train_result all[DEVICE_TRAINER_STEPS];
    int n = c->ops->results(c->t, all, DEVICE_TRAINER_STEPS);

    check(c, n < 0);
    for (int i = 0; i < n; i++)
        r[i] = (struct step_result){ { all[i].mel, all[i].cpx, all[i].wave },
                                     all[i].commit, all[i].norm };
    return n;
}

void device_trainer_pull(struct device_trainer *c)
{
    struct telu_train_state s = trainer_state(c->host);

    check(c, c->ops->get(c->t, &s));
    trainer_set_values(c->host, &s);
    c->host->rng = c->rng;
}

void device_trainer_push(struct device_trainer *c)
{
    struct telu_train_state s = trainer_state(c->host);

    check(c, c->ops->put(c->t, &s));
}
