/* Counts how often the host waits for CUDA, on standard error at the end of a process:
 *
 *   gcc -shared -fPIC -O1 -o count_cuda_waits.so benchmarks/count_cuda_waits.c -ldl
 *   LD_PRELOAD=$PWD/count_cuda_waits.so build/cuda/bin/loopline train configs/emoji/loop.yaml \
 *     --set device=cuda --set iterations=2 --set samples.every=0 --set evaluation.every=0
 *
 * Once more with sampler.steps=20: the difference is what a denoising step and its updates cost. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_long waits;

#define COUNTED(name, parameters, arguments)                 \
  int name parameters {                                      \
    static int(*real) parameters;                            \
    if (!real) *(void**)(&real) = dlsym(RTLD_NEXT, #name);   \
    ++waits;                                                 \
    return real arguments;                                   \
  }

COUNTED(cudaStreamSynchronize, (void* stream), (stream))
COUNTED(cudaDeviceSynchronize, (void), ())
COUNTED(cudaEventSynchronize, (void* event), (event))
COUNTED(cudaMemcpy, (void* to, const void* from, size_t bytes, int kind), (to, from, bytes, kind))

__attribute__((destructor)) static void print_waits(void) {
  if (waits > 0) fprintf(stderr, "waits for CUDA: %ld\n", waits);
}
