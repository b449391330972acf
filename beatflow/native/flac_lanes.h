/* Blocks of FLAC: what is left of the samples when those before have foretold them, to the samples.
 *
 * Within a channel each sample waits for the one before, so those of several subframes are restored side by side.
 * Arithmetic wraps around: on sound streams it never does, on others it cannot harm.
 */
#ifndef BEATFLOW_FLAC_LANES_H
#define BEATFLOW_FLAC_LANES_H

#include "bits.h"

enum { MAX_ORDER = 32 };
/* Subframes at once; so many samples of each; and so far beyond a power of two apart, where caches would keep few. */
enum { LANES = 8, TILE = 64, SPARE = 16 };
enum { LEFT_SIDE = 8, SIDE_RIGHT = 9, MID_SIDE = 10 };
static const uint64_t BIAS = (uint64_t)1 << 62;

/* One channel of a block as it was read: `order` samples, and of each later one what is left when the `order` before it
 * have foretold it. All of them folded: 0, -1, 1, -2 … are 0, 1, 2, 3 …, as Rice codes have it. */
typedef struct {
    int32_t *samples;
    int32_t weights[MAX_ORDER];
    unsigned order, shift, bits, wasted;
} Subframe;

/* Subframes of equal length, whole frames of them, and how the channels of each one's frame are written. */
typedef struct {
    Subframe lanes[LANES];
    unsigned assignments[LANES];
    unsigned count;
    uint32_t block;
    /* All lanes' samples, `step` apart. */
    int32_t *planes;
    size_t step;
} Group;

INLINE int32_t fold(int32_t value) { return (int32_t)((uint32_t)value << 1) ^ (value >> 31); }

INLINE int32_t unfold(int32_t folded) { return (int32_t)((uint32_t)folded >> 1) ^ -(folded & 1); }

/* Whether 32 bits hold what the samples of a sound stream foretell. */
INLINE bool is_narrow(const Subframe *found) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < found->order; i++)
        sum += (uint64_t)(found->weights[i] < 0 ? -found->weights[i] : found->weights[i]);
    return sum << (found->bits - 1) < (uint64_t)1 << 31;
}

/* Adds to the rows from `order` on what the `order` rows before each foretell. */
INLINE void restore_rows(int32_t (*rows)[LANES], uint32_t count, int32_t (*weights)[LANES], const uint32_t *shifts,
                         unsigned order, bool narrow) {
    uint64_t wide_shifts[LANES];
    for (int lane = 0; lane < LANES; lane++)
        wide_shifts[lane] = shifts[lane];
    for (uint32_t i = 0; i < count; i++) {
        int32_t(*row)[LANES] = rows + i;
        if (narrow) {
            uint32_t sums[LANES] = {0};
            for (unsigned tap = 0; tap < order; tap++)
                for (int lane = 0; lane < LANES; lane++)
                    sums[lane] += (uint32_t)weights[tap][lane] * (uint32_t)row[tap][lane];
            for (int lane = 0; lane < LANES; lane++)
                row[order][lane] = (int32_t)((uint32_t)row[order][lane] +
                                            (uint32_t)((int32_t)sums[lane] >> shifts[lane]));
        } else {
            /* At most 32 products of 32 and 15 bits. Shifts of unsigned numbers are what processors have. */
            uint64_t sums[LANES];
            for (int lane = 0; lane < LANES; lane++)
                sums[lane] = BIAS;
            for (unsigned tap = 0; tap < order; tap++)
                for (int lane = 0; lane < LANES; lane++)
                    sums[lane] += (uint64_t)((int64_t)weights[tap][lane] * row[tap][lane]);
            for (int lane = 0; lane < LANES; lane++)
                row[order][lane] = (int32_t)((uint32_t)row[order][lane] +
                                            (uint32_t)(sums[lane] >> wide_shifts[lane]));
        }
    }
}

/* The first `count` samples of one subframe. */
INLINE void restore_start(const Subframe *found, uint32_t count) {
    for (uint32_t at = 0; at < count; at++) {
        int64_t sum = 0;
        if (at >= found->order)
            for (unsigned i = 0; i < found->order; i++)
                sum += (int64_t)found->weights[i] * found->samples[at - 1 - i];
        found->samples[at] = (int32_t)((uint32_t)unfold(found->samples[at]) + (uint32_t)(sum >> found->shift));
    }
}

#define RESTORE(number)                                                            \
    if (narrow)                                                                    \
        restore_rows(rows, count, weights, shifts, number, true);                  \
    else                                                                           \
        restore_rows(rows, count, weights, shifts, number, false)

INLINE void restore_group(Group *group) {
    unsigned most = 0;
    bool narrow = true;
    for (unsigned lane = 0; lane < group->count; lane++) {
        most = group->lanes[lane].order > most ? group->lanes[lane].order : most;
        narrow &= is_narrow(group->lanes + lane);
    }
    if (most == 0) {
        for (unsigned lane = 0; lane < group->count; lane++)
            for (uint32_t at = 0; at < group->block; at++)
                group->lanes[lane].samples[at] = unfold(group->lanes[lane].samples[at]);
        return;
    }
    /* Weights of 0 fill it up to one of four numbers that a loop each is compiled for. */
    unsigned order = most <= 4 ? 4 : most <= 8 ? 8 : most <= 12 ? 12 : MAX_ORDER;
    uint32_t shifts[LANES] = {0}, start = group->block < order ? group->block : order;
    int32_t weights[MAX_ORDER][LANES] = {{0}}, rows[MAX_ORDER + TILE][LANES] = {{0}};
    for (unsigned lane = 0; lane < group->count; lane++) {
        const Subframe *found = group->lanes + lane;
        shifts[lane] = found->shift;
        for (unsigned i = 0; i < found->order; i++)
            weights[order - 1 - i][lane] = found->weights[i];
        restore_start(found, start);
        for (uint32_t at = 0; at < start; at++)
            rows[at][lane] = found->samples[at];
    }
    for (unsigned lane = group->count; lane < LANES; lane++) /* not in use, but computed with as well */
        memset(group->lanes[lane].samples, 0, group->block * sizeof(int32_t));
    for (uint32_t at = start; at < group->block; at += TILE) {
        uint32_t count = group->block - at < TILE ? group->block - at : TILE;
        for (uint32_t i = 0; i < count; i++)
            for (unsigned lane = 0; lane < LANES; lane++)
                rows[order + i][lane] = unfold(group->planes[lane * group->step + at + i]);
        switch (order) {
        case 4:
            RESTORE(4);
            break;
        case 8:
            RESTORE(8);
            break;
        case 12:
            RESTORE(12);
            break;
        default:
            RESTORE(MAX_ORDER);
        }
        for (uint32_t i = 0; i < count; i++)
            for (unsigned lane = 0; lane < LANES; lane++)
                group->planes[lane * group->step + at + i] = rows[order + i][lane];
        memmove(rows, rows + count, order * sizeof *rows);
    }
}

/* One channel; false where a sample has more than `bits` bits. */
INLINE bool write_channel(const int32_t *samples, uint32_t count, unsigned bits, int32_t *out, size_t stride) {
    uint32_t half = (uint32_t)1 << (bits - 1), beyond = 0;
    for (uint32_t i = 0; i < count; i++) {
        out[stride * i] = samples[i];
        beyond |= (uint32_t)samples[i] + half;
    }
    return beyond >> bits == 0;
}

/* Two channels, of which one may be given by its difference to the other, or both by that and their mean. */
INLINE bool write_pair(const int32_t *first, const int32_t *second, uint32_t count, unsigned bits, unsigned assignment,
                       int32_t *out, size_t stride) {
    uint32_t half = (uint32_t)1 << (bits - 1), beyond = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t a = (uint32_t)first[i], b = (uint32_t)second[i];
        if (assignment == LEFT_SIDE) {
            b = a - b;
        } else if (assignment == SIDE_RIGHT) {
            a += b;
        } else if (assignment == MID_SIDE) {
            uint32_t twice = a << 1 | (b & 1);
            a = (uint32_t)((int32_t)(twice + b) >> 1);
            b = (uint32_t)((int32_t)(twice - b) >> 1);
        }
        out[stride * i] = (int32_t)a;
        out[stride * i + 1] = (int32_t)b;
        beyond |= (a + half) | (b + half);
    }
    return beyond >> bits == 0;
}

INLINE bool write_stereo(const int32_t *first, const int32_t *second, uint32_t count, unsigned bits,
                         unsigned assignment, int32_t *out, size_t stride) {
    /* Compilers make the most of what they know: the stride of stereo, and the assignment. */
    if (stride != 2)
        return write_pair(first, second, count, bits, assignment, out, stride);
    switch (assignment) {
    case LEFT_SIDE:
        return write_pair(first, second, count, bits, LEFT_SIDE, out, 2);
    case SIDE_RIGHT:
        return write_pair(first, second, count, bits, SIDE_RIGHT, out, 2);
    case MID_SIDE:
        return write_pair(first, second, count, bits, MID_SIDE, out, 2);
    }
    return write_pair(first, second, count, bits, 0, out, 2);
}

#endif
