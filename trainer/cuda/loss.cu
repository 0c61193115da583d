/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loss.cu - see loss.h: computes the same three terms, always in float. A block takes
 * several frames, or one piece of samples. A thread takes four samples at a time: items,
 * hops and MODEL_LEAD are multiples of four. */
#include "pack.cuh"

#include "approx.h"

#define SPECTRAL 256           /* threads for a block's frames, */
#define SLOTS 8                /* bins per thread, */
#define BINS 1800              /* the most bins and triangles per block */
#define MELS 512

static_assert(SPECTRAL * SLOTS >= BINS && BINS > LOSS_LONGEST / 2, "bins of a block");
static_assert(MODEL_LEAD % 4 == 0 && TELU_HOP % 4 == 0, "samples go by fours");

static __device__ inline float sign(float x)
{
    return (float)((x > 0.0f) - (x < 0.0f));
}

/* Uses the device's own logarithm and power of two: relative error 3e-7, as telu_exp(). */
static __device__ inline float power(float p)
{
    return __powf(p, -LOSS_COMPRESS);
}

/* One block's frames, kept in shared memory between its passes. */
struct frames {
    float xa[BINS], ya[BINS], d[BINS];     /* magnitudes; |C(Y) - C(X)| */
    float g[MELS], mel[MELS];  /* per triangle: the gradient of its sum, and its distance */
};

/* Stores |C(Y) - C(X)| and the magnitudes of element e; the gradient replaces X. */
static __device__ inline void compressed(struct frames *m, cufftComplex *to, int e, int b,
                                         cufftComplex X, cufftComplex Y, int bins, float k)
{
    int inner = b > 0 && b < bins - 1;
    float half = inner ? 0.5f : 1.0f;
    float px = X.x * X.x + X.y * X.y + LOSS_EPS, py = Y.x * Y.x + Y.y * Y.y + LOSS_EPS;
    float fx = power(px), fy = power(py), ry = rsqrtf(py);
    float dr = Y.x * fy - X.x * fx, di = Y.y * fy - X.y * fx;
    float u = sign(dr), v = sign(di);
    float along = 2.0f * LOSS_COMPRESS * (u * Y.x + v * Y.y) * (ry * ry);

    m->xa[e] = px * rsqrtf(px);
    m->ya[e] = py * ry;
    m->d[e] = fabsf(dr) + fabsf(di);
    X.x = half * (k * fy * (u - along * Y.x));
    X.y = inner ? half * (k * fy * (v - along * Y.y)) : 0.0f;
    to[e] = X;
}

/* Returns the log-mel distance of triangle i of the frame with bins xa, ya; g receives k
 * times the gradient with respect to the triangle's sum. */
static __device__ inline float log_mel(float *g, int i, const float *xa, const float *ya,
                                       const struct gpu_stft &s, float k)
{
    const float *w = s.weight + (size_t)i * s.bins;
    int first = s.first[i], count = s.count[i];
    float x = 0.0f, y = 0.0f, d;

    #pragma unroll 4
    for (int b = 0; b < count; b++) {
        x += w[b] * xa[first + b];
        y += w[b] * ya[first + b];
    }
    d = telu_log(y + LOSS_MEL_EPS) - telu_log(x + LOSS_MEL_EPS);
    *g = k * sign(d) / (y + LOSS_MEL_EPS);
    return fabsf(d);
}

/* Applies d|Y|/dY = Y / |Y|; g: gradients of the frame's triangles. */
static __device__ inline cufftComplex magnitude(cufftComplex Y, float ya, int b,
                                                const float *g, const struct gpu_stft &s)
{
    int inner = b > 0 && b < s.bins - 1, i = s.triangle[b];
    float next = i + 1 < s.mels ? s.side[2 * b + 1] * g[i + 1] : 0.0f;
    float k = __fdividef(s.side[2 * b] * g[i] + next, ya) * (inner ? 0.5f : 1.0f);

    Y.x = k * Y.x;
    Y.y = inner ? k * Y.y : 0.0f;
    return Y;
}

static __device__ inline float warp_sum(const float *from, int n)
{
    float sum = 0.0f;

    for (int k = threadIdx.x % 32; k < n; k += 32)
        sum += from[k];
    for (int far = 16; far > 0; far /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, far);
    return sum;
}

/* A block has `each` frames of `total`, with contiguous bins; Y lies `far` elements
 * behind X. Inner bins get half their gradient, because the inverse real transform counts
 * them twice. */
static __global__ void __launch_bounds__(SPECTRAL)
spectral(struct gpu_stft s, cufftComplex *spectra, size_t far, int each, int total,
         size_t first, float km, float kc)
{
    __shared__ struct frames m;
    int from = blockIdx.x * each, n = min(each, total - from), count = n * s.bins;
    cufftComplex *X = spectra + (size_t)from * s.bins, *Y = X + far, x[SLOTS], y[SLOTS];

    #pragma unroll
    for (int u = 0; u < SLOTS; u++) {
        int e = min(u * SPECTRAL + (int)threadIdx.x, count - 1);

        x[u] = X[e];
        y[u] = Y[e];
    }
    #pragma unroll
    for (int u = 0; u < SLOTS; u++) {
        int e = u * SPECTRAL + threadIdx.x;

        if (e < count)
            compressed(&m, X, e, e % s.bins, x[u], y[u], s.bins, kc);
    }
    __syncthreads();
    for (int k = threadIdx.x; k < n * s.mels; k += SPECTRAL) {
        int f = k / s.mels, at = f * s.bins;

        m.mel[k] = log_mel(&m.g[k], k - f * s.mels, m.xa + at, m.ya + at, s, km);
    }
    __syncthreads();
    #pragma unroll
    for (int u = 0; u < SLOTS; u++) {
        int e = u * SPECTRAL + threadIdx.x, f = e / s.bins;

        if (e < count)
            Y[e] = magnitude(y[u], m.ya[e], e - f * s.bins, m.g + f * s.mels, s);
    }
    for (int f = threadIdx.x / 32; f < n; f += SPECTRAL / 32) {
        float cpx = warp_sum(m.d + f * s.bins, s.bins);
        float mel = warp_sum(m.mel + f * s.mels, s.mels);

        if (threadIdx.x % 32 == 0) {
            s.cpx[first + from + f] = cpx;
            s.mel[first + from + f] = mel;
        }
    }
}

struct scales {
    struct gpu_stft s[LOSS_SCALES];
    double km[LOSS_SCALES], kc[LOSS_SCALES];
};

/* part (2, B, pieces) receives the sums of (y - x)^2 and of x^2 over each piece of an
 * item. */
static __global__ void compare(double *part, const float *x, const float *y, int pieces,
                               int samples, int stride)
{
    __shared__ double scratch[GPU_WARPS];
    struct piece m = piece_of(pieces, samples);
    double error = 0.0, energy = 0.0;

    x += (size_t)m.b * stride;
    y += (size_t)m.b * stride;
    for (int i = m.first + 4 * threadIdx.x; i < m.end; i += 4 * blockDim.x) {
        float p[4], q[4];

        load(p, x + i);
        load(q, y + i);
        #pragma unroll
        for (int v = 0; v < 4; v++) {
            float d = q[v] - p[v];

            error += (double)d * d;
            energy += (double)p[v] * p[v];
        }
    }
    error = block_sum(error, scratch);
    energy = block_sum(energy, scratch);
    if (threadIdx.x == 0) {
        part[blockIdx.x] = error;
        part[gridDim.x + blockIdx.x] = energy;
    }
}

/* Returns the sum of n values to every thread of the block. */
static __device__ inline double sum_of(const double *from, int n, double *scratch)
{
    double sum = 0.0;

    for (int i = threadIdx.x; i < n; i += blockDim.x)
        sum += from[i];
    return block_sum(sum, scratch);
}

/* Sums the losses over an item's frames into value (3, B). */
static __device__ inline void judge_frames(const struct scales &all, double *value, int b,
                                           int B, double *scratch)
{
    double mel = 0.0, cpx = 0.0;

    for (int j = 0; j < LOSS_SCALES; j++) {
        const struct gpu_stft &s = all.s[j];
        double m = 0.0, c = 0.0;

        for (int f = threadIdx.x; f < s.frames; f += blockDim.x) {
            m += s.mel[(size_t)b * s.frames + f];
            c += s.cpx[(size_t)b * s.frames + f];
        }
        mel += all.km[j] * block_sum(m, scratch);
        cpx += all.kc[j] * block_sum(c, scratch);
    }
    if (threadIdx.x == 0) {
        value[b] = mel;
        value[B + b] = cpx;
    }
}

/* One block per piece of an item computes the wave term's gradient; one more sums the
 * item's frames. part comes from compare(). */
static __global__ void judge(const struct scales all, double *value, const double *part,
                             float *grad, const float *x, const float *y, int B,
                             int pieces, int samples, int stride)
{
    __shared__ double scratch[GPU_WARPS];
    struct piece m = piece_of(pieces + 1, samples);
    size_t at = (size_t)m.b * stride;
    double error, energy, wave;
    float k;

    if (m.k == pieces) {
        judge_frames(all, value, m.b, B, scratch);
        return;
    }
    part += (size_t)m.b * pieces;
    error = sum_of(part, pieces, scratch);
    energy = sum_of(part + (size_t)B * pieces, pieces, scratch) + LOSS_WAVE_ENERGY;
    wave = sqrt(error / energy + LOSS_WAVE_EPS);
    k = (float)(1.0 / (energy * wave * B));
    for (int i = m.first + 4 * threadIdx.x; i < m.end; i += 4 * blockDim.x) {
        float p[4], q[4];

        load(p, x + at + i);
        load(q, y + at + i);
        #pragma unroll
        for (int v = 0; v < 4; v++)
            p[v] = k * (q[v] - p[v]);
        store(grad + at + i, p);
    }
    if (m.k == 0 && threadIdx.x == 0)
        value[2 * B + m.b] = wave / B;
}

static int one_scale(struct training *t, int which, double km, double kc)
{
    const struct gpu_stft *s = &t->stft[which];
    int each = BINS / s->bins < MELS / s->mels ? BINS / s->bins : MELS / s->mels;
    size_t far = (size_t)t->chunk * s->frames * s->bins;

    for (int b = 0; b < t->B; b += t->chunk) {
        int n = t->B - b < t->chunk ? t->B - b : t->chunk;

        if (gpu_stft_forward(t, which, b, n))
            return -1;
        TELU_LAUNCH(spectral, gpu_blocks((size_t)n * s->frames, each), SPECTRAL, 0,
                    t->cuda.stream, *s, t->spectra, far, each, n * s->frames,
                    (size_t)b * s->frames, (float)km, (float)kc);
        if (telu_cuda_launched("training, spectral losses") ||
            gpu_stft_adjoint(t, which, b, n))
            return -1;
    }
    return 0;
}

int gpu_loss(struct training *t)
{
    const float *x = t->x + MODEL_LEAD, *y = t->wave + MODEL_LEAD;
    struct scales all;

    for (int i = 0; i < LOSS_SCALES; i++) {
        const struct gpu_stft *s = &t->stft[i];
        double each = 1.0 / ((double)LOSS_SCALES * t->B * s->frames);

        all.s[i] = *s;
        all.km[i] = each / s->mels;
        all.kc[i] = each / (2 * s->bins);
        if (one_scale(t, i, all.km[i], all.kc[i]))
            return -1;
    }
    TELU_LAUNCH(compare, t->B * t->pieces, GPU_THREADS, 0, t->cuda.stream, t->sound_part,
                x, y, t->pieces, t->samples, t->stride);
    TELU_LAUNCH(judge, t->B * (t->pieces + 1), GPU_THREADS, 0, t->cuda.stream, all,
                t->value_item, t->sound_part, t->gl[2] + MODEL_LEAD, x, y, t->B, t->pieces,
                t->samples, t->stride);
    return telu_cuda_launched("training, wave loss");
}
