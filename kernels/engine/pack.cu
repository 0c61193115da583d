/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.cu - finishes a packet on the device: rate control chooses the step, the coder writes the
 * bytes (codec/coder.c), one warp per row.
 *
 * pack_few gives each row its own block: all warps measure the packet at once, each at one point
 * of its curve, and the first warp goes on with the results.
 */
#include "coder.cuh"

#include "live.cuh"

#define WARPS       (LIVE_THREADS / LIVE_WARP)
#define FEW_THREADS (LIVE_WARP * TELU_RC_GRID)         /* a warp for each point */

/* A row's packet, in shared memory. */
struct pack_scratch {
    struct telu_layers layers;
    struct telu_bands bands;
    float y[TELU_COEFS];
    __align__(16) uint8_t packet[TELU_MAX_PACKET + 16];
};

/* A warp finishes row r. c, base [320]: its coefficients and base layer. */
static __device__ void finish(const struct telu_live *l, int r, struct pack_scratch *p,
                              const float *c, const float *base, const float *points)
{
    const struct telu_model *m = l->tables;
    struct telu_row *row = &l->row[r];
    struct telu_enc_slot *slot = (struct telu_enc_slot *)row->slot;
    struct telu_response_head *response = live_response(l, r);
    char *out = live_out(l, r, (size_t)live_head(l)->stride);
    const struct telu_budget budget = row->budget;
    struct telu_rc rc = slot->rc;
    int n, K = m->cfg.kernel;

    copy(&p->layers, &row->layers, offsetof(struct telu_layers, q));
    copy(&p->bands, &row->bands, sizeof(p->bands));
    TELU_SYNC_LANES();
    n = telu_encode_finish(&rc, &budget, &p->layers, &p->bands, m, c, base, points, p->y,
                           p->packet);
    TELU_SYNC_LANES();
    copy(out, p->packet, live_round((size_t)n));
    if (TELU_LANE != 0)
        return;
    slot->rc = rc;
    slot->enc_age = row->enc_age < 0 ? 0 : live_next_age(row->enc_age, K);
    slot->dec_age = row->dec_age < 0 ? 0 : live_next_age(row->dec_age, K);
    response->bytes = n;
    response->result = 0;
    response->info = telu_layers_info(&p->layers, n);
}

static __global__ void __launch_bounds__(LIVE_THREADS, LIVE_BLOCKS)
pack(struct telu_live l)
{
    __shared__ struct pack_scratch scratch[WARPS];
    int r = blockIdx.x * WARPS + threadIdx.x / LIVE_WARP;
    struct telu_row *row = live_row(&l, r);
    float *base = l.base + (size_t)r * TELU_COEFS;

    if (!row)
        return;
    if (row->dec_age < 0)
        for (int k = TELU_LANE; k < TELU_COEFS; k += TELU_LANES)
            base[k] = 0.0f;
    TELU_SYNC_LANES();
    finish(&l, r, &scratch[threadIdx.x / LIVE_WARP], l.c + (size_t)r * TELU_COEFS, base, NULL);
}

/* Scratch of a warp that tries a step. */
struct trial {
    struct telu_bands bands;
    int q[TELU_COEFS];
};

static __global__ void __launch_bounds__(FEW_THREADS, 1) pack_few(struct telu_live l)
{
    __shared__ struct pack_scratch scratch;
    __shared__ struct trial trials[TELU_RC_GRID];
    __shared__ float c[TELU_COEFS], base[TELU_COEFS], points[TELU_RC_GRID];
    const struct telu_model *m = l.tables;
    int r = blockIdx.x, t = threadIdx.x, point = t / LIVE_WARP;
    struct telu_row *row = live_row(&l, r);

    if (!row)
        return;
    const struct telu_rate rate = ((struct telu_enc_slot *)row->slot)->rc.rate;
    int tries = row->layers.refined && rate.mode != TELU_CBR;

    if (t < TELU_COEFS) {
        c[t] = l.c[(size_t)r * TELU_COEFS + t];
        base[t] = row->dec_age < 0 ? 0.0f : l.base[(size_t)r * TELU_COEFS + t];
    }
    if (tries)
        copy(&trials[point].bands, &row->bands, sizeof(struct telu_bands));
    __syncthreads();
    if (tries) {
        const struct telu_budget budget = row->budget;
        float bytes = telu_rc_point(&rate, &budget, &trials[point].bands, &m->tab,
                                    telu_packet_header_bytes(row->layers.codes, budget.stages, 1,
                                                             &m->tab), c, base,
                                    trials[point].q, point);

        if (TELU_LANE == 0)
            points[point] = bytes;
    }
    __syncthreads();
    if (point == 0)
        finish(&l, r, &scratch, c, base, tries ? points : NULL);
}

int telu_live_pack(struct telu_ctx *ctx, const struct telu_live *l, int B)
{
    const struct telu_cuda *cuda = telu_cuda_from_ctx(ctx);

    if (!cuda)
        return -1;
    if (B <= TELU_SMALL_ROW_BLOCKS)
        TELU_LAUNCH(pack_few, B, FEW_THREADS, 0, cuda->stream, *l);
    else
        TELU_LAUNCH(pack, live_blocks(B, WARPS), LIVE_THREADS, 0, cuda->stream, *l);
    return telu_cuda_launched("packing");
}
