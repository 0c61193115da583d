/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream.cpp - streams and events. Work runs at once, or with TELUCODEC_SHIM_LAZY only when
 * the host waits for it, which shows missing waits.
 */
#include "state.h"

#include <time.h>

#include <algorithm>

static CUstream_st legacy = {true};
static std::vector<CUstream_st *> &streams = *new std::vector<CUstream_st *>{&legacy};
static std::vector<CUevent_st *> &events = *new std::vector<CUevent_st *>();

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

CUstream_st *telu_shim_stream(cudaStream_t s)
{
    if (!s || s == cudaStreamLegacy)
        return &legacy;
    return std::find(streams.begin(), streams.end(), s) == streams.end() ? nullptr : s;
}

static bool known(cudaEvent_t e)
{
    return std::find(events.begin(), events.end(), e) != events.end();
}

static cudaError_t no_handle(const char *call)
{
    return telu_shim_mistake(cudaErrorInvalidResourceHandle, "%s: no such stream or event",
                             call);
}

bool telu_shim_capturing(cudaStream_t s)
{
    CUstream_st *st = telu_shim_stream(s);

    return st && st->capture;
}

cudaError_t telu_shim_spoil(CUgraph_st *g, cudaError_t e, const char *what)
{
    g->broken = true;
    return telu_shim_mistake(e, "%s: not while a stream is captured", what);
}

cudaError_t telu_shim_not_while_capturing(const char *call)
{
    for (CUstream_st *s : streams)
        if (s->capture && (s->capture->mode == cudaStreamCaptureModeGlobal ||
                           (s->capture->mode == cudaStreamCaptureModeThreadLocal &&
                            s->capture->thread == std::this_thread::get_id())))
            return telu_shim_spoil(s->capture, cudaErrorStreamCaptureUnsupported, call);
    return cudaSuccess;
}

void telu_shim_run_op(const telu_shim_op &op)
{
    if (op.kind == telu_shim_op::RECORD) {
        op.event->reached = op.ticket;
        op.event->time = seconds();
    } else if (op.kind == telu_shim_op::WAIT) {
        if (op.event->reached < op.ticket && op.event->stream)
            telu_shim_drain(op.event->stream);
    } else if (!shim.sticky) {
        telu_shim_open_memory(true);
        op.run();
        telu_shim_open_memory(false);
    }
}

void telu_shim_drain(CUstream_st *s)
{
    while (!s->queue.empty()) {
        telu_shim_op op = s->queue.front();

        s->queue.pop_front();
        telu_shim_run_op(op);
    }
}

void telu_shim_drain_all(void)
{
    for (CUstream_st *s : streams)
        telu_shim_drain(s);
}

/* Outside of captures only. */
static void enqueue(CUstream_st *s, const telu_shim_op &op)
{
    if (!shim.lazy) {
        telu_shim_run_op(op);
        return;
    }
    if (s != &legacy && s->blocking)
        telu_shim_drain(&legacy);
    for (CUstream_st *other : streams)
        if (s == &legacy && other != s && other->blocking)
            telu_shim_drain(other);
    s->queue.push_back(op);
}

cudaError_t telu_shim_submit(cudaStream_t stream, std::function<void()> run, bool kernel)
{
    CUstream_st *s = telu_shim_stream(stream);

    if (!s)
        return no_handle("a launch, a copy or a library call");
    if (s->capture) {
        if (s->capture->broken)
            return telu_shim_last(cudaErrorStreamCaptureInvalidated);
        s->capture->ops.push_back({telu_shim_op::RUN, run, kernel, nullptr, 0});
        s->captured++;
        s->joined = s == s->capture->streams[0];
        return cudaSuccess;
    }
    for (CUstream_st *other : streams)
        if (s == &legacy && other->capture && other->blocking)
            return telu_shim_spoil(other->capture, cudaErrorStreamCaptureImplicit,
                                   "the default stream");
    enqueue(s, {telu_shim_op::RUN, run, kernel, nullptr, 0});
    return telu_shim_last(shim.sticky);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int)
{
    TELU_CALL;
    if (flags & ~1u)
        return telu_shim_last(cudaErrorInvalidValue);
    *s = new CUstream_st{!(flags & cudaStreamNonBlocking)};
    streams.push_back(*s);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
    return cudaStreamCreateWithPriority(s, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t *s)
{
    return cudaStreamCreateWithPriority(s, cudaStreamDefault, 0);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    TELU_CALL;
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

/* Works also after a fault, so that a program can free its streams. */
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    telu_shim_entry entry(false);

    if (!s || telu_shim_stream(s) != s)
        return no_handle("cudaStreamDestroy");
    if (s->capture)
        return telu_shim_spoil(s->capture, cudaErrorStreamCaptureUnsupported,
                               "cudaStreamDestroy");
    telu_shim_drain(s);
    for (CUevent_st *e : events)
        if (e->stream == s)
            e->stream = nullptr;
    streams.erase(std::find(streams.begin(), streams.end(), s));
    delete s;
    return telu_shim_last(shim.sticky);
}

static cudaError_t waited(const char *call)
{
    shim.counts.waits++;
    telu_shim_check_zones(call);
    return telu_shim_last(shim.sticky);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    if (!s)
        return no_handle("cudaStreamSynchronize");
    cudaError_t e = telu_shim_not_while_capturing("cudaStreamSynchronize");

    if (e)
        return e;
    if (s->blocking)
        telu_shim_drain(&legacy);
    telu_shim_drain(s);
    return waited("cudaStreamSynchronize");
}

/* Each query advances the stream by one step, so that polling ends. */
static void nudge(CUstream_st *s)
{
    if (s && !s->queue.empty()) {
        telu_shim_op op = s->queue.front();

        s->queue.pop_front();
        telu_shim_run_op(op);
    }
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    if (!s)
        return no_handle("cudaStreamQuery");
    cudaError_t e = telu_shim_not_while_capturing("cudaStreamQuery");

    if (e)
        return e;
    if (s->queue.empty())
        return cudaSuccess;
    nudge(s);
    return shim.sticky ? telu_shim_last(shim.sticky) : cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize(void)
{
    TELU_CALL;
    cudaError_t e = telu_shim_not_while_capturing("cudaDeviceSynchronize");

    if (e)
        return e;
    telu_shim_drain_all();
    return waited("cudaDeviceSynchronize");
}

cudaError_t cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t fn, void *user)
{
    TELU_CALL;
    return telu_shim_submit(s, [fn, user] {
        shim.host_function = true;
        fn(user);
        shim.host_function = false;
    }, false);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t e, unsigned flags)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    if (!s || !known(e) || flags)
        return no_handle("cudaStreamWaitEvent");
    if (!e->capture && s->capture && e->given)
        return telu_shim_spoil(s->capture, cudaErrorStreamCaptureUnsupported,
                               "waiting for an event of outside");
    if (e->capture) {
        if (!e->stream || e->stream->capture != e->capture)
            return telu_shim_mistake(cudaErrorInvalidValue, "cudaStreamWaitEvent: the event "
                                     "was recorded in a capture that is over");
        if (!s->capture) {     /* the stream joins */
            s->capture = e->capture;
            s->captured = 0;
            s->capture->streams.push_back(s);
        } else if (s->capture != e->capture) {
            return telu_shim_spoil(s->capture, cudaErrorStreamCaptureUnsupported,
                                   "waiting for another capture");
        }
        if (s != e->stream && e->captured == e->stream->captured)
            e->stream->joined = true;
        s->joined = s == s->capture->streams[0];
        return cudaSuccess;
    }
    if (e->given)
        enqueue(s, {telu_shim_op::WAIT, {}, false, e, e->given});
    return telu_shim_last(shim.sticky);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags)
{
    TELU_CALL;
    if (flags & ~3u)
        return telu_shim_last(cudaErrorInvalidValue);
    *e = new CUevent_st{flags};
    events.push_back(*e);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *e)
{
    return cudaEventCreateWithFlags(e, cudaEventDefault);
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t stream)
{
    TELU_CALL;
    CUstream_st *s = telu_shim_stream(stream);

    if (!s || !known(e))
        return no_handle("cudaEventRecord");
    e->stream = s;
    e->capture = s->capture;
    e->captured = s->captured;
    if (!s->capture)
        enqueue(s, {telu_shim_op::RECORD, {}, false, e, ++e->given});
    return telu_shim_last(shim.sticky);
}

cudaError_t cudaEventQuery(cudaEvent_t e)
{
    TELU_CALL;
    if (!known(e))
        return no_handle("cudaEventQuery");
    if (e->reached == e->given)
        return cudaSuccess;
    nudge(e->stream);
    return shim.sticky ? telu_shim_last(shim.sticky) : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    TELU_CALL;
    if (!known(e))
        return no_handle("cudaEventSynchronize");
    cudaError_t error = telu_shim_not_while_capturing("cudaEventSynchronize");

    if (error)
        return error;
    if (e->reached != e->given && e->stream)
        telu_shim_drain(e->stream);
    return waited("cudaEventSynchronize");
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    TELU_CALL;
    if (!known(from) || !known(to) || (from->flags | to->flags) & cudaEventDisableTiming ||
        !from->given || !to->given)
        return no_handle("cudaEventElapsedTime, without timing or not recorded");
    if (from->reached != from->given || to->reached != to->given)
        return telu_shim_last(cudaErrorNotReady);
    *ms = (float)((to->time - from->time) * 1e3);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    telu_shim_entry entry(false);

    if (!known(e))
        return no_handle("cudaEventDestroy");
    telu_shim_drain_all();     /* cannot be waited for afterwards */
    events.erase(std::find(events.begin(), events.end(), e));
    delete e;
    return telu_shim_last(shim.sticky);
}
