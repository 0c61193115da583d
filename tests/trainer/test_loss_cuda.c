/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_loss_cuda.c - compares the three losses and their gradients on the module's device
 * with the CPU's. It needs neither GLib nor a BLAS; TELUCODEC_BACKEND_PATH is the
 * module's folder. */
#include "expect.h"

#include "loss.h"
#include "memory.h"
#include "module.h"
#include "tiny_model.h"
#include "training.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS  2
#define STRIDE(T) ((2 * (T) + 1) * TELU_HOP)
#define LEAD   120
#define N(T)   (TELU_PACKET * (T) - TELU_DELAY)

/* The losses call die(); this one replaces the trainer's. */
void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    exit(1);
}

void *zeroed(size_t bytes)
{
    size_t size = (bytes + 127) / 64 * 64;
    void *p = aligned_alloc(64, size);

    if (!p)
        die("no memory\n");
    return memset(p, 0, size);
}

float *floats(size_t n)
{
    return zeroed(n * sizeof(float));
}

static const struct telu_module *open_module(void)
{
    const char *folder = getenv("TELUCODEC_BACKEND_PATH");
    char path[1024];
    telu_module_entry entry;
    const struct telu_module *m;
    void *library;

    snprintf(path, sizeof(path), "%s/%s", folder ? folder : ".", TELU_MODULE_FILE);
    library = dlopen(path, RTLD_NOW);
    if (!library) {
        printf("skipped: %s\n", dlerror());
        exit(77);
    }
    *(void **)&entry = dlsym(library, TELU_MODULE_ENTRY);
    m = entry ? entry(TELU_MODULE_ABI) : NULL;
    if (!m)
        die("%s is not a module of ABI %d\n", path, TELU_MODULE_ABI);
    if (m->devices() < 1) {
        printf("skipped: no device: %s\n", m->error());
        exit(77);
    }
    return m;
}

/* |a - b| / |b| */
static double apart(const float *a, const float *b, int T)
{
    double sum = 0.0, all = 1e-30;

    for (int i = 0; i < ITEMS; i++, a += STRIDE(T), b += STRIDE(T))
        for (int k = LEAD; k < LEAD + N(T); k++) {
            sum += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
            all += (double)b[k] * b[k];
        }
    return sqrt(sum / all);
}

/* y is x with another sound in it. A spectral difference as small as its rounding may
 * change its sign, and so that bin's gradient. */
static void compare(const struct telu_module *m, int T)
{
    static const char *const name[] = { "mel", "cpx", "wave" };
    const struct telu_training *tr = m->training;
    struct telu_config cfg = tiny_config();
    size_t n = (size_t)ITEMS * STRIDE(T);
    float *x = floats(n), *y = floats(n), *g[3], *want[3];
    struct loss *loss = loss_new();
    struct loss_value v;
    double value[3], cpu[3];
    void *t = tr->open(0, &cfg, ITEMS, T, TELU_TRAIN_FP32);

    if (!t)
        die("a trainer for %d packets: %s\n", T, m->error());
    tiny_speech(x, (int)n, 1);
    tiny_speech(y, (int)n, 2);
    for (size_t i = 0; i < n; i++)
        y[i] = 0.6f * x[i] + 0.3f * y[i];
    for (int i = 0; i < 3; i++) {
        g[i] = floats(n);
        want[i] = floats(n);
    }
    v = loss_run(loss, want[0] + LEAD, want[1] + LEAD, want[2] + LEAD, x + LEAD, y + LEAD,
                 ITEMS, N(T), STRIDE(T));
    cpu[0] = v.mel;
    cpu[1] = v.cpx;
    cpu[2] = v.wave;
    if (tr->loss(t, g[0], g[1], g[2], value, x, y))
        die("losses of %d packets: %s\n", T, m->error());
    for (int i = 0; i < 3; i++) {
        double far = apart(g[i], want[i], T);

        printf("%d packets, %s: %.9g, CPU %.9g, gradients %.2g apart\n", T, name[i],
               value[i], cpu[i], far);
        check(fabs(value[i] - cpu[i]) < 1e-5 * cpu[i], name[i], value[i]);
        check(far < (i == 2 ? 1e-5 : 5e-3), "its gradient is off by", far);
        free(g[i]);
        free(want[i]);
    }
    tr->close(t);
    loss_free(loss);
    free(x);
    free(y);
}

int main(void)
{
    const struct telu_module *m = open_module();

    compare(m, 4);
    compare(m, 11);
    if (!failed)
        printf("losses agree\n");
    return failed;
}
