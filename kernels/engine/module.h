/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* module.h - the interface of libtelucodec-cuda.so, and the search for it.
 *
 * Only this module links CUDA's libraries. The host looks for it in the folder that
 * TELUCODEC_BACKEND_PATH names; else in the build tree, when the caller runs from there,
 * and in LIBDIR/telucodec. A process opens it once and keeps it open.
 */
#ifndef TELU_MODULE_H
#define TELU_MODULE_H

#include "backend.h"
#include "engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raise it with every change of a struct that both sides see: this one, telu_backend,
 * telu_grads, telu_engine_ops, telu_model with its parts, telu_training. */
#define TELU_MODULE_ABI   7
#define TELU_MODULE_ENTRY "telu_module_get"
#define TELU_MODULE_FILE  "libtelucodec-cuda.so"

struct telu_grads;             /* grads.h */
struct telu_training;          /* ../trainer/training.h */
struct telu_ranks;             /* ../trainer/ranks.h */

struct telu_module {
    uint32_t abi;              /* TELU_MODULE_ABI */
    uint32_t model_size;       /* sizeof(struct telu_model): the same headers */
    const char *name;          /* "cuda" */
    const char *(*error)(void);            /* as telu_error(), of the module */
    enum telu_status (*status)(void);      /* as telu_error_status(), of the module */

    /* Returns the number of usable devices; 0 when the driver or a device is missing, -1
     * when CUDA cannot list them, as after a fault in this process: see error(). */
    int (*devices)(void);
    /* "NVIDIA H200, compute 9.0, 139.8 GiB" */
    int (*describe)(int device, char *text, size_t size);

    const struct telu_backend *ops;
    const struct telu_grads *grads;
    const struct telu_engine_ops *engine;  /* NULL: streams run on the CPU alone */
    const struct telu_training *training;
    const struct telu_ranks *ranks;
};

/* The module's one exported symbol. NULL when it does not speak that version. */
typedef const struct telu_module *(*telu_module_entry)(uint32_t abi);

/* Opens the module, in module.c of the host. build_dir: its folder in the build tree, or NULL.
 * Returns NULL with telu_error() when it is missing; does not look for a device. */
const struct telu_module *telu_module_open(const char *build_dir);

/* Result of this thread's last telu_module_open(): there is no module, as on most machines;
 * there is one but no driver, so that it was not opened; or it is there, which may still mean
 * that it cannot be used. */
enum telu_absent { TELU_THERE, TELU_NO_MODULE, TELU_NO_DRIVER };

enum telu_absent telu_module_absent(void);

#ifdef __cplusplus
}
#endif
#endif
