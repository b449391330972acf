/* Bits out of bytes, the most significant first. Never reads beyond the end: what is missing there sets `failed`. */
#ifndef BEATFLOW_BITS_H
#define BEATFLOW_BITS_H

#include <stdbool.h>
#include <string.h>

#include "kernels.h"

/* Inlined always: what it is inlined into may be compiled for another processor. */
#if defined(_MSC_VER)
#include <intrin.h>
#include <stdlib.h>
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

/* The next bit is the window's highest. What is below `have` bits is either zero or what stands at `at`, so a word may
 * be or-ed in again. */
typedef struct {
    uint64_t window;
    const uint8_t *at, *end;
    unsigned have;
    bool failed;
} Reader;

INLINE unsigned leading_zeros(uint64_t word) { /* of no zero */
#if defined(_MSC_VER)
    unsigned long place;
    _BitScanReverse64(&place, word);
    return 63u - (unsigned)place;
#else
    return (unsigned)__builtin_clzll(word);
#endif
}

INLINE uint64_t load_big_endian(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if defined(_MSC_VER)
    return _byteswap_uint64(word);
#elif BF_BIG_ENDIAN
    return word;
#else
    return __builtin_bswap64(word);
#endif
}

/* Makes 56 bits at hand, or all that are left. */
INLINE void refill(Reader *reader) {
    if (reader->end - reader->at >= 8) {
        reader->window |= load_big_endian(reader->at) >> reader->have;
        reader->at += (63 - reader->have) >> 3;
        reader->have |= 56;
        return;
    }
    while (reader->have <= 56 && reader->at < reader->end) {
        reader->window |= (uint64_t)*reader->at++ << (56 - reader->have);
        reader->have += 8;
    }
}

INLINE void drop(Reader *reader, unsigned count) { /* of less than 64 bits at hand */
    reader->window <<= count;
    reader->have -= count;
}

/* The next 1 to 32 bits. */
INLINE uint32_t read_bits(Reader *reader, unsigned count) {
    refill(reader);
    if (reader->have < count) {
        reader->failed = true;
        return 0;
    }
    uint32_t found = (uint32_t)(reader->window >> (64 - count));
    drop(reader, count);
    return found;
}

INLINE int32_t read_signed(Reader *reader, unsigned count) {
    uint32_t sign = (uint32_t)1 << (count - 1);
    return (int32_t)((read_bits(reader, count) ^ sign) - sign);
}

/* Zeros up to the next one, which is passed as well. */
INLINE uint32_t read_unary(Reader *reader) {
    uint32_t count = 0;
    for (;;) {
        refill(reader);
        unsigned zeros = reader->window ? leading_zeros(reader->window) : 64;
        if (zeros < reader->have) {
            drop(reader, zeros);
            drop(reader, 1);
            return count + zeros;
        }
        count += reader->have; /* a payload has less than 2^31 bits */
        reader->window = 0;
        reader->have = 0;
        if (reader->at == reader->end) {
            reader->failed = true;
            return 0;
        }
    }
}

/* To the next whole byte, and over some. What is in the window beyond that is read again. */
INLINE void skip_to_byte(Reader *reader, size_t bytes) {
    reader->at -= reader->have >> 3;
    reader->window = 0;
    reader->have = 0;
    if ((size_t)(reader->end - reader->at) < bytes)
        reader->failed = true;
    else
        reader->at += bytes;
}

#endif
