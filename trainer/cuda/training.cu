/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* training.cu - see training.h: moves a trainer's state and runs its steps, as one CUDA
 * graph after a first plain step, in which cuBLAS sets itself up. */
#include "arena.cuh"

#include <stdlib.h>
#include <string.h>

#define RESULT_THREADS 1024    /* threads of the only block that sums the results */

static int enter(const struct training *t)
{
    return telu_cuda_check(cudaSetDevice(t->device), "training, the device");
}

/* --- A step ------------------------------------------------------------- */

/* The last kernel of a step writes its result. */
static __global__ void __launch_bounds__(RESULT_THREADS)
write_result(struct gpu_state *state, const struct gpu_order *order,
             struct telu_train_result *ring, const double *value, const double *commit, int B,
             int commits)
{
    __shared__ double scratch[RESULT_THREADS / 32];
    double sum[BALANCE_TERMS + 1];

    for (int j = 0; j <= BALANCE_TERMS; j++) {
        const double *from = j < BALANCE_TERMS ? value + (size_t)j * B : commit;
        int n = j < BALANCE_TERMS ? B : commits;
        double part = 0.0;

        for (int i = threadIdx.x; i < n; i += blockDim.x)
            part += from[i];
        sum[j] = block_sum(part, scratch);
    }
    if (threadIdx.x == 0) {
        struct telu_train_result *r = ring + state->written % TELU_TRAIN_RESULTS;

        r->mel = sum[0];
        r->cpx = sum[1];
        r->wave = sum[2];
        r->commit = sum[3] / B;
        r->norm = state->norm;
        state->written++;
        state->rng.step += order->decay > 0.0f;
    }
}

static int launches(struct training *t)
{
    if (gpu_model_forward(t) || gpu_loss(t) || gpu_balance(t) ||
        gpu_model_backward(t, COMMIT_WEIGHT, LATENT_WEIGHT) || gpu_adamw(t))
        return -1;
    TELU_LAUNCH(write_result, 1, RESULT_THREADS, 0, t->cuda.stream, t->state, t->order, t->ring,
                t->value_item, t->commit, t->B, t->cfg.stages * t->B * t->shares);
    return telu_cuda_launched("training, results");
}

/* Records the launches instead of running them. */
static int capture(struct training *t)
{
    cudaStream_t stream = t->cuda.stream;
    cudaGraph_t graph = NULL;
    int bad;

    if (telu_cuda_check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed),
                        "training, graph"))
        return -1;
    bad = launches(t);
    if (telu_cuda_check(cudaStreamEndCapture(stream, &graph), "training, end of graph") ||
        bad)
        return -1;
    bad = telu_cuda_check(cudaGraphInstantiate(&t->exec, graph, 0), "training, graph");
    cudaGraphDestroy(graph);
    return bad;
}

/* A graph cannot record the sum over several ranks. */
static int run_step(struct training *t)
{
    if (t->steps++ == 0 || t->reduce)
        return launches(t);
    if (!t->exec && capture(t))
        return -1;
    return telu_cuda_check(cudaGraphLaunch(t->exec, t->cuda.stream), "training, step");
}

static struct gpu_order *write_order(struct training *t, const int *stages, float rate,
                                     float decay)
{
    struct gpu_order *o = t->orders + t->started % TELU_TRAIN_RESULTS;

    o->rate = rate;
    o->decay = decay;
    for (int s = 0; s < t->cfg.stages; s++) {
        o->items[s] = 0;
        while (o->items[s] < t->B && stages[o->items[s]] > s)
            o->items[s]++;
    }
    return o;
}

/* Copies a batch to the device while the previous step runs, then into the step's own
 * arrays. */
static int copy_batch(struct training *t, int which, const struct gpu_order *o)
{
    size_t bytes = sizeof(float) * t->B * t->stride;
    cudaStream_t in = t->copies, stream = t->cuda.stream;
    const char *what = "training, copying a batch";

    if (telu_cuda_check(cudaStreamWaitEvent(in, t->taken, 0), what) ||
        telu_cuda_check(cudaMemcpyAsync(t->x_in, t->staging[which], bytes,
                                        cudaMemcpyHostToDevice, in), what) ||
        telu_cuda_check(cudaMemcpyAsync(t->order_in, o, sizeof(*o),
                                        cudaMemcpyHostToDevice, in), what) ||
        telu_cuda_check(cudaEventRecord(t->copied[which], in), what) ||
        telu_cuda_check(cudaStreamWaitEvent(stream, t->copied[which], 0), what) ||
        telu_cuda_check(cudaMemcpyAsync(t->x, t->x_in, bytes, cudaMemcpyDeviceToDevice,
                                        stream), what) ||
        telu_cuda_check(cudaMemcpyAsync(t->order, t->order_in, sizeof(*o),
                                        cudaMemcpyDeviceToDevice, stream), what))
        return -1;
    return telu_cuda_check(cudaEventRecord(t->taken, stream), what);
}

static int step(void *user, int which, const int *stages, float rate, float decay)
{
    struct training *t = (struct training *)user;

    if (which < 0 || which >= TELU_TRAIN_STAGING)
        return telu_fail("training: batch %d of %d", which, TELU_TRAIN_STAGING);
    if (t->started - t->read >= TELU_TRAIN_RESULTS)
        return telu_fail("training: %d steps without a look at their results",
                         TELU_TRAIN_RESULTS);
    if (enter(t) || copy_batch(t, which, write_order(t, stages, rate, decay)) || run_step(t))
        return -1;
    t->started++;
    return 0;
}

static int results(void *user, struct telu_train_result *r, int most)
{
    struct training *t = (struct training *)user;
    int n = 0;

    if (enter(t) ||
        telu_cuda_check(cudaMemcpyAsync(t->results, t->ring,
                                        sizeof(*t->results) * TELU_TRAIN_RESULTS,
                                        cudaMemcpyDeviceToHost, t->cuda.stream),
                        "training, results") ||
        telu_cuda_check(cudaStreamSynchronize(t->cuda.stream), "training, a step"))
        return -1;
    for (; n < most && t->read < t->started; n++, t->read++)
        r[n] = t->results[t->read % TELU_TRAIN_RESULTS];
    return n;
}

static float *staging(void *user, int which)
{
    struct training *t = (struct training *)user;

    if (which < 0 || which >= TELU_TRAIN_STAGING) {
        telu_fail("training: batch %d of %d", which, TELU_TRAIN_STAGING);
        return NULL;
    }
    if (enter(t) || telu_cuda_check(cudaEventSynchronize(t->copied[which]),
                                    "training, waiting for a batch's copy"))
        return NULL;
    return t->staging[which];
}

/* --- State -------------------------------------------------------------- */

static int move(struct training *t, void *device, void *host, size_t bytes, int up)
{
    return telu_cuda_check(cudaMemcpyAsync(up ? device : host, up ? host : device,
                                           bytes, up ? cudaMemcpyHostToDevice :
                                           cudaMemcpyDeviceToHost, t->cuda.stream),
                           up ? "training, state to the device"
                              : "training, state from the device");
}

#define MOVE_ARRAY(name, field, type, n, place) \
    || move(t, t->field, s->field, sizeof(type) * t->count.n, up)

static int move_all(struct training *t, const struct telu_train_state *s,
                    struct gpu_state *small, int up)
{
    if (0 TRAINER_STATE(MOVE_ARRAY, STATE_SKIP, STATE_SKIP) ||
        move(t, t->state, small, sizeof(*small), up) || (up && gpu_halves(t)))
        return -1;
    return telu_cuda_check(cudaStreamSynchronize(t->cuda.stream), "training, state");
}

#define PUT_VALUE(name, field, type, place) small.field = s->field;

static int put(void *user, const struct telu_train_state *s)
{
    struct training *t = (struct training *)user;
    struct gpu_state small;

    memset(&small, 0, sizeof(small));
    TRAINER_STATE(STATE_SKIP, PUT_VALUE, STATE_SKIP)
    small.written = t->started;
    return enter(t) ? -1 : move_all(t, s, &small, 1);
}

#define GET_VALUE(name, field, type, place) s->field = small.field;

static int get_state(void *user, struct telu_train_state *s)
{
    struct training *t = (struct training *)user;
    struct gpu_state small;

    if (enter(t) || move_all(t, s, &small, 0))
        return -1;
    TRAINER_STATE(STATE_SKIP, GET_VALUE, STATE_SKIP)
    return 0;
}

static int set_reduce(void *user, telu_train_reduce fn, void *fn_user, int rank,
                      int ranks)
{
    struct training *t = (struct training *)user;

    if (fn && (ranks < 1 || rank < 0 || rank >= ranks))
        return telu_fail("training: rank %d of %d", rank, ranks);
    t->reduce = fn;
    t->reduce_user = fn_user;
    t->rank = fn ? rank : 0;
    t->ranks = fn ? ranks : 1;
    t->steps = 0;
    if (t->exec)
        cudaGraphExecDestroy(t->exec);
    t->exec = NULL;
    return 0;
}

/* Copies items of `samples` floats: a gradient to the host, or a sound from it. */
static int items(struct training *t, float *device, float *host, int up)
{
    size_t pitch = sizeof(float) * t->stride, bytes = sizeof(float) * t->samples;
    float *a = device + MODEL_LEAD, *b = host + MODEL_LEAD;

    return telu_cuda_check(cudaMemcpy2DAsync(up ? a : b, pitch, up ? b : a, pitch,
                                             bytes, t->B, up ? cudaMemcpyHostToDevice :
                                             cudaMemcpyDeviceToHost, t->cuda.stream),
                           "training, a sound");
}

static int loss(void *user, float *mel, float *cpx, float *wave, double value[3],
                const float *x, const float *y)
{
    struct training *t = (struct training *)user;
    size_t n = (size_t)BALANCE_TERMS * t->B;
    double *each = (double *)malloc(sizeof(double) * n);
    int bad;

    if (!each)
        return telu_fail("training: no memory for %zu losses", n);
    bad = enter(t) || items(t, t->x, (float *)x, 1) || items(t, t->wave, (float *)y, 1) ||
          gpu_loss(t) || items(t, t->gl[0], mel, 0) || items(t, t->gl[1], cpx, 0) ||
          items(t, t->gl[2], wave, 0) ||
          move(t, t->value_item, each, sizeof(double) * n, 0) ||
          telu_cuda_check(cudaStreamSynchronize(t->cuda.stream), "training, losses");
    for (int i = 0; !bad && i < BALANCE_TERMS; i++) {
        value[i] = 0.0;
        for (int b = 0; b < t->B; b++)
            value[i] += each[(size_t)i * t->B + b];
    }
    free(each);
    return bad ? -1 : 0;
}

extern "C" const struct telu_training telu_training_cuda = {
    training_open, training_close, put, get_state, set_reduce, staging, step, results, loss,
};
