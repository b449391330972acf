/* Samples of every format to integers and back: the twin of objects/samples.py. */
#include "samples.h"

#include <string.h>

/* Samples between two looks at whether all so far were integers. */
#define BLOCK 4096

#define GRID 8388608.0 /* 2^23: what 1.0 is in units of the last of 24 bits */

int bf_width(int format) {
    static const int widths[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 8, 8};
    return format >= BF_U8 && format <= BF_F64BE ? widths[format] : 0;
}

int bf_bits(int format) {
    int width = bf_width(format);
    return width < 3 ? 8 * width : 24;
}

static inline uint16_t swap16(uint16_t word, int swapped) {
    return swapped ? (uint16_t)(word >> 8 | word << 8) : word;
}

static inline uint32_t swap32(uint32_t word, int swapped) {
    return swapped ? word >> 24 | (word >> 8 & 0xFF00) | (word << 8 & 0xFF0000) | word << 24 : word;
}

static inline uint64_t swap64(uint64_t word, int swapped) {
    return swapped ? (uint64_t)swap32((uint32_t)word, 1) << 32 | swap32((uint32_t)(word >> 32), 1) : word;
}

static inline uint16_t load16(const uint8_t *at, int big) {
    uint16_t word;
    memcpy(&word, at, 2);
    return swap16(word, big != BF_BIG_ENDIAN);
}

static inline void store16(uint8_t *at, uint16_t word, int big) {
    word = swap16(word, big != BF_BIG_ENDIAN);
    memcpy(at, &word, 2);
}

static inline uint32_t load32(const uint8_t *at, int big) {
    uint32_t word;
    memcpy(&word, at, 4);
    return swap32(word, big != BF_BIG_ENDIAN);
}

static inline uint64_t load64(const uint8_t *at, int big) {
    uint64_t word;
    memcpy(&word, at, 8);
    return swap64(word, big != BF_BIG_ENDIAN);
}

static inline void store32(uint8_t *at, uint32_t word, int big) {
    word = swap32(word, big != BF_BIG_ENDIAN);
    memcpy(at, &word, 4);
}

static inline void store64(uint8_t *at, uint64_t word, int big) {
    word = swap64(word, big != BF_BIG_ENDIAN);
    memcpy(at, &word, 8);
}

/* Loops for every format; `big` and `out` differ, and are constants in each copy. */

BF_CLONES static void read_bytes(const uint8_t *raw, int64_t count, int flip, int32_t *out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = (int8_t)(raw[i] ^ flip);
}

#define READ_PAIRS(NAME, BIG)                                                                      \
    BF_CLONES static void NAME(const uint8_t *raw, int64_t count, int32_t *out) {                  \
        for (int64_t i = 0; i < count; i++)                                                        \
            out[i] = (int16_t)load16(raw + 2 * i, BIG);                                            \
    }
READ_PAIRS(read_pairs_le, 0)
READ_PAIRS(read_pairs_be, 1)

#define READ_TRIPLES(NAME, LOW, HIGH)                                                              \
    BF_CLONES static void NAME(const uint8_t *raw, int64_t count, int32_t *out) {                  \
        for (int64_t i = 0; i < count; i++)                                                        \
            out[i] = (int32_t)((uint32_t)raw[3 * i + LOW] << 8 | (uint32_t)raw[3 * i + 1] << 16 |  \
                               (uint32_t)raw[3 * i + HIGH] << 24) >> 8;                            \
    }
READ_TRIPLES(read_triples_le, 0, 2)
READ_TRIPLES(read_triples_be, 2, 0)

#define READ_WORDS(NAME, BIG)                                                                      \
    BF_CLONES static uint32_t NAME(const uint8_t *raw, int64_t count, int32_t *out) {              \
        uint32_t low = 0;                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            uint32_t word = load32(raw + 4 * i, BIG);                                              \
            low |= word;                                                                           \
            out[i] = (int32_t)word >> 8;                                                           \
        }                                                                                          \
        return low & 0xFF;                                                                         \
    }
READ_WORDS(read_words_le, 0)
READ_WORDS(read_words_be, 1)

/* Numbers from -1 to 1 are told by their bits, ONE being those of 1.0: what is outside, or none at all, counts as off
 * the grid and is taken as 0. So do those below LEAST, the bits of 2^-23: arithmetic takes the smallest for 0 in a process
 * where some library has set the processor to. */
#define READ_FLOATS(NAME, WORD, FLOAT, ONE, LEAST, LOAD, WIDTH, BIG)                               \
    BF_CLONES static uint32_t NAME(const uint8_t *raw, int64_t count, int32_t *out) {              \
        const WORD sign = (WORD)1 << (8 * WIDTH - 1);                                              \
        uint32_t off = 0;                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                      \
            WORD word = LOAD(raw + WIDTH * i, BIG);                                                \
            WORD inside = (WORD)((word & ~sign) < ONE) | (WORD)(word == (sign | ONE));             \
            WORD size = word & ~sign;                                                              \
            WORD tiny = (WORD)(size - 1 < LEAST - 1) | (WORD)(word == sign);                       \
            word &= 0 - inside;                                                                    \
            FLOAT level;                                                                           \
            memcpy(&level, &word, WIDTH);                                                          \
            level *= (FLOAT)GRID;                                                                  \
            int32_t whole = (int32_t)level;                                                        \
            off |= (uint32_t)(inside ^ 1) | (uint32_t)tiny | (uint32_t)((FLOAT)whole != level);    \
            out[i] = whole;                                                                        \
        }                                                                                          \
        return off;                                                                                \
    }
READ_FLOATS(read_floats_le, uint32_t, float, 0x3F800000u, 0x34000000u, load32, 4, 0)
READ_FLOATS(read_floats_be, uint32_t, float, 0x3F800000u, 0x34000000u, load32, 4, 1)
READ_FLOATS(read_doubles_le, uint64_t, double, 0x3FF0000000000000u, 0x3E80000000000000u, load64, 8, 0)
READ_FLOATS(read_doubles_be, uint64_t, double, 0x3FF0000000000000u, 0x3E80000000000000u, load64, 8, 1)

typedef uint32_t reader(const uint8_t *raw, int64_t count, int32_t *out);

int bf_read_samples(const uint8_t *raw, int64_t count, int format, int32_t *out) {
    reader *read;
    switch (format) {
    case BF_U8:
    case BF_S8:
        read_bytes(raw, count, format == BF_U8 ? 0x80 : 0, out);
        return 0;
    case BF_S16LE:
        read_pairs_le(raw, count, out);
        return 0;
    case BF_S16BE:
        read_pairs_be(raw, count, out);
        return 0;
    case BF_S24LE:
        read_triples_le(raw, count, out);
        return 0;
    case BF_S24BE:
        read_triples_be(raw, count, out);
        return 0;
    case BF_S32LE: read = read_words_le; break;
    case BF_S32BE: read = read_words_be; break;
    case BF_F32LE: read = read_floats_le; break;
    case BF_F32BE: read = read_floats_be; break;
    case BF_F64LE: read = read_doubles_le; break;
    case BF_F64BE: read = read_doubles_be; break;
    default: return -1;
    }
    int width = bf_width(format);
    for (int64_t at = 0; at < count; at += BLOCK)
        if (read(raw + at * width, count - at < BLOCK ? count - at : BLOCK, out + at))
            return 1;
    return 0;
}

BF_CLONES static void write_bytes(const int32_t *values, int64_t count, int flip, uint8_t *raw) {
    for (int64_t i = 0; i < count; i++)
        raw[i] = (uint8_t)(values[i] ^ flip);
}

#define WRITE_PAIRS(NAME, BIG)                                                                     \
    BF_CLONES static void NAME(const int32_t *values, int64_t count, uint8_t *raw) {               \
        for (int64_t i = 0; i < count; i++)                                                        \
            store16(raw + 2 * i, (uint16_t)values[i], BIG);                                        \
    }
WRITE_PAIRS(write_pairs_le, 0)
WRITE_PAIRS(write_pairs_be, 1)

#define WRITE_TRIPLES(NAME, LOW, HIGH)                                                             \
    BF_CLONES static void NAME(const int32_t *values, int64_t count, uint8_t *raw) {               \
        for (int64_t i = 0; i < count; i++) {                                                      \
            raw[3 * i + LOW] = (uint8_t)values[i];                                                 \
            raw[3 * i + 1] = (uint8_t)(values[i] >> 8);                                            \
            raw[3 * i + HIGH] = (uint8_t)(values[i] >> 16);                                        \
        }                                                                                          \
    }
WRITE_TRIPLES(write_triples_le, 0, 2)
WRITE_TRIPLES(write_triples_be, 2, 0)

#define WRITE_WORDS(NAME, BIG)                                                                     \
    BF_CLONES static void NAME(const int32_t *values, int64_t count, uint8_t *raw) {               \
        for (int64_t i = 0; i < count; i++)                                                        \
            store32(raw + 4 * i, (uint32_t)values[i] << 8, BIG);                                   \
    }
WRITE_WORDS(write_words_le, 0)
WRITE_WORDS(write_words_be, 1)

#define WRITE_FLOATS(NAME, WORD, FLOAT, STORE, WIDTH, BIG)                                         \
    BF_CLONES static void NAME(const int32_t *values, int64_t count, uint8_t *raw) {               \
        for (int64_t i = 0; i < count; i++) {                                                      \
            FLOAT level = (FLOAT)values[i] * (FLOAT)(1.0 / GRID);                                  \
            WORD word;                                                                             \
            memcpy(&word, &level, WIDTH);                                                          \
            STORE(raw + WIDTH * i, word, BIG);                                                     \
        }                                                                                          \
    }
WRITE_FLOATS(write_floats_le, uint32_t, float, store32, 4, 0)
WRITE_FLOATS(write_floats_be, uint32_t, float, store32, 4, 1)
WRITE_FLOATS(write_doubles_le, uint64_t, double, store64, 8, 0)
WRITE_FLOATS(write_doubles_be, uint64_t, double, store64, 8, 1)

int bf_write_samples(const int32_t *values, int64_t count, int format, uint8_t *raw) {
    switch (format) {
    case BF_U8:
    case BF_S8: write_bytes(values, count, format == BF_U8 ? 0x80 : 0, raw); return 0;
    case BF_S16LE: write_pairs_le(values, count, raw); return 0;
    case BF_S16BE: write_pairs_be(values, count, raw); return 0;
    case BF_S24LE: write_triples_le(values, count, raw); return 0;
    case BF_S24BE: write_triples_be(values, count, raw); return 0;
    case BF_S32LE: write_words_le(values, count, raw); return 0;
    case BF_S32BE: write_words_be(values, count, raw); return 0;
    case BF_F32LE: write_floats_le(values, count, raw); return 0;
    case BF_F32BE: write_floats_be(values, count, raw); return 0;
    case BF_F64LE: write_doubles_le(values, count, raw); return 0;
    case BF_F64BE: write_doubles_be(values, count, raw); return 0;
    default: return -1;
    }
}
