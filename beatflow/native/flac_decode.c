/* FLAC streams (RFC 9639) to samples, as they stand in a file or as integers.
 *
 * Reads what an encoder makes of a chunk: one native stream of 1 to 8 channels of 8, 16 or 24 bits. Whatever else the
 * bytes say, nothing outside of the payload is read and nothing outside of the given buffer written. CRCs, frame
 * numbers and the MD5 are passed over: records have a CRC of their own, and a chunk's id is the SHA-256 of what comes out.
 *
 * Arithmetic wraps around: on sound streams it never does, on others it cannot harm. Samples of more bits than the
 * stream has are refused at the end.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"

#if defined(_MSC_VER)
#include <intrin.h>
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

/* The same code for processors that count leading zeros and shift by any register in one cycle. BF_CLONES cannot name
 * several extensions at once, and avx2 alone has neither. */
#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_MODERN 1
#define MODERN __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#endif

enum { DECODED = 0, NOT_FLAC = 1, OTHER_SHAPE = 2, DAMAGED = 3, NO_MEMORY = 4 };
enum { MAX_CHANNELS = 8, MAX_ORDER = 32, MAX_FIXED_ORDER = 4, MAX_BITS = 24 };
enum { HEAD_BYTES = 4, STREAMINFO_BYTES = 34, FIRST_BLOCK_END = HEAD_BYTES + 4 + STREAMINFO_BYTES };
enum { CRC_BYTES = 2, MD5_BYTES = 16 };
/* Subframes at once, and so many samples of each. */
enum { LANES = 8, TILE = 64, GAP = 80 };
static const uint64_t BIAS = (uint64_t)1 << 62;
enum { LEFT_SIDE = 8, SIDE_RIGHT = 9, MID_SIDE = 10 };

/* Bits, the most significant first: the next one is the window's highest. What is below `have` bits is either zero or
 * what stands at `at`, so a word may be or-ed in again. */
typedef struct {
    uint64_t window;
    const uint8_t *at, *end;
    unsigned have;
    bool failed;
} Reader;

/* One channel of a block as it was read: `order` samples, and of each later one what is left when the `order` before it
 * have foretold it. All of them folded: 0, -1, 1, -2 … are 0, 1, 2, 3 …, as Rice codes have it. */
typedef struct {
    int32_t *samples;
    int32_t weights[MAX_ORDER];
    unsigned order, shift, bits, wasted;
} Subframe;

/* Subframes of equal length, which are restored side by side: within one of them each sample waits for the one before. */
typedef struct {
    Subframe lanes[LANES];
    unsigned assignments[LANES];
    unsigned count;
    uint32_t block;
    /* All lanes' samples, `step` apart. */
    int32_t *planes;
    size_t step;
} Group;

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
#elif __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
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

INLINE int32_t fold(int32_t value) { return (int32_t)((uint32_t)value << 1) ^ (value >> 31); }

INLINE int32_t unfold(int32_t folded) { return (int32_t)((uint32_t)folded >> 1) ^ -(folded & 1); }

/* Rice codes of one parameter. */
INLINE void read_rice(Reader *shared, int32_t *samples, size_t count, unsigned parameter) {
    Reader reader = *shared;
    const int32_t *end = samples + count;
    unsigned tail = parameter + 1;
    /* Of 56 bits at hand, two codes may take 28 each. */
    int most = 28 - (int)tail;
    while (samples < end) {
        if (end - samples >= 2 && reader.end - reader.at >= 8) {
            bool both = false;
            refill(&reader);
            for (int i = 0; i < 2; i++) {
                unsigned zeros = leading_zeros(reader.window | 1);
                both = (int)zeros <= most;
                if (!both)
                    break;
                /* The one after the zeros, and the code's low part. */
                uint32_t low = (uint32_t)(reader.window >> (64 - zeros - tail));
                *samples++ = (int32_t)(((zeros - 1) << parameter) + low);
                drop(&reader, zeros + tail);
            }
            if (both)
                continue;
        }
        uint32_t high = read_unary(&reader);
        uint32_t low = parameter ? read_bits(&reader, parameter) : 0;
        if (reader.failed || high > UINT32_MAX >> parameter) {
            reader.failed = true;
            break;
        }
        *samples++ = (int32_t)((high << parameter) | low);
    }
    *shared = reader;
}

INLINE void read_plain(Reader *reader, int32_t *samples, uint32_t count, unsigned bits) {
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        samples[i] = bits ? fold(read_signed(reader, bits)) : 0;
}

/* Everything of a block after the first `order` samples. */
INLINE void read_residual(Reader *reader, int32_t *samples, uint32_t block, unsigned order) {
    unsigned method = read_bits(reader, 2), partition_order = read_bits(reader, 4);
    uint32_t part = block >> partition_order;
    if (reader->failed || method > 1 || part << partition_order != block || part <= order) {
        reader->failed = true;
        return;
    }
    unsigned parameter_bits = method == 0 ? 4 : 5, escape = (1u << parameter_bits) - 1;
    uint32_t at = order;
    for (uint32_t end = part; end <= block && !reader->failed; end += part) {
        unsigned parameter = read_bits(reader, parameter_bits);
        if (parameter == escape)
            read_plain(reader, samples + at, end - at, read_bits(reader, 5));
        else
            read_rice(reader, samples + at, end - at, parameter);
        at = end;
    }
}

static const int8_t FIXED[MAX_FIXED_ORDER + 1][MAX_FIXED_ORDER] = {{0}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}};

/* One channel of a block, of `bits` bits. */
INLINE void read_subframe(Reader *reader, Subframe *found, uint32_t block, unsigned bits) {
    unsigned head = read_bits(reader, 8), type = head >> 1 & 63;
    found->order = found->shift = 0;
    found->wasted = head & 1 ? read_unary(reader) + 1 : 0;
    if (reader->failed || head >> 7 || found->wasted >= bits) {
        reader->failed = true;
        return;
    }
    found->bits = bits -= found->wasted;
    if (type == 0) {
        int32_t value = fold(read_signed(reader, bits));
        for (uint32_t i = 0; i < block; i++)
            found->samples[i] = value;
    } else if (type == 1) {
        read_plain(reader, found->samples, block, bits);
    } else {
        bool fixed = type < 32;
        unsigned order = fixed ? type - 8 : type - 31; /* of a type below 8: a very large one */
        if (order > (fixed ? MAX_FIXED_ORDER : MAX_ORDER) || order >= block) {
            reader->failed = true;
            return;
        }
        found->order = order;
        read_plain(reader, found->samples, order, bits);
        if (fixed) {
            for (unsigned i = 0; i < order; i++)
                found->weights[i] = FIXED[order][i];
        } else {
            unsigned precision = read_bits(reader, 4) + 1;
            found->shift = read_bits(reader, 5);
            if (precision > 15 || found->shift > 15) {
                reader->failed = true;
                return;
            }
            for (unsigned i = 0; i < order; i++)
                found->weights[i] = read_signed(reader, precision);
        }
        read_residual(reader, found->samples, block, order);
    }
}

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
                row[order][lane] = (int32_t)((uint32_t)row[order][lane] + (uint32_t)((int32_t)sums[lane] >> shifts[lane]));
        } else {
            /* At most 32 products of 32 and 15 bits. Shifts of unsigned numbers are what processors have. */
            uint64_t sums[LANES];
            for (int lane = 0; lane < LANES; lane++)
                sums[lane] = BIAS;
            for (unsigned tap = 0; tap < order; tap++)
                for (int lane = 0; lane < LANES; lane++)
                    sums[lane] += (uint64_t)((int64_t)weights[tap][lane] * row[tap][lane]);
            for (int lane = 0; lane < LANES; lane++)
                row[order][lane] = (int32_t)((uint32_t)row[order][lane] + (uint32_t)(sums[lane] >> wide_shifts[lane]));
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

/* What a frame's head says of it: samples for each channel, 0 for what cannot be, and how the channels are written. */
typedef struct {
    uint32_t block;
    unsigned assignment;
} Frame;

INLINE Frame read_frame_head(Reader *reader, uint32_t channels, unsigned bits) {
    static const uint8_t BITS[] = {0, 8, 12, 0, 16, 20, 24, 32};
    const Frame none = {0, 0};
    uint32_t head = read_bits(reader, 32);
    unsigned size = head >> 12 & 15, rate = head >> 8 & 15, assignment = head >> 4 & 15, depth = head >> 1 & 7;
    if (head >> 17 != 0xFFF8 >> 1 || head & 1 || rate == 15)
        return none;
    if (assignment < MAX_CHANNELS ? assignment + 1 != channels : assignment > MID_SIDE || channels != 2)
        return none;
    if (depth && BITS[depth] != bits)
        return none;
    /* The number: as many bytes as its first one has leading ones, or one. */
    for (uint32_t first = read_bits(reader, 8) << 1; first & 0x100; first <<= 1)
        if (first & 0x80)
            read_bits(reader, 8);
    Frame frame = {0, assignment};
    if (size == 1)
        frame.block = 192;
    else if (size >= 2 && size <= 5)
        frame.block = 576u << (size - 2);
    else if (size == 6 || size == 7)
        frame.block = read_bits(reader, size == 6 ? 8 : 16) + 1;
    else if (size >= 8)
        frame.block = 256u << (size - 8);
    if (rate >= 12)
        read_bits(reader, rate == 12 ? 8 : 16);
    read_bits(reader, 8);
    return reader->failed ? none : frame;
}

/* Where a stream goes: `out` takes samples of a format, or, where that is 0, integers, `stride` for each frame. */
typedef struct {
    uint32_t frames, channels, stride;
    unsigned bits;
    int format;
    uint8_t *out;
    /* Of `room` frames each: a plane for each lane, and a block that is interleaved. */
    uint32_t room;
    int32_t *planes, *rows;
} Target;

INLINE size_t get_width(const Target *target) {
    return target->format ? (size_t)bf_width(target->format) : sizeof(int32_t);
}

/* The frames of a group to where they go; false where a sample has too many bits. */
INLINE bool write_group(const Target *target, const Group *group, uint8_t *out) {
    uint32_t channels = target->channels, block = group->block, stride = target->stride;
    for (unsigned at = 0; at < group->count; at += channels) {
        int32_t *rows = target->format ? target->rows : (int32_t *)out;
        bool fits = true;
        for (unsigned lane = at; lane < at + channels; lane++)
            if (group->lanes[lane].wasted)
                for (uint32_t i = 0; i < block; i++)
                    group->lanes[lane].samples[i] =
                        (int32_t)((uint32_t)group->lanes[lane].samples[i] << group->lanes[lane].wasted);
        if (channels == 2)
            fits = write_stereo(group->lanes[at].samples, group->lanes[at + 1].samples, block, target->bits,
                                group->assignments[at], rows, stride);
        else if (stride == 1)
            fits = write_channel(group->lanes[at].samples, block, target->bits, rows, 1);
        else
            for (uint32_t channel = 0; channel < channels; channel++)
                fits &= write_channel(group->lanes[at + channel].samples, block, target->bits, rows + channel, stride);
        if (!fits)
            return false;
        size_t count = (size_t)block * stride;
        if (target->format)
            bf_write_samples(rows, (int64_t)count, target->format, out);
        out += count * get_width(target);
    }
    return true;
}

/* One frame into the lanes that follow those in use. */
INLINE void read_frame(Reader *reader, Group *group, uint32_t channels, unsigned bits, unsigned assignment) {
    for (uint32_t channel = 0; channel < channels && !reader->failed; channel++) {
        bool side = assignment == SIDE_RIGHT ? channel == 0 : assignment >= LEFT_SIDE && channel == 1;
        group->assignments[group->count] = assignment;
        read_subframe(reader, group->lanes + group->count++, group->block, bits + side);
    }
    skip_to_byte(reader, CRC_BYTES);
}

/* All frames of a stream, as many at once as there are lanes for. */
INLINE int read_frames(Reader *reader, const Target *target) {
    uint32_t channels = target->channels, left = target->frames;
    uint8_t *out = target->out;
    Group group;
    group.planes = target->planes;
    group.step = target->room;
    for (unsigned lane = 0; lane < LANES; lane++)
        group.lanes[lane].samples = group.planes + lane * group.step;
    Frame next = {0, 0};
    while (left) {
        uint32_t after = left;
        group.count = 0;
        while (after && group.count + channels <= LANES) {
            if (next.block == 0)
                next = read_frame_head(reader, channels, target->bits);
            if (next.block == 0 || next.block > target->room || next.block > after)
                return DAMAGED;
            if (group.count && next.block != group.block)
                break;
            group.block = next.block;
            read_frame(reader, &group, channels, target->bits, next.assignment);
            if (reader->failed)
                return DAMAGED;
            after -= next.block;
            next.block = 0;
        }
        restore_group(&group);
        if (!write_group(target, &group, out))
            return DAMAGED;
        out += (size_t)(left - after) * target->stride * get_width(target);
        left = after;
    }
    return DECODED;
}

typedef int (*ReadFrames)(Reader *, const Target *);

static int read_frames_anywhere(Reader *reader, const Target *target) { return read_frames(reader, target); }

#if HAVE_MODERN
static MODERN int read_frames_modern(Reader *reader, const Target *target) { return read_frames(reader, target); }
#endif

static ReadFrames choose_reader(void) {
#if HAVE_MODERN
    /* Every processor with these two counts leading zeros as well. */
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        return read_frames_modern;
#endif
    return read_frames_anywhere;
}

/* Over the blocks of metadata that follow STREAMINFO; false where they go beyond the end. */
static bool skip_metadata(Reader *reader, bool last) {
    while (!last) {
        uint32_t head = read_bits(reader, 32);
        last = head >> 31;
        skip_to_byte(reader, head & 0xFFFFFF);
        if (reader->failed)
            return false;
    }
    return true;
}

static int decode_stream(const uint8_t *payload, size_t length, Target target) {
    if (length < HEAD_BYTES || memcmp(payload, "fLaC", HEAD_BYTES))
        return NOT_FLAC;
    Reader reader = {0, payload + HEAD_BYTES, payload + length, 0, false};
    uint32_t head = read_bits(&reader, 32);
    if (reader.failed || (head & 0x7FFFFFFF) != STREAMINFO_BYTES || length < FIRST_BLOCK_END)
        return DAMAGED;
    read_bits(&reader, 16);
    target.room = read_bits(&reader, 16);
    read_bits(&reader, 24);
    read_bits(&reader, 24);
    read_bits(&reader, 20);
    bool same = read_bits(&reader, 3) + 1 == target.channels;
    same &= read_bits(&reader, 5) + 1 == target.bits;
    same &= read_bits(&reader, 4) == 0;
    same &= read_bits(&reader, 32) == target.frames;
    if (!same)
        return OTHER_SHAPE;
    skip_to_byte(&reader, MD5_BYTES);
    if (!skip_metadata(&reader, head >> 31))
        return DAMAGED;
    if (target.room > target.frames)
        target.room = target.frames;
    target.planes = malloc(((size_t)target.room * (LANES + target.channels) + LANES * GAP) * sizeof *target.planes + 1);
    if (!target.planes)
        return NO_MEMORY;
    target.rows = target.planes + (size_t)(target.room + GAP) * LANES;
    int result = choose_reader()(&reader, &target);
    free(target.planes);
    return result;
}

/* Decode a stream of so many frames, channels (1 to 8) and bits into `stride` integers for each frame, of which the
 * first `channels` are written; `out` has room for all but those after the last one that is written. */
BF_EXPORT int bf_flac_decode_values(const uint8_t *payload, size_t length, uint32_t frames, uint32_t channels,
                                    uint32_t bits, uint32_t stride, int32_t *out) {
    if (channels < 1 || channels > MAX_CHANNELS || stride < channels || bits < 1 || bits > MAX_BITS)
        return OTHER_SHAPE;
    Target target = {frames, channels, stride, bits, 0, (uint8_t *)out, 0, NULL, NULL};
    return decode_stream(payload, length, target);
}

/* Decode one into the bytes of a file of that format, frames * channels samples. */
BF_EXPORT int bf_flac_decode(const uint8_t *payload, size_t length, uint32_t frames, uint32_t channels, int format,
                             uint8_t *out) {
    if (channels < 1 || channels > MAX_CHANNELS || bf_width(format) == 0)
        return OTHER_SHAPE;
    Target target = {frames, channels, channels, (unsigned)bf_bits(format), format, out, 0, NULL, NULL};
    return decode_stream(payload, length, target);
}
