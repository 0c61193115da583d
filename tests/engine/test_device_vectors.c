/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test_device_vectors.c - decodes the test vectors (vectors.h) by the engine of the module's device
 * to the CPU's samples, and encodes them anew to their bytes, in small and large batches:
 *
 *   test_device_vectors FOLDER MODEL=WEIGHTS ...      MODEL: tiny or te
 *
 * Exit status 77: no module or no device. */
#include "expect.h"
#include "module.h"
#include "vectors.h"

#include <string.h>

#define MOST   16              /* streams of a model, at most */
#define OTHERS 30              /* streams that make some batches large */
#define EVERY  30              /* packets from one large batch to the next */

static const struct telu_module *module;
static int compared;           /* streams */

/* One direction of all streams of a model. Slots from `count` on are the others'. */
struct side {
    const struct telu_engine_ops *ops;
    struct telu_engine *engine;
    enum telu_side which;
    int count, slot[MOST + OTHERS];
};

static void open_slots(struct side *s)
{
    for (int i = 0; i < s->count + OTHERS; i++) {
        s->slot[i] = s->ops->slot_new(s->engine, s->which);
        if (s->slot[i] < 0)
            vector_fail("a slot: %s", module->error());
    }
}

/* Runs packet p of all streams. The others take what the first one takes. */
static void run(const struct side *s, struct telu_request *requests, int p)
{
    static float pcm[OTHERS][TELU_PACKET];
    static uint8_t packet[OTHERS][TELU_MAX_PACKET];
    int n = s->count + (p % EVERY == 0 ? OTHERS : 0);

    for (int i = s->count; i < n; i++) {
        requests[i] = requests[0];
        if (s->which == TELU_DECODE)
            requests[i].pcm = pcm[i - s->count];
        else
            requests[i].packet = packet[i - s->count];
    }
    for (int i = 0; i < n; i++)
        requests[i].slot = s->slot[i];
    if (s->ops->run(s->engine, s->which, requests, n))
        vector_fail("packet %d: %s", p, module->error());
}

static void decode(struct side *s, const struct telu_model *m, struct vector_stream *const *want,
                   const char *const *name)
{
    static float y[MOST][VECTOR_SAMPLES], x[VECTOR_SAMPLES];
    char sum[65];

    s->which = TELU_DECODE;
    open_slots(s);
    for (int p = 0; p < VECTOR_PACKETS; p++) {
        struct telu_request requests[MOST + OTHERS] = { { 0 } };

        for (int i = 0; i < s->count; i++) {
            requests[i].packet = want[i]->packet[p];
            requests[i].bytes = want[i]->size[p];
            requests[i].pcm = y[i] + p * TELU_PACKET;
        }
        run(s, requests, p);
    }
    for (int i = 0; i < s->count; i++) {
        vector_decode(x, sum, m, want[i], 0);
        for (int k = 0; k < VECTOR_SAMPLES; k++)
            if (memcmp(&x[k], &y[i][k], sizeof(*x))) {
                printf("%s: ", name[i]);
                check(0, "a sample is not the CPU's, at", k);
                break;
            }
    }
}

static void encode(struct side *s, struct vector_stream *const *want, const char *const *name,
                   const struct telu_rate *rate, float *x)
{
    static uint8_t packet[MOST][TELU_MAX_PACKET];

    s->which = TELU_ENCODE;
    open_slots(s);
    for (int p = 0; p < VECTOR_PACKETS; p++) {
        struct telu_request requests[MOST + OTHERS] = { { 0 } };

        for (int i = 0; i < s->count; i++) {
            requests[i].rate = rate[i];
            requests[i].pcm = x + p * TELU_PACKET;
            requests[i].packet = packet[i];
        }
        run(s, requests, p);
        for (int i = 0; i < s->count; i++)
            if (requests[i].bytes != want[i]->size[p] ||
                memcmp(packet[i], want[i]->packet[p], (size_t)want[i]->size[p])) {
                printf("%s: ", name[i]);
                check(0, "other bytes than the vector's, packet", p);
            }
    }
}

static void check_model(const char *folder, const char *model, const char *weights)
{
    static struct vector_stream streams[MOST];
    static float x[VECTOR_SAMPLES];
    struct vector_stream *want[MOST];
    const char *name[MOST];
    struct telu_rate rate[MOST];
    struct side s = { module->engine, NULL, TELU_DECODE, 0, { 0 } };
    struct telu_model *m = telu_model_open(weights);
    char sum[65];

    if (!m)
        vector_fail("%s", weights);
    for (int i = 0; i < vector_count; i++)
        if (s.count < MOST && vector_of(vectors[i].name, model)) {
            want[s.count] = &streams[s.count];
            name[s.count] = vectors[i].name;
            rate[s.count] = vectors[i].rate;
            vector_read(want[s.count++], m, folder, vectors[i].name);
        }
    vector_sound(x, sum, m, folder, model);
    s.engine = s.ops->open(m, 0, MOST + OTHERS);
    if (!s.engine)
        vector_fail("an engine: %s", module->error());
    check(s.count > 0, "streams of a model", s.count);
    decode(&s, m, want, name);
    encode(&s, want, name, rate, x);
    compared += s.count;
    s.ops->close(s.engine);
    telu_model_close(m);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        printf("usage: test_device_vectors FOLDER MODEL=WEIGHTS ...\n");
        return 1;
    }
    module = telu_module_open(NULL);
    if (!module || !module->engine || module->devices() < 1) {
        printf("test_device_vectors: %s\n", module ? module->error() : telu_error());
        return 77;
    }
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (!equals)
            vector_fail("%s: expected MODEL=WEIGHTS", argv[i]);
        *equals = 0;
        check_model(argv[1], argv[i], equals + 1);
    }
    if (!failed)
        printf("device vectors: %d streams are the CPU's, bit for bit, both ways\n", compared);
    return failed;
}
