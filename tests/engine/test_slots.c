/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_slots.c - properties of an engine that only the shim can show: calls of a run, freed
 * memory, a device that is full or fails; and many streams that come and go. The model has a
 * post-network. Any value of TELUCODEC_TEST_MODEL adds more streams than the device runs at a
 * time. */
#include "expect.h"
#include "module.h"
#include "shim_of.h"
#include "tiny_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST 48
#define MANY 300               /* slots: more than one allocation holds */
#define PLENTY ((size_t)1 << 34)

static const struct telu_module *module;
static const struct telu_engine_ops *ops;
static const struct shim *shim;
static const struct telu_model *model;
static float sound[MOST + 20][TELU_PACKET];

static struct telu_engine *engine(void)
{
    struct telu_engine *e = ops->open(model, 0, MOST);

    if (!e) {
        printf("test_slots: %s\n", module->error());
        exit(1);
    }
    return e;
}

/* n streams: their requests and buffers. */
struct batch {
    int n;
    struct telu_request requests[MOST];
    uint8_t packet[MOST][TELU_MAX_PACKET];
    float pcm[MOST][TELU_PACKET];
};

static void set_up(struct telu_engine *e, struct batch *b, enum telu_side side, int n)
{
    memset(b, 0, sizeof(*b));
    b->n = n;
    for (int i = 0; i < n; i++) {
        b->requests[i].slot = ops->slot_new(e, side);
        check(b->requests[i].slot >= 0, "a slot", b->requests[i].slot);
        b->requests[i].rate = telu_rate_init();
        b->requests[i].packet = b->packet[i];
        b->requests[i].pcm = b->pcm[i];
    }
}

/* Runs packet t of each; the decoder's packets are silence of the base layer. */
static int run(struct telu_engine *e, struct batch *b, enum telu_side side, int t)
{
    for (int i = 0; i < b->n; i++) {
        if (side == TELU_ENCODE)
            b->requests[i].pcm = sound[(i + t) % (MOST + 20)];
        else
            b->requests[i].bytes = 8;
    }
    return ops->run(e, side, b->requests, b->n);
}

/* Counts the calls of a batch of n in its steady state. */
static void test_costs(enum telu_side side, int n)
{
    struct telu_engine *e = engine();
    struct telu_shim_counts a, b;
    static struct batch batch;

    set_up(e, &batch, side, n);
    check(!run(e, &batch, side, 0), "a first run", n);
    shim->count(&a);
    for (int t = 1; t <= 5; t++)
        check(!run(e, &batch, side, t), "a run", t);
    shim->count(&b);
    check(b.graph_launches - a.graph_launches == 5, "graphs of 5 runs",
          (double)(b.graph_launches - a.graph_launches));
    check(b.launches == a.launches && b.library == a.library && b.graphs == a.graphs,
          "launches beside the graph", (double)(b.launches - a.launches));
    check(b.allocations == a.allocations && b.pinned == a.pinned && b.frees == a.frees,
          "allocations", (double)(b.allocations - a.allocations));
    check(b.copies - a.copies == (n > TELU_SMALL_ZERO_COPY ? 10 : 0), "copies of 5 runs",
          (double)(b.copies - a.copies));
    check(b.waits - a.waits == 5, "waits of 5 runs", (double)(b.waits - a.waits));
    printf("%s%s, batch of %d: %ld kernels, %.0f bytes copied a packet\n",
           side == TELU_ENCODE ? "encode" : "decode",
           model->post.blocks ? " with a post-network" : "", n,
           (b.graph_kernels - a.graph_kernels) / 5, (double)(b.copied - a.copied) / 5 / n);
    ops->close(e);
}

/* Opens the engine in varying memory until that succeeds. Failures must free everything. */
static void test_memory(void)
{
    struct telu_shim_counts before, after;
    struct telu_engine *e = NULL;
    int tries = 0;

    shim->count(&before);
    for (size_t size = 1000; !e && size < PLENTY; size += size / 2, tries++) {
        shim->set_memory((size_t)before.alive + size);
        e = ops->open(model, 0, MOST);
        check(e || module->status() == TELU_ERR_NO_MEMORY, module->error(), (double)size);
    }
    shim->set_memory(PLENTY);
    check(e && tries > 5, "tries until there was an engine", tries);
    if (e)
        ops->close(e);
    shim->count(&after);
    check(after.alive == before.alive && after.alive_pinned == before.alive_pinned,
          "bytes left behind", (double)(after.alive - before.alive));
    check(!ops->open(model, 7, MOST) && strstr(module->error(), "7"), "device 7", 7);
    check(!ops->open(model, -1, MOST), "device -1", -1);
    check(!ops->open(model, 0, 0) && !ops->open(model, 0, 1 << 20), "batches of 0", 0);
}

/* Checks that a full device refuses a stream and keeps running the others. */
static void test_full(void)
{
    struct telu_engine *e = engine();
    struct telu_shim_counts now;
    static struct batch b;
    int more = 0;

    set_up(e, &b, TELU_ENCODE, 3);
    check(!run(e, &b, TELU_ENCODE, 0), "a run", 0);
    shim->count(&now);
    shim->set_memory((size_t)now.alive);
    while (ops->slot_new(e, TELU_ENCODE) >= 0 && more < MANY)
        more++;
    check(more < MANY && module->status() == TELU_ERR_NO_MEMORY, module->error(), more);
    check(!run(e, &b, TELU_ENCODE, 1), "a run in a full device", 1);
    shim->set_memory(PLENTY);
    check(ops->slot_new(e, TELU_ENCODE) >= 0, "a slot, with memory again", 0);
    ops->close(e);
}

/* Checks that a sticky fault leaves the requests' buffers unchanged. */
static void test_fault(enum telu_side side)
{
    struct telu_engine *e = engine();
    static struct batch b, was;

    set_up(e, &b, side, 5);
    check(!run(e, &b, side, 0), "a run", 0);
    memset(b.packet, 77, sizeof(b.packet));
    for (int i = 0; i < 5; i++)
        b.requests[i].info.stages = b.requests[i].result = 99;
    was = b;
    shim->fault_after(0);
    check(run(e, &b, side, 1) == -1, "a run that fails", 0);
    check(strstr(module->error(), "illegal") != NULL, module->error(), 0);
    check(!memcmp(b.packet, was.packet, sizeof(b.packet)) &&
          !memcmp(b.pcm, was.pcm, sizeof(b.pcm)), "a failed run wrote, side", side);
    for (int i = 0; i < 5; i++)
        check(b.requests[i].info.stages == 99 && b.requests[i].result == 99, "a failed request", i);
    check(run(e, &b, side, 2) == -1 && ops->slot_new(e, side) == -1, "a dead engine", 0);
    shim->fault_after(-1);
    shim->reset();
    ops->close(e);
}

/* A stream's slot and codec on each side. */
struct stream {
    int slot[2];
    struct telu_encoder *e;
    struct telu_decoder *d;
};

/* Decodes the batch's packets, of which some are lost, on device and CPU. Returns the largest
 * difference. */
static double decode_batch(struct telu_engine *e, struct batch *b, const struct stream *s,
                           int next, uint32_t *seed)
{
    float want[TELU_PACKET];
    float worst = 0;               /* in double gcc 12 for arm64 ends with an internal error */

    for (int i = 0; i < b->n; i++) {
        struct telu_request *j = &b->requests[i];

        j->slot = s[(next + i) % MANY].slot[TELU_DECODE];
        j->pcm = b->pcm[i];
        if (tiny_random(seed) < 0.1)
            j->packet = NULL;
    }
    check(!ops->run(e, TELU_DECODE, b->requests, b->n), "decoding", b->n);
    for (int i = 0; i < b->n; i++) {
        struct telu_decoder *d = s[(next + i) % MANY].d;

        if (b->requests[i].packet)
            telu_decode(d, b->packet[i], (size_t)b->requests[i].bytes, want);
        else
            telu_conceal(d, want);
        for (int k = 0; k < TELU_PACKET; k++)
            worst = fmaxf(worst, fabsf(want[k] - b->pcm[i][k]));
    }
    return worst;
}

/* Adds and removes streams and runs some of them: each must sound like a stream alone. */
static void test_add_and_remove(void)
{
    struct telu_engine *e = engine();
    static struct stream s[MANY];
    static int owner[2][4 * MANY];
    int next = 0, others = 0;
    double worst = 0.0;
    uint32_t seed = 5;
    struct batch *b = calloc(1, sizeof(*b));

    memset(owner, 255, sizeof(owner));
    for (int t = 0; t < 40; t++) {
        /* Some streams end, and others reuse their slots. */
        for (int i = 0; i < MANY; i++) {
            if (s[i].e && (t < 2 || tiny_random(&seed) > 0.1))
                continue;
            for (int side = 0; side < 2; side++) {
                if (s[i].e) {
                    ops->slot_free(e, (enum telu_side)side, s[i].slot[side]);
                    owner[side][s[i].slot[side]] = -1;
                }
                s[i].slot[side] = ops->slot_new(e, (enum telu_side)side);
                if (s[i].slot[side] < 0 || s[i].slot[side] >= 4 * MANY ||
                    owner[side][s[i].slot[side]] >= 0) {
                    check(0, "a slot that is none, or another's", s[i].slot[side]);
                    exit(1);
                }
                owner[side][s[i].slot[side]] = i;
            }
            telu_encoder_free(s[i].e);
            telu_decoder_free(s[i].d);
            s[i].e = telu_encoder_new(model, NULL);
            s[i].d = telu_decoder_new(model, NULL);
            if (!s[i].e || !s[i].d) {
                check(0, telu_error(), i);
                exit(1);
            }
        }
        b->n = 1 + (int)(tiny_random(&seed) * MOST);
        for (int i = 0; i < b->n; i++) {
            struct telu_request *j = &b->requests[i];

            memset(j, 0, sizeof(*j));
            j->slot = s[(next + i) % MANY].slot[TELU_ENCODE];
            j->rate = telu_rate_init();
            j->pcm = sound[(t + i) % (MOST + 20)];
            j->packet = b->packet[i];
        }
        check(!ops->run(e, TELU_ENCODE, b->requests, b->n), "a run", t);
        for (int i = 0; i < b->n; i++) {
            uint8_t packet[TELU_MAX_PACKET];
            int n = telu_encode(s[(next + i) % MANY].e, b->requests[i].pcm, packet,
                                sizeof(packet));

            others += n != b->requests[i].bytes || memcmp(packet, b->packet[i], (size_t)n);
        }
        worst = fmax(worst, decode_batch(e, b, s, next, &seed));
        next = (next + b->n) % MANY;
    }
    check(others < 10, "packets unlike those of the CPU", others);
    check(worst < 1e-4, "sound differs, in slots used before, by", worst);
    for (int i = 0; i < MANY; i++) {
        telu_encoder_free(s[i].e);
        telu_decoder_free(s[i].d);
    }
    free(b);
    ops->close(e);
}

/* Runs more streams than the device takes at a time, with a minimal network. */
static void test_more_than_one_run(void)
{
    const struct telu_config c = { .enc_width = 4, .enc_blocks = 1, .dec_width = 4,
        .dec_blocks = 1, .kernel = 3, .expand = 1, .latent = 4, .stages = 2, .codes = 8,
        .dim = { 2, 2 } };
    struct telu_model *m = tiny_model(&c, 4);
    const int n = 2 * TELU_ENGINE_MAX_ROWS + 5;
    struct telu_engine *e = m ? ops->open(m, 0, n) : NULL;
    struct telu_request *requests = calloc((size_t)n, sizeof(*requests));
    uint8_t (*packet)[TELU_MAX_PACKET] = calloc((size_t)n, sizeof(*packet));
    float (*pcm)[TELU_PACKET] = calloc((size_t)n, sizeof(*pcm)), want[TELU_PACKET];
    int other = 0;
    double worst = 0.0;

    if (!m || !e || !requests || !packet || !pcm) {
        check(0, m ? module->error() : telu_error(), n);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        requests[i].slot = ops->slot_new(e, TELU_ENCODE);
        requests[i].rate = telu_rate_init();
        requests[i].pcm = sound[i % (MOST + 20)];
        requests[i].packet = packet[i];
    }
    check(!ops->run(e, TELU_ENCODE, requests, n), "encoding in pieces", n);
    for (int i = 0; i < n; i++) {
        struct telu_encoder *own = telu_encoder_new(m, NULL);
        uint8_t p[TELU_MAX_PACKET];
        int bytes = telu_encode(own, requests[i].pcm, p, sizeof(p));

        other += bytes != requests[i].bytes || memcmp(p, packet[i], (size_t)bytes);
        telu_encoder_free(own);
        requests[i].slot = ops->slot_new(e, TELU_DECODE);
        requests[i].pcm = pcm[i];
    }
    check(other * 50 < n, "packets unlike those of the CPU, in pieces", other);
    check(!ops->run(e, TELU_DECODE, requests, n), "decoding in pieces", n);
    for (int i = 0; i < n; i++) {
        struct telu_decoder *own = telu_decoder_new(m, NULL);

        telu_decode(own, packet[i], (size_t)requests[i].bytes, want);
        for (int k = 0; k < TELU_PACKET; k++)
            worst = fabs(want[k] - pcm[i][k]) > worst ? fabs(want[k] - pcm[i][k]) : worst;
        telu_decoder_free(own);
    }
    check(worst < 1e-4, "sound differs, in pieces, by", worst);
    ops->close(e);
    telu_model_close(m);
    free(requests);
    free(packet);
    free(pcm);
}

int main(void)
{
    struct telu_shim_counts before, after;
    struct telu_config c = tiny_config();
    const struct telu_postnet_config post = { 56, 3 };
    struct telu_model *plain, *with_post;

    module = telu_module_open(NULL);
    shim = module ? shim_of_module() : NULL;
    if (!module || !module->engine || module->devices() < 1 || !shim) {
        printf("test_slots: %s\n", !module ? telu_error() : shim ? module->error() :
               "this needs cuda-on-cpu");
        return 77;
    }
    ops = module->engine;
    model = plain = tiny_model(&c, 3);
    with_post = tiny_model_postnet(&c, &post, 3);
    if (!plain || !with_post) {
        printf("test_slots: %s\n", telu_error());
        return 1;
    }
    tiny_speech(sound[0], (MOST + 20) * TELU_PACKET, 9);
    ops->close(engine());      /* makes the allocations of once per device */
    shim->count(&before);
    test_costs(TELU_ENCODE, 1);
    test_costs(TELU_DECODE, 1);
    test_costs(TELU_ENCODE, 45);
    test_costs(TELU_DECODE, 45);
    model = with_post;
    test_costs(TELU_DECODE, 1);
    test_costs(TELU_DECODE, 45);
    test_memory();
    test_full();
    test_add_and_remove();
    if (getenv("TELUCODEC_TEST_MODEL"))  /* slow, so only in one of the runs */
        test_more_than_one_run();
    shim->count(&after);
    check(after.alive == before.alive && after.alive_pinned == before.alive_pinned,
          "bytes left behind by all", (double)(after.alive - before.alive));
    test_fault(TELU_ENCODE);
    test_fault(TELU_DECODE);
    telu_model_close(plain);
    telu_model_close(with_post);
    return failed;
}
