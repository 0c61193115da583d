/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.cu - see engine.h: owns weights, slots and graphs of one model on one device. Graphs
 * consist of the steps in live.h; requests.cuh lays out requests and responses.
 *
 * A run copies the request to the device, launches one graph, copies the response back and
 * waits once. A graph for a number of rows is captured at first use; other batches take the
 * next larger graph, whose surplus rows idle. A batch above TELU_ENGINE_MAX_ROWS runs in
 * pieces, so that the host prepares one piece while the device runs the one before. A batch
 * up to TELU_SMALL_ZERO_COPY is not copied: its graph reads and writes pinned host memory.
 */
#include "live.cuh"

#include "dct.cuh"
#include "requests.cuh"
#include "mdct.h"

#include <new>
#include <stdlib.h>
#include <string.h>
#include <vector>

#define BLAS_WORK  (32u << 20) /* as in backend_cuda.cu */
#define MAX_BATCH  65536       /* packets per batch */
#define MAX_CHUNKS 4096        /* of slots, per side */
#define LEAST_CAPABILITY 75    /* of a device, times ten */

struct graph {
    int rows, zero_copy;
    cudaGraphExec_t exec;
};

struct side {
    struct telu_live live;
    char **chunk;              /* on the device */
    std::vector<char *> chunks;        /* the same on the host */
    std::vector<int> free;     /* unused slots */
    std::vector<char> fresh;   /* by slot: 1 until its first packet */
    std::vector<struct graph> graphs;
};

struct telu_engine {
    int device, most, failed;
    int rows;                  /* per piece, at most */
    struct telu_cuda cuda;
    struct telu_ctx ctx;
    struct telu_model m;       /* its pointers are the device's */
    std::vector<void *> memory;        /* on the device, except chunks */
    struct side side[2];
    char *request[2], *response[2];    /* pinned; pieces alternate between the halves */
    cudaEvent_t done[2];
};

/* --- Memory ------------------------------------------------------------------- */

static void *alloc_device(struct telu_engine *e, size_t bytes, const char *what)
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
    char *arena = (char *)alloc_device(e, m->arena_bytes, what);
    struct telu_model *tables =
        arena ? (struct telu_model *)alloc_device(e, sizeof(*m), what) : NULL;
    const struct telu_config *c = &m->cfg;
    size_t all = (size_t)c->stages * c->codes * c->latent;
    float *codes = tables ? (float *)alloc_device(e, all * sizeof(float), what) : NULL;

    live->m = &e->m;
    live->tables = tables;
    live->arena = arena;
    live->code_latents = codes;
    if (!codes || !(live->unpacked = (char *)alloc_device(e, 2 * m->arena_bytes, what)) ||
        telu_live_load(&e->ctx, live, &e->m, m, arena))
        return -1;
    return telu_cuda_check(cudaMemcpyAsync(tables, &e->m, sizeof(e->m),
                                           cudaMemcpyHostToDevice, e->cuda.stream), what) ||
           telu_live_code_table(&e->ctx, live, codes) ? -1 : 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Scratch memory of a batch, shared by both sides. */
static int alloc_scratch(struct telu_engine *e, struct telu_live *l)
{
    const char *what = "memory for a batch";
    const struct telu_config *c = &e->m.cfg;
    const struct telu_postnet_config *post = &e->m.post;
    size_t width = larger(larger(c->enc_width, c->dec_width), post->width);
    size_t features = post->blocks ? TELU_POSTNET_FEATURES : TELU_FEATURES;
    size_t input = larger(larger(c->expand * width, features), (size_t)c->latent);
    size_t hidden = larger(input, TELU_LTPF_SPAN), rows = (size_t)e->rows;
    size_t output = larger(input, post->blocks ? TELU_POSTNET_OUTPUTS : TELU_COEFS);
    struct {
        float **at;
        size_t each;
    } arrays[] = {
        { &l->wave, TELU_WAVE }, { &l->c, TELU_COEFS }, { &l->base, TELU_COEFS },
        { &l->prediction, TELU_LTPF_SPAN }, { &l->confidence, 2 },
        { &l->latent, (size_t)c->latent }, { &l->sum, (size_t)c->latent },
        { &l->a, width }, { &l->h, hidden }, { &l->p, 2 * output }, { &l->unit, 1 },
    };

    for (auto &a : arrays)
        if (!(*a.at = (float *)alloc_device(e, rows * a.each * sizeof(float), what)))
            return -1;
    if (!(l->x = (uint16_t *)alloc_device(e, rows * 2 * input * sizeof(*l->x), what)) ||
        !(l->row = (struct telu_row *)alloc_device(e, rows * sizeof(*l->row), what)) ||
        !(l->request = (char *)alloc_device(e, requests_max_bytes(e->rows), what)) ||
        !(l->response = (char *)alloc_device(e, responses_max_bytes(e->rows), what)))
        return -1;
    for (int half = 0; half < (e->most > e->rows ? 2 : 1); half++)
        if (telu_cuda_check(cudaMallocHost((void **)&e->request[half],
                                           requests_max_bytes(e->rows)), what) ||
            telu_cuda_check(cudaMallocHost((void **)&e->response[half],
                                           responses_max_bytes(e->rows)), what) ||
            telu_cuda_check(cudaEventCreateWithFlags(&e->done[half],
                                                     cudaEventDisableTiming), what))
            return -1;
    return 0;
}

static int init_side(struct telu_engine *e, enum telu_side which)
{
    const struct telu_config *c = &e->m.cfg;
    struct side *s = &e->side[which];
    size_t enc = live_history_floats(c, c->enc_width, c->enc_blocks);
    size_t dec = live_history_floats(c, c->dec_width, c->dec_blocks);
    size_t post = live_history_floats(c, e->m.post.width, e->m.post.blocks);
    size_t floats = which == TELU_ENCODE ? enc + dec : live_post_offset(c) + post;
    struct telu_slots *slots = &s->live.slots;

    s->chunk = (char **)alloc_device(e, MAX_CHUNKS * sizeof(*s->chunk), "streams");
    slots->chunk = s->chunk;
    slots->history = live_round(which == TELU_ENCODE ? sizeof(struct telu_enc_slot)
                                                  : sizeof(struct telu_dec_slot));
    slots->size = live_round(slots->history + floats * sizeof(float));
    return s->chunk ? 0 : -1;
}

/* --- Graphs ------------------------------------------------------------------- */

static int launch_steps(struct telu_engine *e, enum telu_side which, int B, int zero_copy)
{
    struct telu_live live = e->side[which].live, *l = &live;
    struct telu_ctx *ctx = &e->ctx;

    if (zero_copy) {
        live.response = e->response[0];
        if (telu_live_zero_copy(ctx, l, e->request[0], requests_max_bytes(B)))
            return -1;
    }
    if (which == TELU_ENCODE)
        return telu_live_window(ctx, l, B) || telu_mdct_cuda(ctx, l->c, l->wave, B, 2) ||
               telu_live_encoder(ctx, l, B) || telu_live_search(ctx, l, B) ||
               telu_live_decoder(ctx, l, B) || telu_live_pack(ctx, l, B) ? -1 : 0;
    return telu_live_parse(ctx, l, B) || telu_live_lookup(ctx, l, B) ||
           telu_live_decoder(ctx, l, B) || telu_live_synthesis(ctx, l, B) ? -1 : 0;
}

/* Rows of the graph for n packets: powers of two, then four sizes per octave. */
static int rows_for(int n, int most)
{
    int rows = 1, by;

    while (rows < n)
        rows *= 2;
    if (rows > TELU_SMALL_GRAPH) {
        by = rows / 8;
        rows = (n + by - 1) / by * by;
    }
    return rows < most ? rows : most;
}

static cudaGraphExec_t graph_for(struct telu_engine *e, enum telu_side which, int n,
                                 int zero_copy)
{
    struct side *s = &e->side[which];
    struct graph g = { rows_for(n, e->rows), zero_copy, NULL };
    cudaGraph_t graph = NULL;
    int bad;

    for (const struct graph &have : s->graphs)
        if (have.rows == g.rows && have.zero_copy == zero_copy)
            return have.exec;
    if (telu_cuda_check(cudaStreamBeginCapture(e->cuda.stream,
                                               cudaStreamCaptureModeRelaxed),
                        "engine, graph"))
        return NULL;
    bad = launch_steps(e, which, g.rows, zero_copy);
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

/* Runs the steps once without a graph and without active rows, so that libraries load what they
 * load at first use, and captures the graphs of a single stream. */
static int warm_up(struct telu_engine *e)
{
    struct telu_batch_head nothing = { 0, 0 };
    int many = e->rows < 2 * TELU_SMALL_GRAPH ? e->rows : 2 * TELU_SMALL_GRAPH;

    memcpy(e->request[0], &nothing, sizeof(nothing));
    for (int i = 0; i < 2; i++) {
        enum telu_side which = (enum telu_side)i;

        /* the first call also copies the request that the second reads */
        if (launch_steps(e, which, 1, 1) || launch_steps(e, which, many, 0) ||
            !graph_for(e, which, 1, 1))
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
    cudaGetLastError();        /* clears the error of a failed device */
    delete e;
}

static int init(struct telu_engine *e, const struct telu_model *m)
{
    const char *what = "an engine";
    struct telu_live live = {};
    void *work;

    if (telu_cuda_check(cudaSetDevice(e->device), what) ||
        telu_cuda_check(cudaStreamCreateWithFlags(&e->cuda.stream, cudaStreamNonBlocking),
                        what) ||
        telu_cublas_check(cublasCreate(&e->cuda.blas), what) ||
        !(work = alloc_device(e, BLAS_WORK, what)) ||
        telu_cublas_check(cublasSetStream(e->cuda.blas, e->cuda.stream), what) ||
        telu_cublas_check(cublasSetWorkspace(e->cuda.blas, work, BLAS_WORK), what) ||
        telu_mdct_ready_cuda() || !(live.dct = telu_dct_table()) ||
        load_weights(e, m, &live) || alloc_scratch(e, &live))
        return -1;
    for (struct side &s : e->side)
        s.live = live;
    return init_side(e, TELU_ENCODE) || init_side(e, TELU_DECODE) || warm_up(e) ? -1 : 0;
}

/* The module is compiled for compute capability 7.5 and later. Elements then take the CPU, whose
 * packets and samples are the same. */
static int check_capability(int device)
{
    const char *what = "the compute capability of a device";
    int major = 0, minor = 0;

    if (telu_cuda_check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
                        what) ||
        telu_cuda_check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device),
                        what))
        return -1;
    if (10 * major + minor < LEAST_CAPABILITY)
        return telu_fail_status(TELU_ERR_DEVICE, "CUDA device %d has compute capability %d.%d, "
                                "expected %d.%d or later; take another device or the CPU", device,
                                major, minor, LEAST_CAPABILITY / 10, LEAST_CAPABILITY % 10);
    return 0;
}

static struct telu_engine *engine_open(const struct telu_model *m, int device, int most)
{
    struct telu_engine *e;
    int devices = 0;

    if (telu_cuda_check(cudaGetDeviceCount(&devices), "looking for a device"))
        return NULL;
    if (device < 0 || device >= devices) {
        telu_fail_status(TELU_ERR_DEVICE, "There is no CUDA device %d: there are %d, counted "
                         "from 0", device, devices);
        return NULL;
    }
    if (check_capability(device))
        return NULL;
    if (most < 1 || most > MAX_BATCH) {
        telu_fail("a batch of %d packets, expected 1 to %d", most, MAX_BATCH);
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
    if (init(e, m)) {
        engine_close(e);
        return NULL;
    }
    return e;
}

/* --- Streams ------------------------------------------------------------------- */

/* Adds TELU_CHUNK slots; running streams are unaffected. */
static int grow(struct telu_engine *e, struct side *s)
{
    const char *what = "memory for more streams";
    size_t at = s->chunks.size();
    void *p = NULL;

    if (at == MAX_CHUNKS)
        return telu_fail("%d streams are the most of an engine", MAX_CHUNKS * TELU_CHUNK);
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
        return telu_fail_status(TELU_ERR_DEVICE, "the engine has failed");
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

/* Submits a piece to the device; zero_copy: the piece is a whole batch, in half 0. */
static int begin_piece(struct telu_engine *e, enum telu_side which,
                       const struct telu_request *requests, int n, int half, int zero_copy)
{
    const struct telu_live *l = &e->side[which].live;
    const char *fresh = e->side[which].fresh.data();
    size_t response_bytes;
    size_t request_bytes = requests_write(e->request[half], &response_bytes, which, requests, n,
                                          fresh);
    cudaGraphExec_t exec = graph_for(e, which, n, zero_copy);
    cudaStream_t stream = e->cuda.stream;

    if (!exec ||
        (!zero_copy && telu_cuda_check(cudaMemcpyAsync(l->request, e->request[half], request_bytes,
                                                       cudaMemcpyHostToDevice, stream),
                                       "engine, input")) ||
        telu_cuda_check(cudaGraphLaunch(exec, stream), "engine") ||
        (!zero_copy && telu_cuda_check(cudaMemcpyAsync(e->response[half], l->response,
                                                       response_bytes, cudaMemcpyDeviceToHost,
                                                       stream), "engine, output")))
        return -1;
    return telu_cuda_check(cudaEventRecord(e->done[half], stream), "engine");
}

static int finish_piece(struct telu_engine *e, enum telu_side which,
                        struct telu_request *requests, int half)
{
    int n;

    if (telu_cuda_check(cudaEventSynchronize(e->done[half]), "engine"))
        return -1;
    n = responses_read(which, requests, e->request[half], e->response[half]);
    for (int i = 0; i < n; i++)
        e->side[which].fresh[requests[i].slot] = 0;
    return 0;
}

static int engine_run(struct telu_engine *e, enum telu_side which,
                      struct telu_request *requests, int n)
{
    const int pieces = (n + e->rows - 1) / e->rows;
    int bad = 0;

    if (e->failed)
        return telu_fail_status(TELU_ERR_DEVICE, "the engine has failed");
    if (n < 1 || n > e->most)
        return telu_fail("a batch of %d packets, expected 1 to %d", n, e->most);
    if (requests_check(which, requests, n, (int)e->side[which].fresh.size()))
        return -1;
    bad = telu_cuda_check(cudaSetDevice(e->device), "engine");
    /* Piece k begins before piece k - 1 is finished and after piece k - 2 is. */
    for (int k = 0; k <= pieces && !bad; k++) {
        int at = k * e->rows;

        if (k < pieces)
            bad = begin_piece(e, which, requests + at, n - at < e->rows ? n - at : e->rows,
                              k % 2, n <= TELU_SMALL_ZERO_COPY);
        if (k > 0 && !bad)
            bad = finish_piece(e, which, requests + at - e->rows, (k - 1) % 2);
    }
    e->failed = bad != 0;
    return bad;
}

extern "C" const struct telu_engine_ops telu_engine_cuda = {
    engine_open, engine_close, slot_new, slot_free, engine_run,
};
