/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph.cpp - graphs: lists of captured work with its arguments. */
#include "state.h"

#include <algorithm>

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    if (!s || s == telu_shim_stream(0) || s->capture)
        return telu_shim_mistake(cudaErrorStreamCaptureUnsupported,
                                 "cudaStreamBeginCapture: %s", s && s->capture
                                     ? "it is captured already"
                                     : "not of the default stream");
    s->capture = new CUgraph_st();
    s->capture->mode = mode;
    s->capture->thread = std::this_thread::get_id();
    s->capture->streams.push_back(s);
    s->captured = 0;
    s->joined = true;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    *graph = nullptr;
    if (!s || !s->capture || s->capture->streams[0] != s)
        return telu_shim_mistake(cudaErrorStreamCaptureUnmatched,
                                 "cudaStreamEndCapture of a stream that did not begin one");
    CUgraph_st *g = s->capture;
    bool joined = true;

    for (CUstream_st *other : g->streams) {
        joined &= other->joined;
        other->capture = nullptr;
        other->joined = true;
    }
    g->streams.clear();
    if (joined && !g->broken) {
        *graph = g;
        return cudaSuccess;
    }
    bool broken = g->broken;

    delete g;
    if (broken)
        return telu_shim_last(cudaErrorStreamCaptureInvalidated);
    return telu_shim_mistake(cudaErrorStreamCaptureUnjoined,
                             "cudaStreamEndCapture: nobody waits for another stream's work");
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    if (!s)
        return telu_shim_last(cudaErrorInvalidResourceHandle);
    *status = !s->capture ? cudaStreamCaptureStatusNone :
              s->capture->broken ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                                 unsigned long long flags)
{
    TELU_CALL;
    if (!graph || flags)
        return telu_shim_last(cudaErrorInvalidValue);
    if ((size_t)shim.counts.alive >= shim.memory)      /* a graph needs device memory */
        return telu_shim_last(cudaErrorMemoryAllocation);
    *exec = new CUgraphExec_st{std::make_shared<std::vector<telu_shim_op>>(graph->ops)};
    shim.counts.graphs++;
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t s)
{
    TELU_CALL;
    return telu_shim_last(exec && telu_shim_stream(s) ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s)
{
    TELU_CALL;
    if (!exec)
        return telu_shim_last(cudaErrorInvalidValue);
    if (telu_shim_capturing(s))
        return telu_shim_spoil(telu_shim_stream(s)->capture, cudaErrorNotSupported,
                               "a graph in a graph (the shim has none)");
    cudaError_t e = telu_shim_may_launch();

    if (e)
        return e;
    auto ops = exec->ops;

    shim.counts.graph_launches++;
    return telu_shim_submit(s, [ops] {
        for (const telu_shim_op &op : *ops) {
            shim.counts.graph_kernels += op.kernel;
            telu_shim_run_op(op);
        }
    }, false);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    telu_shim_entry entry(false);

    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    telu_shim_entry entry(false);

    delete exec;
    return cudaSuccess;
}
