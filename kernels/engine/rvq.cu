/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rvq.cu - tabulates the latent vector of every code of rvq.c, and sums codes to a latent. Table
 * and sums follow the CPU's order and give its bits. codes.cu searches the codes.
 */
#include "live.cuh"

#define THREADS 128

/* One block per code of a stage. */
static __global__ void __launch_bounds__(THREADS) code_table(struct telu_live l, float *to)
{
    const struct telu_model *m = l.tables;
    const struct telu_stage *st = &m->vq[blockIdx.y];
    const float *v = st->book + (size_t)blockIdx.x * st->dim;
    const int latent = m->cfg.latent;
    size_t at = live_code_latent(&l, m->cfg.codes, latent, blockIdx.y, blockIdx.x) -
                l.code_latents;

    for (int k = threadIdx.x; k < latent; k += THREADS)
        to[at + k] = live_stage_output(st, v, k);
}

/* One block per row: sums its codes. A row that the network conceals repeats its last sum. */
static __global__ void __launch_bounds__(THREADS) look_up(struct telu_live l)
{
    const struct telu_model *m = l.tables;
    const struct telu_row *row = live_row(&l, blockIdx.x);
    int latent = m->cfg.latent, codes = m->cfg.codes;

    if (!row || row->dec_age < 0)
        return;
    float *sum = l.sum + (size_t)blockIdx.x * latent;
    float *last = (float *)((char *)row->slot + l.slots.history);
    const struct telu_layers *y = &row->layers;
    const int stages = y->stages, bits = y->prefix_bits;

    for (int k = threadIdx.x; k < latent; k += THREADS) {
        float v[TELU_MAX_STAGES], all = 0.0f;

        if (row->conceal) {
            sum[k] = last[k];
            continue;
        }
        #pragma unroll
        for (int s = 0; s < TELU_MAX_STAGES; s++)
            v[s] = s < stages ? live_code_latent(&l, codes, latent, s, y->codes[s])[k] : 0.0f;
        #pragma unroll
        for (int s = 0; s < TELU_MAX_STAGES; s++)
            if (s < stages)
                all += v[s];
        if (bits > 0)
            all += live_stage_output(&m->vq[stages], live_node(&m->vq[stages], bits, y->prefix), k);
        sum[k] = last[k] = all;
    }
}

int telu_live_code_table(struct telu_ctx *ctx, const struct telu_live *l, float *to)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);
    const struct telu_config *c = &l->m->cfg;

    if (!cuda)
        return -1;
    TELU_LAUNCH(code_table, dim3((unsigned)c->codes, (unsigned)c->stages), THREADS, 0,
                cuda->stream, *l, to);
    return telu_cuda_launched("codes of a model");
}

int telu_live_lookup(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    TELU_LAUNCH(look_up, B, THREADS, 0, cuda->stream, *l);
    return telu_cuda_launched("codes to latent");
}
