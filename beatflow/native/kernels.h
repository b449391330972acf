/* What all kernels share. Plain C11, no Python, no allocation that outlives a call.
 *
 * Numbers are those of docs/format.md; every kernel is the twin of the numpy code that calls it. A kernel trusts its
 * caller about the sizes of buffers and nothing else: what a payload says is checked here.
 */
#ifndef BEATFLOW_KERNELS_H
#define BEATFLOW_KERNELS_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>

/* Where doubles are not doubles, or a compiler may take sums apart, nothing is compiled, and numpy computes. */
#if defined(__FAST_MATH__) || defined(_M_FP_FAST) || (defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD == 2 || FLT_EVAL_METHOD < 0))
#error "the results would not be exact"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BF_BIG_ENDIAN 1
#else
#define BF_BIG_ENDIAN 0 /* of MSVC's processors as well */
#endif

#if defined(_WIN32)
#define BF_EXPORT __declspec(dllexport)
#else
#define BF_EXPORT __attribute__((visibility("default")))
#endif

/* One function, compiled for the processor at hand as well, chosen when the library is loaded. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define BF_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define BF_CLONES
#endif

#endif
