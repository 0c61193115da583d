/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cufft.h - the part of cuFFT that the project uses: one dimension, float, a batch; fft.cpp.
 * Like cuFFT, no transform divides by its length, and C2R may overwrite its input. */
#ifndef TELU_SHIM_CUFFT_H
#define TELU_SHIM_CUFFT_H

#include "library_types.h"

typedef int cufftHandle;
typedef float cufftReal;
typedef cuComplex cufftComplex;

typedef enum {
    CUFFT_SUCCESS = 0, CUFFT_INVALID_PLAN = 1, CUFFT_ALLOC_FAILED = 2,
    CUFFT_INVALID_TYPE = 3, CUFFT_INVALID_VALUE = 4, CUFFT_INTERNAL_ERROR = 5,
    CUFFT_EXEC_FAILED = 6, CUFFT_SETUP_FAILED = 7, CUFFT_INVALID_SIZE = 8,
    CUFFT_INVALID_DEVICE = 11, CUFFT_NO_WORKSPACE = 13, CUFFT_NOT_IMPLEMENTED = 14,
    CUFFT_NOT_SUPPORTED = 16
} cufftResult;
typedef enum { CUFFT_R2C = 0x2a, CUFFT_C2R = 0x2c, CUFFT_C2C = 0x29 } cufftType;
#define CUFFT_FORWARD (-1)
#define CUFFT_INVERSE 1

cufftResult cufftCreate(cufftHandle *h);
cufftResult cufftDestroy(cufftHandle h);
cufftResult cufftPlan1d(cufftHandle *h, int n, cufftType type, int batch);
cufftResult cufftPlanMany(cufftHandle *h, int rank, int *n, int *inembed, int istride,
                          int idist, int *onembed, int ostride, int odist, cufftType type,
                          int batch);
cufftResult cufftMakePlan1d(cufftHandle h, int n, cufftType type, int batch, size_t *work);
cufftResult cufftMakePlanMany(cufftHandle h, int rank, int *n, int *inembed, int istride,
                              int idist, int *onembed, int ostride, int odist,
                              cufftType type, int batch, size_t *work);
cufftResult cufftGetSize(cufftHandle h, size_t *work);
cufftResult cufftSetAutoAllocation(cufftHandle h, int on);
cufftResult cufftSetWorkArea(cufftHandle h, void *work);
cufftResult cufftSetStream(cufftHandle h, cudaStream_t s);
cufftResult cufftExecR2C(cufftHandle h, cufftReal *in, cufftComplex *out);
cufftResult cufftExecC2R(cufftHandle h, cufftComplex *in, cufftReal *out);
cufftResult cufftExecC2C(cufftHandle h, cufftComplex *in, cufftComplex *out, int direction);

#endif
