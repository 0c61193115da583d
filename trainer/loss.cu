/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loss.cu - see loss.h: the same three terms, a frame to a block, and some samples.
 * Always in float. Samples go by fours: items, hops and GPU_LEAD are multiples of that. */
#include "pack.cuh"

#include "approx.h"

#define EPS 1e-8f              /* as in loss.c */
#define MEL_EPS 1e-4f
#define SPECTRAL 128           /* threads of a frame, at most */
#define SUMS 8                 /* steps of a sum over them */

static __device__ inline float sign(float x)
{
    return (float)((x > 0.0f) - (x < 0.0f));
}

static __device__ inline float power(float p)
{
    return telu_exp(-0.35f * telu_log(p));
}

/* Per bin |C(Y) - C(X)|; its gradient takes the place of X. Returns this thread's
 * share of the sum; the magnitudes go to xa, ya. */
static __device__ float compressed(cufftComplex *X, const cufftComplex *Y, float *xa,
                                   float *ya, int bins, float k)
{
    float part = 0.0f;

    for (int b = threadIdx.x; b < bins; b += blockDim.x) {
        int inner = b > 0 && b < bins - 1;
        float half = inner ? 0.5f : 1.0f;
        float xr = X[b].x, xi = X[b].y, yr = Y[b].x, yi = Y[b].y;
        float px = xr * xr + xi * xi + EPS, py = yr * yr + yi * yi + EPS;
        float fx = power(px), fy = power(py);
        float dr = yr * fy - xr * fx, di = yi * fy - xi * fx;
        float u = sign(dr), v = sign(di);
        float along = 0.7f * (u * yr + v * yi) / py;

        xa[b] = sqrtf(px);
        ya[b] = sqrtf(py);
        part += fabsf(dr) + fabsf(di);
        X[b].x = half * (k * fy * (u - along * yr));
        X[b].y = inner ? half * (k * fy * (v - along * yi)) : 0.0f;
    }
    return part;
}

/* A triangle to a thread: log-mel distances; g: k times the gradient with respect to a
 * triangle's sum. */
static __device__ float log_mel(float *g, const float *xa, const float *ya,
                                const struct gpu_stft &s, float k)
{
    float part = 0.0f;

    for (int i = threadIdx.x; i < s.mels; i += blockDim.x) {
        const float *w = s.weight + (size_t)i * s.bins;
        float x = 0.0f, y = 0.0f, d;

        for (int b = 0; b < s.count[i]; b++) {
            x += w[b] * xa[s.first[i] + b];
            y += w[b] * ya[s.first[i] + b];
        }
        d = telu_log(y + MEL_EPS) - telu_log(x + MEL_EPS);
        part += fabsf(d);
        g[i] = k * sign(d) / (y + MEL_EPS);
    }
    return part;
}

/* d|Y|/dY = Y / |Y|; the gradient takes the place of Y. */
static __device__ void magnitude(cufftComplex *Y, const float *g, const float *ya,
                                 const struct gpu_stft &s)
{
    for (int b = threadIdx.x; b < s.bins; b += blockDim.x) {
        int inner = b > 0 && b < s.bins - 1, i = s.triangle[b];
        float next = i + 1 < s.mels ? s.side[2 * b + 1] * g[i + 1] : 0.0f;
        float k = (s.side[2 * b] * g[i] + next) / ya[b] * (inner ? 0.5f : 1.0f);

        Y[b].x = k * Y[b].x;
        Y[b].y = inner ? k * Y[b].y : 0.0f;
    }
}

/* Y stands `far` behind X; the inner bins' gradients are halved, as a real transform
 * back counts them twice. */
static __global__ void spectral(struct gpu_stft s, cufftComplex *spectra, size_t far,
                                size_t first, float km, float kc)
{
    __shared__ float xa[513], ya[513], g[128], part[2][SPECTRAL], some[2][SUMS];
    cufftComplex *X = spectra + (size_t)blockIdx.x * s.bins, *Y = X + far;
    int i = threadIdx.x, share = blockDim.x / SUMS;

    part[1][i] = compressed(X, Y, xa, ya, s.bins, kc);
    __syncthreads();
    part[0][i] = log_mel(g, xa, ya, s, km);
    __syncthreads();
    magnitude(Y, g, ya, s);
    if (i < 2 * SUMS) {
        const float *from = part[i / SUMS] + i % SUMS * share;
        float sum = 0.0f;

        for (int k = 0; k < share; k++)
            sum += from[k];
        some[i / SUMS][i % SUMS] = sum;
    }
    __syncthreads();
    if (i < 2) {
        float sum = 0.0f;

        for (int k = 0; k < SUMS; k++)
            sum += some[i][k];
        (i ? s.cpx : s.mel)[first + blockIdx.x] = sum;
    }
}

struct scales {
    struct gpu_stft s[GPU_SCALES];
    double km[GPU_SCALES], kc[GPU_SCALES];
};

/* part (2, B, pieces): of each piece of an item the sums of (y - x)^2 and of x^2. */
static __global__ void compare(double *part, const float *x, const float *y, int pieces,
                               int samples, int stride)
{
    __shared__ double room[GPU_WARPS];
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
    error = block_sum(error, room);
    energy = block_sum(energy, room);
    if (threadIdx.x == 0) {
        part[blockIdx.x] = error;
        part[gridDim.x + blockIdx.x] = energy;
    }
}

/* The sum of what a block's threads find there, in all of them. */
static __device__ inline double sum_of(const double *from, int n, double *room)
{
    double sum = 0.0;

    for (int i = threadIdx.x; i < n; i += blockDim.x)
        sum += from[i];
    return block_sum(sum, room);
}

/* The sums of an item's frames. value: (3, B). */
static __device__ inline void judge_frames(const struct scales &all, double *value, int b,
                                           int B, double *room)
{
    double mel = 0.0, cpx = 0.0;

    for (int j = 0; j < GPU_SCALES; j++) {
        const struct gpu_stft &s = all.s[j];
        double m = 0.0, c = 0.0;

        for (int f = threadIdx.x; f < s.frames; f += blockDim.x) {
            m += s.mel[(size_t)b * s.frames + f];
            c += s.cpx[(size_t)b * s.frames + f];
        }
        mel += all.km[j] * block_sum(m, room);
        cpx += all.kc[j] * block_sum(c, room);
    }
    if (threadIdx.x == 0) {
        value[b] = mel;
        value[B + b] = cpx;
    }
}

/* An item has a block for each of its pieces: the wave term's gradient there; and one
 * for its frames. part: of compare(). */
static __global__ void judge(const struct scales all, double *value, const double *part,
                             float *grad, const float *x, const float *y, int B,
                             int pieces, int samples, int stride)
{
    __shared__ double room[GPU_WARPS];
    struct piece m = piece_of(pieces + 1, samples);
    size_t at = (size_t)m.b * stride;
    double error, energy, wave;
    float k;

    if (m.k == pieces) {
        judge_frames(all, value, m.b, B, room);
        return;
    }
    part += (size_t)m.b * pieces;
    error = sum_of(part, pieces, room);
    energy = sum_of(part + (size_t)B * pieces, pieces, room) + 1e-3;
    wave = sqrt(error / energy + 1e-4);
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
    unsigned threads = s->bins > SPECTRAL ? SPECTRAL : SPECTRAL / 2;
    size_t far = (size_t)t->chunk * s->frames * s->bins;

    for (int b = 0; b < t->B; b += t->chunk) {
        int n = t->B - b < t->chunk ? t->B - b : t->chunk;

        if (gpu_stft_forward(t, which, b, n))
            return -1;
        TELU_LAUNCH(spectral, (unsigned)(n * s->frames), threads, 0, t->cuda.stream, *s,
                    t->spectra, far, (size_t)b * s->frames, (float)km, (float)kc);
        if (telu_cuda_launched("training, spectral losses") ||
            gpu_stft_adjoint(t, which, b, n))
            return -1;
    }
    return 0;
}

int gpu_loss(struct training *t)
{
    const float *x = t->x + GPU_LEAD, *y = t->wave + GPU_LEAD;
    struct scales all;

    for (int i = 0; i < GPU_SCALES; i++) {
        const struct gpu_stft *s = &t->stft[i];
        double each = 1.0 / ((double)GPU_SCALES * t->B * s->frames);

        all.s[i] = *s;
        all.km[i] = each / s->mels;
        all.kc[i] = each / (2 * s->bins);
        if (one_scale(t, i, all.km[i], all.kc[i]))
            return -1;
    }
    TELU_LAUNCH(compare, t->B * t->pieces, GPU_THREADS, 0, t->cuda.stream, t->sound_part,
                x, y, t->pieces, t->samples, t->stride);
    TELU_LAUNCH(judge, t->B * (t->pieces + 1), GPU_THREADS, 0, t->cuda.stream, all,
                t->value_item, t->sound_part, t->gl[2] + GPU_LEAD, x, y, t->B, t->pieces,
                t->samples, t->stride);
    return telu_cuda_launched("training, wave loss");
}
