/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vq.cu - see vq.h. Every stage computes all rows of the batch, so that shapes stay the
 * same from step to step. Items that do not reach a stage are masked: they teach nothing,
 * and products over rows see zeros. Each code is projected once, not once per row. All is
 * float. */
#include "columns.cuh"
#include "vq.cuh"

#include <math.h>

#define WARP 32

static_assert(TELU_MAX_STAGES <= WARP, "begin() has one warp");

static struct stage_args stage_args_of(const struct training *t, int s)
{
    struct stage_args p = { t->state, t->order, s, t->stage[s].dim, t->T, t->cfg.codes };

    return p;
}

static __global__ void begin(struct gpu_state *state, const struct gpu_order *order,
                             int stages, int T)
{
    int s = threadIdx.x;

    if (s < stages)
        state->rows[s] = (float)(order->items[s] * T);
    if (s == 0)
        state->learning[0] = order->decay > 0.0f;
}

/* A block's packets: n from `first` on of item b, which possibly does not reach this
 * stage. */
struct share {
    size_t first;
    int b, n, used;
};

static __device__ inline struct share share_of(const struct stage_args &p)
{
    int shares = (p.T + GPU_SHARE - 1) / GPU_SHARE, b = blockIdx.x / shares;
    int at = (blockIdx.x - b * shares) * GPU_SHARE;
    int n = p.T - at < GPU_SHARE ? p.T - at : GPU_SHARE;

    return { (size_t)b * p.T + at, b, n, b < p.order->items[p.s] };
}

/* Adds the bias to z and sums z's energy. */
static __global__ void measure(struct stage_args p, float *z, const float *bias, double *part)
{
    __shared__ double scratch[GPU_WARPS];
    struct share m = share_of(p);
    int n = m.n * p.D;
    double sum = 0.0;

    if (!m.used)
        return;
    z += m.first * p.D;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float v = z[i] + bias[i % p.D];

        z[i] = v;
        sum += (double)v * v;
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0)
        part[blockIdx.x] = sum;
}

/* Gathers the row drawn for each code, if this rank has it; block 0 also adds up the
 * energy. got: energy, (codes, D). energy: the inverse of each item's mean, or NULL. */
static __global__ void gather_rows(struct stage_args p, float *got, const float *z,
                                   const double *part, float *energy, int shares,
                                   int rank, int ranks)
{
    __shared__ double scratch[GPU_WARPS];
    int i = blockIdx.x * blockDim.x + threadIdx.x, c = i / p.D, d = i % p.D;

    if (c < p.codes) {
        uint64_t bits = counter_rng_bits(p.state->rng, p.s, c, 0);
        uint32_t at = counter_rng_below(bits, (uint32_t)p.state->rows[p.s]);
        uint32_t item = at / p.T;
        size_t row = (size_t)(item / ranks) * p.T + at % p.T;

        got[1 + i] = (int)(item % ranks) == rank ? z[row * p.D + d] : 0.0f;
    }
    if (blockIdx.x == 0) {
        double sum = 0.0;

        for (int b = threadIdx.x; b < p.order->items[p.s]; b += blockDim.x) {
            double item = 0.0;

            for (int k = 0; k < shares; k++)
                item += part[(size_t)b * shares + k];
            sum += item;
            if (energy)
                energy[b] = 1.0f / ((float)item / (float)(p.T * p.D) + ENERGY_EPS);
        }
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0)
            got[0] = (float)sum;
    }
}

/* Puts element d of a code onto the row drawn for it. */
static __device__ void put_code(const struct stage_args &p, float *book, float *total,
                                const float *got, int c, int d, float count)
{
    size_t at = (size_t)c * p.D + d;
    float noise = counter_rng_normal(counter_rng_bits(p.state->rng, p.s, c, 1 + d));
    float x = got[1 + at] + CODE_NOISE * noise;

    book[at] = x;
    total[at] = x * count;
}

/* Fills a codebook that has no data yet; values that are not finite must not reach it.
 * Each block has one code, as in learn(). norm receives |b|^2 of each code, for the
 * search. */
static __global__ void start(struct stage_args p, float *book, float *count, float *total,
                             float *norm, const float *got)
{
    __shared__ float code[TELU_MAX_DIM];
    int c = blockIdx.x, d = threadIdx.x;
    int learning = p.state->learning[p.s] && isfinite(got[0]) &&
                   p.state->rows[p.s] > 0.0f;

    if (learning && !(p.state->ready >> p.s & 1)) {
        if (d < p.D)
            put_code(p, book, total, got, c, d, 1.0f);
        if (d == 0)
            count[c] = 1.0f;
    }
    if (c == 0 && d == 0)
        p.state->learning[p.s + 1] = learning;
    if (d < p.D)
        code[d] = book[(size_t)c * p.D + d];
    __syncthreads();
    if (d == 0) {
        float sum = 0.0f;

        for (int k = 0; k < p.D; k++)
            sum += code[k] * code[k];
        norm[c] = sum;
    }
}

/* Each block updates one code, each thread one element. chosen: (codes) counts, (codes,
 * D) sums. */
static __global__ void learn(struct stage_args p, float *book, float *count, float *total,
                             uint32_t *hits, const float *got, const float *chosen)
{
    int c = blockIdx.x, d = threadIdx.x;
    size_t at = (size_t)c * p.D + d;
    float decay = p.order->decay, w = 1.0f - decay;
    float fair = p.state->rows[p.s] / (float)p.codes;
    float now = decay * count[c] + w * chosen[c];
    int dead = now < CODE_DEAD * fair;

    if (!p.state->learning[p.s + 1])
        return;
    __syncthreads();           /* all threads have read count[c] */
    if (d == 0) {
        hits[c] += (uint32_t)chosen[c];
        count[c] = dead ? CODE_REBORN * fair : now;
        if (dead)
            atomicAdd(&p.state->restarts, 1u);
        if (c == 0)
            p.state->ready |= 1 << p.s;
    }
    if (d >= p.D)
        return;
    if (dead) {
        put_code(p, book, total, got, c, d, CODE_REBORN * fair);
    } else {
        total[at] = decay * total[at] + w * chosen[p.codes + at];
        book[at] = total[at] / (now + CODE_EPS);
    }
}

/* Subtracts each row's chosen code from r and adds it to sum, V elements at a time. table
 * (codes, L): each code's projection, without the bias. next: NULL for the last stage. */
template <int V>
static __global__ void apply(struct stage_args p, const struct gpu_stage st,
                             const float *table, float *sum, float *next,
                             const float *energy, double *commit, int L)
{
    __shared__ double scratch[GPU_WARPS];
    struct share m = share_of(p);
    double error = 0.0;

    for (int i = threadIdx.x * V; i < m.n * L; i += blockDim.x * V) {
        size_t at = m.first * L + i;
        int row = i / L, l = i - row * L;
        float e[V] = {}, bias[V] = {}, old[V] = {}, rest[V] = {};

        if (next)
            load(rest, st.r + at);
        if (m.used) {
            load(e, table + (size_t)st.index[m.first + row] * L + l);
            load(bias, st.out_b.w + l);
            if (p.s)
                load(old, sum + at);
        }
        #pragma unroll
        for (int v = 0; v < V; v++) {
            e[v] += bias[v];
            old[v] += e[v];
            rest[v] -= e[v];
        }
        if (m.used || !p.s)
            store(sum + at, old);
        if (next)
            store(next + at, rest);
    }
    for (int i = threadIdx.x; i < m.n * p.D; i += blockDim.x) {
        size_t at = m.first * p.D + i;
        float q = m.used ? st.book[(size_t)st.index[m.first + i / p.D] * p.D + i % p.D]
                       : 0.0f;
        float d = m.used ? st.z[at] - q : 0.0f;

        st.q[at] = q;
        error += (double)d * d;
    }
    error = block_sum(error, scratch);
    if (threadIdx.x == 0)
        commit[blockIdx.x] = m.used ? error / (p.T * p.D) * energy[m.b] : 0.0;
}

static int prepare(struct training *t, struct stage_args p, gpu_stage &st)
{
    cudaStream_t stream = t->cuda.stream;
    int D = st.dim, n = t->cfg.codes * D;

    if (gpu_product(t, st.z, CUDA_R_32F, st.r, st.in_w.w, CUDA_R_32F, t->R,
                    t->cfg.latent, D))
        return -1;
    TELU_LAUNCH(measure, t->B * t->shares, GPU_THREADS, 0, stream, p, st.z, st.in_b.w,
                t->z_part);
    TELU_LAUNCH(gather_rows, gpu_blocks(n, GPU_THREADS), GPU_THREADS, 0, stream, p,
                t->gathered, st.z, t->z_part, p.s ? (float *)0 : t->energy, t->shares,
                t->rank, t->ranks);
    if (telu_cuda_launched("training, a stage's rows") ||
        gpu_reduce(t, t->gathered, 1 + (size_t)n))
        return -1;
    TELU_LAUNCH(start, t->cfg.codes, TELU_MAX_DIM, 0, stream, p, st.book, st.count,
                st.total, t->norm, t->gathered);
    return telu_cuda_launched("training, start of a codebook");
}

static int choose(struct training *t, struct stage_args p, gpu_stage &st)
{
    cudaStream_t stream = t->cuda.stream;
    int codes = t->cfg.codes;

    if (gpu_search(t, p, st) || gpu_gather_choices(t, p, st) ||
        gpu_reduce(t, t->chosen, (size_t)codes * (1 + st.dim)))
        return -1;
    TELU_LAUNCH(learn, codes, TELU_MAX_DIM, 0, stream, p, st.book, st.count, st.total,
                st.hits, t->gathered, t->chosen);
    return telu_cuda_launched("training, codebook");
}

static int apply_run(struct training *t, struct stage_args p, const struct gpu_stage &st,
                     float *next)
{
    void (*kernel)(struct stage_args, const struct gpu_stage, const float *, float *, float *,
                   const float *, double *, int) =
        t->cfg.latent % 4 == 0 && float4_aligned(st.out_b.w) ? apply<4> : apply<1>;
    int blocks = t->B * t->shares;

    TELU_LAUNCH(kernel, blocks, GPU_THREADS, 0, t->cuda.stream, p, st, t->table, t->sum,
                next, t->energy, t->commit + (size_t)p.s * blocks, t->cfg.latent);
    return telu_cuda_launched("training, residual of a stage");
}

int gpu_vq_forward(struct training *t)
{
    int stages = t->cfg.stages, L = t->cfg.latent;

    TELU_LAUNCH(begin, 1, WARP, 0, t->cuda.stream, t->state, t->order, stages, t->T);
    if (telu_cuda_launched("training, begin") ||
        gpu_reduce(t, t->state->rows, stages))
        return -1;
    for (int s = 0; s < stages; s++) {
        gpu_stage &st = t->stage[s];
        struct stage_args p = stage_args_of(t, s);
        float *next = s + 1 < stages ? t->stage[s + 1].r : NULL;

        if (prepare(t, p, st) || choose(t, p, st) ||
            gpu_product(t, t->table, CUDA_R_32F, st.book, st.out_w.w, CUDA_R_32F,
                        t->cfg.codes, st.dim, L))
            return -1;
        if (apply_run(t, p, st, next))
            return -1;
    }
    return 0;
}

/* --- Backward ----------------------------------------------------------- */

/* The gradient of e_s comes from the sum and, negated, from r_{s+1}. */
struct sum_back {
    enum { N = 1 };
    template <int V> struct keep { int end; };
    template <int V> struct in { float sum[V], r[V]; };
    struct stage_args p;
    float *de;
    const float *dsum, *dr;
    int bias_at;

    template <int V> __device__ void start(keep<V> &k, int) const { k.end = p.rows(); }
    template <int V> __device__ void take(in<V> &in, size_t i, int) const
    {
        load(in.sum, dsum + i);
        load(in.r, dr + i);
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &in, const keep<V> &k, size_t i,
                        int r) const
    {
        float out[V];

        for (int v = 0; v < V; v++) {
            out[v] = r < k.end ? in.sum[v] - in.r[v] : 0.0f;
            sum[0][v] += out[v];
        }
        store(de + i, out);
    }
    __device__ int column(int, int c) const { return bias_at + c; }
};

/* The gradient of z_s: straight-through, the commitment, and the size of the latents. */
struct code_back {
    enum { N = 1 };
    template <int V> struct keep { int end; };
    template <int V> struct in { float d[V], z[V], q[V], energy; };
    struct stage_args p;
    float *dz;
    const float *z, *q, *energy;
    float commit, size;        /* weights times 2 / (T D B) */
    int bias_at;

    template <int V> __device__ void start(keep<V> &k, int) const { k.end = p.rows(); }
    template <int V> __device__ void take(in<V> &in, size_t i, int r) const
    {
        load(in.d, dz + i);
        load(in.z, z + i);
        load(in.q, q + i);
        in.energy = energy[r / p.T];
    }
    template <int V>
    __device__ void row(float (&sum)[N][V], const in<V> &in, const keep<V> &k, size_t i,
                        int r) const
    {
        float out[V];

        for (int v = 0; v < V; v++) {
            out[v] = in.d[v] + commit * in.energy * (in.z[v] - in.q[v]) +
                     size * in.z[v];
            out[v] = r < k.end ? out[v] : 0.0f;
            sum[0][v] += out[v];
        }
        store(dz + i, out);
    }
    __device__ int column(int, int c) const { return bias_at + c; }
};

int gpu_vq_backward(struct training *t, float *dx, const float *dsum, float commit,
                    float size)
{
    cudaDataType f = CUDA_R_32F;
    int R = t->R, L = t->cfg.latent;

    if (telu_cuda_check(cudaMemsetAsync(dx, 0, sizeof(float) * R * L, t->cuda.stream),
                        "training, quantiser backward"))
        return -1;
    for (int s = t->cfg.stages - 1; s >= 0; s--) {
        gpu_stage &st = t->stage[s];
        int D = st.dim;
        float each = 2.0f / ((float)t->T * D * t->B);
        sum_back sum = { stage_args_of(t, s), t->de, dsum, dx, st.out_b.column };
        code_back code = { stage_args_of(t, s), t->dz, st.z, st.q, t->energy, each * commit,
                           each * size, st.in_b.column };

        if (columns_run(t, sum, R, L, "training, residual backward") ||
            gpu_product_dx(t, t->dz, f, 0.0f, t->de, st.out_w.w, f, R, D, L) ||
            gpu_product_dw(t, st.out_w.g, t->de, st.q, f, R, D, L) ||
            columns_run(t, code, R, D, "training, codes backward") ||
            gpu_product_dx(t, dx, f, 1.0f, t->dz, st.in_w.w, f, R, L, D) ||
            gpu_product_dw(t, st.in_w.g, t->dz, st.r, f, R, L, D))
            return -1;
    }
    return 0;
}
