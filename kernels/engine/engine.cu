/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.cu - see engine.h: weights, slots and graphs of one model on one device. The
 * steps that the graphs are made of stand in live.h, what is sent there and back in requests.cuh.
 *
 * A run is a copy to the device, one graph, a copy back, and one wait. A graph is made for
 * a number of rows, at its first use; batches in between take the next larger one, in
 * which the rows too many idle. A very large batch goes in pieces, so that the host
 * gathers one while the device works on the one before. A very small one is not copied:
 * its graph begins by reading the question where the host has it, and writes the reply
 * there.
 */
#include "live.cuh"

#include "dct.cuh"
#include "requests.cuh"
#include "mdct.h"
#include "product.cuh"

#include <new>
#include <stdlib.h>
#include <string.h>
#include <vector>

#define BLAS_WORK (32u << 20)  /* as in backend_cuda.cu */
#define MOST      65536        /* packets of a batch */
#define CHUNKS    4096         /* of slots of a side */
#define CAREFUL   32           /* sizes up to here are powers of two */

struct graph {
    int rows, near;            /* near: of what is not copied */
    cudaGraphExec_t exec;
};

struct side {
    struct telu_live live;
    char **chunk;              /* on the device; the next is the host's copy */
    std::vector<char *> chunks;
    std::vector<int> free;     /* slots that nobody has */
    std::vector<char> fresh;   /* by slot: 1 until its first packet */
    std::vector<struct graph> graphs;
};

struct telu_engine {
    int device, most, failed;
    int rows;                  /* of a piece, at most */
    struct telu_cuda cuda;
    struct telu_ctx ctx;
    struct telu_model m;       /* its pointers are the device's */
    std::vector<void *> memory;        /* of the device, but for chunks */
    struct side side[2];
    char *request[2], *response[2];      /* pinned; pieces take turns */
    cudaEvent_t done[2];
};

/* --- Memory ------------------------------------------------------------------- */

static void *take(struct telu_engine *e, size_t bytes, const char *what)
{
    void *p = NULL;

    if (telu_cuda_check(cudaMalloc(&p, bytes), what))
        return NULL;
    e->memory.push_back(p);
    return p;
}

static int load_weights(struct telu_engine *e, const struct telu_model *m,
                        struct telu_live *live)
{
    const char *what = "weights on the device";
    char *arena = (char *)take(e, m->arena_bytes, what);
    struct telu_model *tables = arena ? (struct telu_model *)take(e, sizeof(*m), what) : NULL;
    const struct telu_config *c = &m->cfg;
    size_t all = (size_t)c->stages * c->codes * c->latent;
    float *added = tables ? (float *)take(e, all * sizeof(float), what) : NULL;

    live->m = &e->m;
    live->tables = tables;
    live->packed = arena;
    live->added = added;
    if (!added || !(live->wide = (char *)take(e, 3 * m->arena_bytes, what)) ||
        (live->x3 = product_wants_x3(e->device)) < 0 ||
        telu_live_load(&e->ctx, live, &e->m, m, arena))
        return -1;
    return telu_cuda_check(cudaMemcpyAsync(tables, &e->m, sizeof(e->m),
                                           cudaMemcpyHostToDevice, e->cuda.stream), what) ||
           telu_live_tabulate(&e->ctx, live, added) ? -1 : 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What both sides work in, one after the other. */
static int make_room(struct telu_engine *e, struct telu_live *l)
{
    const char *what = "memory for a batch";
    const struct telu_config *c = &e->m.cfg;
    size_t width = larger(c->enc_width, c->dec_width), rows = (size_t)e->rows;
    size_t input = larger(larger(c->expand * width, TELU_FEATURES), (size_t)c->latent);
    size_t hidden = larger(input, TELU_LTPF_SPAN);
    struct {
        float **at;
        size_t each;
    } arrays[] = {
        { &l->wave, TELU_WAVE }, { &l->c, TELU_COEFS }, { &l->base, TELU_COEFS },
        { &l->prediction, TELU_LTPF_SPAN }, { &l->confidence, 2 },
        { &l->latent, (size_t)c->latent }, { &l->sum, (size_t)c->latent },
        { &l->a, width }, { &l->b, width }, { &l->h, hidden },
    };

    for (auto &a : arrays)
        if (!(*a.at = (float *)take(e, rows * a.each * sizeof(float), what)))
            return -1;
    if (!(l->x = take(e, rows * input * 6, what)) ||
        !(l->row = (struct telu_row *)take(e, rows * sizeof(*l->row), what)) ||
        !(l->request = (char *)take(e, jobs_most_asked(e->rows), what)) ||
        !(l->response = (char *)take(e, jobs_most_answered(e->rows), what)))
        return -1;
    for (int half = 0; half < (e->most > e->rows ? 2 : 1); half++)
        if (telu_cuda_check(cudaMallocHost((void **)&e->request[half],
                                           jobs_most_asked(e->rows)), what) ||
            telu_cuda_check(cudaMallocHost((void **)&e->response[half], jobs_most_answered(e->rows)),
                            what) ||
            telu_cuda_check(cudaEventCreateWithFlags(&e->done[half],
                                                     cudaEventDisableTiming), what))
            return -1;
    return 0;
}

static int make_side(struct telu_engine *e, enum telu_side which)
{
    const struct telu_config *c = &e->m.cfg;
    struct side *s = &e->side[which];
    size_t enc = live_past(c, c->enc_width, c->enc_blocks);
    size_t dec = live_past(c, c->dec_width, c->dec_blocks);
    size_t floats = dec + (which == TELU_ENCODE ? enc : (size_t)c->latent);
    struct telu_slots *slots = &s->live.slots;

    s->chunk = (char **)take(e, CHUNKS * sizeof(*s->chunk), "streams");
    slots->chunk = s->chunk;
    slots->past = live_round(which == TELU_ENCODE ? sizeof(struct telu_enc_slot)
                                                  : sizeof(struct telu_dec_slot));
    slots->size = live_round(slots->past + floats * sizeof(float));
    return s->chunk ? 0 : -1;
}

/* --- Graphs ------------------------------------------------------------------- */

static int steps(struct telu_engine *e, enum telu_side which, int B, int near)
{
    struct telu_live live = e->side[which].live, *l = &live;
    struct telu_ctx *ctx = &e->ctx;

    if (near) {
        live.response = e->response[0];
        if (telu_live_zero_copy(ctx, l, e->request[0], jobs_most_asked(B)))
            return -1;
    }
    if (which == TELU_ENCODE)
        return telu_live_window(ctx, l, B) || telu_mdct_cuda(ctx, l->c, l->wave, B, 2) ||
               telu_live_encoder(ctx, l, B) || telu_live_search(ctx, l, B) ||
               telu_live_decoder(ctx, l, B) || telu_live_pack(ctx, l, B) ? -1 : 0;
    return telu_live_parse(ctx, l, B) || telu_live_lookup(ctx, l, B) ||
           telu_live_decoder(ctx, l, B) || telu_live_synthesis(ctx, l, B) ? -1 : 0;
}

/* Rows of the graph for n: powers of two, and further up four to the octave. */
static int rows_for(int n, int most)
{
    int rows = 1, by;

    while (rows < n)
        rows *= 2;
    if (rows > CAREFUL) {
        by = rows / 8;
        rows = (n + by - 1) / by * by;
    }
    return rows < most ? rows : most;
}

static cudaGraphExec_t graph_for(struct telu_engine *e, enum telu_side which, int n,
                                 int near)
{
    struct side *s = &e->side[which];
    struct graph g = { rows_for(n, e->rows), near, NULL };
    cudaGraph_t graph = NULL;
    int bad;

    for (const struct graph &have : s->graphs)
        if (have.rows == g.rows && have.near == near)
            return have.exec;
    if (telu_cuda_check(cudaStreamBeginCapture(e->cuda.stream,
                                               cudaStreamCaptureModeRelaxed),
                        "engine, graph"))
        return NULL;
    bad = steps(e, which, g.rows, near);
    if (telu_cuda_check(cudaStreamEndCapture(e->cuda.stream, &graph),
                        "engine, end of a graph") || bad)
        return NULL;
    bad = telu_cuda_check(cudaGraphInstantiate(&g.exec, graph, 0), "engine, graph");
    cudaGraphDestroy(graph);
    if (bad)
        return NULL;
    s->graphs.push_back(g);
    return g.exec;
}

/* Once without a graph and without a row that counts: what the libraries load at first
 * use is then there; and the graphs of a single stream. */
static int warm(struct telu_engine *e)
{
    struct telu_batch_head nothing = { 0, 0 };
    int many = e->rows < 2 * CAREFUL ? e->rows : 2 * CAREFUL;

    memcpy(e->request[0], &nothing, sizeof(nothing));
    for (int i = 0; i < 2; i++) {
        enum telu_side which = (enum telu_side)i;

        /* the first fetches the question, for the second too */
        if (steps(e, which, 1, 1) || steps(e, which, many, 0) || !graph_for(e, which, 1, 1))
            return -1;
    }
    return telu_cuda_check(cudaStreamSynchronize(e->cuda.stream), "engine, first run");
}

/* --- Opening and closing ------------------------------------------------------- */

static void engine_close(struct telu_engine *e)
{
    cudaSetDevice(e->device);
    if (e->cuda.stream)
        cudaStreamSynchronize(e->cuda.stream);
    for (struct side &s : e->side) {
        for (struct graph &g : s.graphs)
            cudaGraphExecDestroy(g.exec);
        for (char *chunk : s.chunks)
            cudaFree(chunk);
    }
    for (void *p : e->memory)
        cudaFree(p);
    for (int half = 0; half < 2; half++) {
        if (e->request[half])
            cudaFreeHost(e->request[half]);
        if (e->response[half])
            cudaFreeHost(e->response[half]);
        if (e->done[half])
            cudaEventDestroy(e->done[half]);
    }
    telu_cuda_free_scratch(&e->cuda);
    if (e->cuda.blas)
        cublasDestroy(e->cuda.blas);
    if (e->cuda.stream)
        cudaStreamDestroy(e->cuda.stream);
    cudaGetLastError();        /* of a device that has failed */
    delete e;
}

static int start(struct telu_engine *e, const struct telu_model *m)
{
    const char *what = "an engine";
    struct telu_live live = {};
    void *work;

    if (telu_cuda_check(cudaSetDevice(e->device), what) ||
        telu_cuda_check(cudaStreamCreateWithFlags(&e->cuda.stream, cudaStreamNonBlocking),
                        what) ||
        telu_cublas_check(cublasCreate(&e->cuda.blas), what) ||
        !(work = take(e, BLAS_WORK, what)) ||
        telu_cublas_check(cublasSetStream(e->cuda.blas, e->cuda.stream), what) ||
        telu_cublas_check(cublasSetWorkspace(e->cuda.blas, work, BLAS_WORK), what) ||
        telu_mdct_ready_cuda() || !(live.dct = telu_dct_table()) ||
        load_weights(e, m, &live) || make_room(e, &live))
        return -1;
    for (struct side &s : e->side)
        s.live = live;
    return make_side(e, TELU_ENCODE) || make_side(e, TELU_DECODE) || warm(e) ? -1 : 0;
}

static struct telu_engine *engine_open(const struct telu_model *m, int device, int most)
{
    struct telu_engine *e;
    int devices = 0;

    if (telu_cuda_check(cudaGetDeviceCount(&devices), "looking for a device"))
        return NULL;
    if (device < 0 || device >= devices) {
        telu_fail("There is no CUDA device %d: there are %d, counted from 0", device,
                  devices);
        return NULL;
    }
    if (most < 1 || most > MOST) {
        telu_fail("a batch of %d packets, expected 1 to %d", most, MOST);
        return NULL;
    }
    e = new (std::nothrow) telu_engine();
    if (!e) {
        telu_fail_status(TELU_ERR_NO_MEMORY, "no memory for an engine");
        return NULL;
    }
    e->device = device;
    e->most = most;
    e->rows = most < TELU_ENGINE_MAX_ROWS ? most : TELU_ENGINE_MAX_ROWS;
    e->ctx.be = &telu_backend_cuda;
    e->ctx.stream = &e->cuda;
    if (start(e, m)) {
        engine_close(e);
        return NULL;
    }
    return e;
}

/* --- Streams ------------------------------------------------------------------- */

/* TELU_CHUNK slots more. Who runs already does not notice. */
static int grow(struct telu_engine *e, struct side *s)
{
    const char *what = "memory for more streams";
    size_t at = s->chunks.size();
    void *p = NULL;

    if (at == CHUNKS)
        return telu_fail("%d streams are the most of an engine", CHUNKS * TELU_CHUNK);
    if (telu_cuda_check(cudaSetDevice(e->device), what) ||
        telu_cuda_check(cudaMalloc(&p, TELU_CHUNK * s->live.slots.size), what))
        return -1;
    if (telu_cuda_check(cudaMemcpyAsync(s->chunk + at, &p, sizeof(p), cudaMemcpyHostToDevice,
                                        e->cuda.stream), what) ||
        telu_cuda_check(cudaStreamSynchronize(e->cuda.stream), what)) {
        cudaFree(p);
        return -1;
    }
    s->chunks.push_back((char *)p);
    s->fresh.resize((at + 1) * TELU_CHUNK);
    for (int i = TELU_CHUNK - 1; i >= 0; i--)
        s->free.push_back((int)at * TELU_CHUNK + i);
    return 0;
}

static int slot_new(struct telu_engine *e, enum telu_side which)
{
    struct side *s = &e->side[which];
    int slot;

    if (e->failed)
        return telu_fail("the engine has failed");
    if (s->free.empty() && grow(e, s))
        return -1;
    slot = s->free.back();
    s->free.pop_back();
    s->fresh[slot] = 1;
    return slot;
}

static void slot_free(struct telu_engine *e, enum telu_side which, int slot)
{
    e->side[which].free.push_back(slot);
}

/* --- A batch -------------------------------------------------------------------- */

/* Hands a piece to the device; near: it is a whole batch, of the first half. */
static int begin(struct telu_engine *e, enum telu_side which, const struct telu_request *jobs,
                 int n, int half, int near)
{
    const struct telu_live *l = &e->side[which].live;
    const char *fresh = e->side[which].fresh.data();
    size_t answered, asked = jobs_ask(e->request[half], &answered, which, jobs, n, fresh);
    cudaGraphExec_t exec = graph_for(e, which, n, near);
    cudaStream_t stream = e->cuda.stream;

    if (!exec ||
        (!near && telu_cuda_check(cudaMemcpyAsync(l->request, e->request[half], asked,
                                                  cudaMemcpyHostToDevice, stream),
                                  "engine, input")) ||
        telu_cuda_check(cudaGraphLaunch(exec, stream), "engine") ||
        (!near && telu_cuda_check(cudaMemcpyAsync(e->response[half], l->response, answered,
                                                  cudaMemcpyDeviceToHost, stream),
                                  "engine, output")))
        return -1;
    return telu_cuda_check(cudaEventRecord(e->done[half], stream), "engine");
}

static int finish(struct telu_engine *e, enum telu_side which, struct telu_request *jobs,
                  int half)
{
    int n;

    if (telu_cuda_check(cudaEventSynchronize(e->done[half]), "engine"))
        return -1;
    n = jobs_answer(which, jobs, e->request[half], e->response[half]);
    for (int i = 0; i < n; i++)
        e->side[which].fresh[jobs[i].slot] = 0;
    return 0;
}

static int engine_run(struct telu_engine *e, enum telu_side which, struct telu_request *jobs,
                      int n)
{
    const int pieces = (n + e->rows - 1) / e->rows;
    int bad = 0;

    if (e->failed)
        return telu_fail("the engine has failed");
    if (n < 1 || n > e->most)
        return telu_fail("a batch of %d packets, expected 1 to %d", n, e->most);
    if (jobs_check(which, jobs, n, (int)e->side[which].fresh.size()))
        return -1;
    bad = telu_cuda_check(cudaSetDevice(e->device), "engine");
    /* Piece k begins before k - 1 is finished, and after k - 2 is. */
    for (int k = 0; k <= pieces && !bad; k++) {
        int at = k * e->rows;

        if (k < pieces)
            bad = begin(e, which, jobs + at, n - at < e->rows ? n - at : e->rows, k % 2,
                        n <= TELU_ENGINE_ZERO_COPY);
        if (k > 0 && !bad)
            bad = finish(e, which, jobs + at - e->rows, (k - 1) % 2);
    }
    e->failed = bad != 0;
    return bad;
}

extern "C" const struct telu_engine_ops telu_engine_cuda = {
    engine_open, engine_close, slot_new, slot_free, engine_run,
};
