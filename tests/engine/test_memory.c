/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_memory.c WEIGHTS - each allocation of a stream's set-up fails in turn: of a model from a
 * file, of an encoder, of a decoder, of a stream among those that share passes, and of one in a
 * batch, whose thread may fail as well.
 * Each time there is a reason, nothing leaks, and the next try succeeds. The linker's --wrap
 * gives this file the calls that libtelu makes. */
#include "error.h"
#include "expect.h"
#include "fake/engine.h"
#include "pass.h"
#include "tiny_model.h"

#include <errno.h>
#include <stdlib.h>

static long left = -1;         /* calls that succeed before one fails; -1: all do */
static long blocks;            /* that are allocated now */

/* Returns whether this call fails. */
static int fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *p);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *user);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *p);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *user);

static void *count(void *p)
{
    __atomic_add_fetch(&blocks, p != NULL, __ATOMIC_RELAXED);
    return p;
}

void *__wrap_malloc(size_t n)
{
    return count(fails() ? NULL : __real_malloc(n));
}

void *__wrap_calloc(size_t each, size_t n)
{
    return count(fails() ? NULL : __real_calloc(each, n));
}

void *__wrap_realloc(void *p, size_t n)
{
    void *more = fails() ? NULL : __real_realloc(p, n);

    return p ? more : count(more);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return count(fails() ? NULL : __real_aligned_alloc(align, n));
}

void __wrap_free(void *p)
{
    __atomic_sub_fetch(&blocks, p != NULL, __ATOMIC_RELAXED);
    __real_free(p);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *user)
{
    return fails() ? EAGAIN : __real_pthread_create(t, a, f, user);
}

/* --- The set-ups --------------------------------------------------------------- */

static const char *weights;
static struct telu_model *model;

static void *open_model(void) { return telu_model_open(weights); }
static void close_model(void *m) { telu_model_close(m); }
static void *new_encoder(void) { return telu_encoder_new(model, NULL); }
static void free_encoder(void *e) { telu_encoder_free(e); }
static void *new_decoder(void) { return telu_decoder_new(model, NULL); }
static void free_decoder(void *d) { telu_decoder_free(d); }
static void *join(void) { return telu_batch_add(&fake_module, model, 0, TELU_ENCODE, 0); }
static void leave(void *s) { telu_batch_remove(s); }
static void *share(void) { return telu_pass_add(model, TELU_ENCODE, 0); }
static void part(void *s) { telu_pass_remove(s); }

static void each_fails(const char *what, void *(*make)(void), void (*end)(void *), int at_least)
{
    const long before = blocks;
    void *made = NULL;
    int n = 0;

    for (; !made && n < 10000; n++) {
        telu_fail_status(TELU_OK, "none");
        left = n;
        made = make();
        left = left < 0 && made ? 0 : left;
        check(made || left < 0, "it fails before its allocation", n);
        check(made || telu_error_status() == TELU_ERR_NO_MEMORY ||
              (strstr(telu_error(), "thread") && strstr(telu_error(), strerror(EAGAIN))),
              telu_error(), telu_error_status());
        check(made || strstr(telu_error(), "no memory") || strstr(telu_error(), "no thread"),
              telu_error(), n);
        left = -1;
        if (!made)
            check(blocks == before, what, (double)(blocks - before));
        /* The next try is as if there had been none. */
        if (!made) {
            void *next = make();

            check(next != NULL, telu_error(), n);
            if (next)
                end(next);
            check(blocks == before, "blocks left by the next try", (double)(blocks - before));
        }
    }
    check(made != NULL, what, n);
    if (made)
        end(made);
    check(blocks == before, "blocks left at the end", (double)(blocks - before));
    check(n > at_least, "allocations", n - 1);
    printf("%s: %d allocations\n", what, n - 1);
}

int main(int argc, char **argv)
{
    struct telu_config cfg = tiny_config();

    if (argc != 2) {
        printf("usage: test_memory WEIGHTS\n");
        return 1;
    }
    weights = argv[1];
    fake_reset(&fake_control);
    model = tiny_model(&cfg, 3);
    check(model != NULL, telu_error(), 0);
    /* The first encoder and the first batch also choose a backend. */
    free_encoder(new_encoder());
    leave(join());
    each_fails("a model", open_model, close_model, 8);
    each_fails("an encoder", new_encoder, free_encoder, 2);
    each_fails("a decoder", new_decoder, free_decoder, 2);
    each_fails("a stream in a batch", join, leave, 5);
    each_fails("a stream on the CPU", share, part, 1);
    check(fake_control.engines == 0 && fake_control.slots == 0, "engines left",
          fake_control.engines);
    telu_model_close(model);
    return failed;
}
