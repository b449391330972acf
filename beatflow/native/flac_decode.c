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
enum { LEFT_SIDE = 8, SIDE_RIGHT = 9, MID_SIDE = 10 };

/* Bits, the most significant first: the next one is the window's highest. What is below `have` bits is either zero or
 * what stands at `at`, so a word may be or-ed in again. */
typedef struct {
    uint64_t window;
    const uint8_t *at, *end;
    unsigned have;
    bool failed;
} Reader;

typedef struct {
    int64_t weights[MAX_ORDER];
    unsigned order, shift;
} Predictor;

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

INLINE uint32_t unfold(uint32_t folded) { return (folded >> 1) ^ (0u - (folded & 1)); }

INLINE int32_t restore(uint32_t rest, int64_t last, const int32_t *samples, const int64_t *weights, unsigned order,
                       unsigned shift) {
    if (order == 0)
        return (int32_t)rest;
    /* 32 products of 32 and 15 bits. The last sample comes in a register: it is what the next one waits for. */
    int64_t sum = 0;
    for (unsigned lag = order; lag > 1; lag--)
        sum += weights[lag - 1] * samples[-(ptrdiff_t)lag];
    sum += weights[0] * last;
    return (int32_t)(rest + (uint32_t)(sum >> shift));
}

/* Rice codes of one parameter, each added to what `order` samples before it foretell. Codes and predictions are two
 * chains that a processor follows side by side. */
INLINE void read_run(Reader *shared, int32_t *samples, size_t count, unsigned parameter, const int64_t *weights,
                     unsigned order, unsigned shift) {
    Reader reader = *shared;
    int32_t *end = samples + count;
    int64_t last = order ? samples[-1] : 0;
    unsigned tail = parameter + 1;
    /* Of 56 bits at hand, two codes may take 28 each. */
    int most = 28 - (int)tail;
    while (samples < end) {
        if (end - samples >= 2 && reader.end - reader.at >= 8) {
            refill(&reader);
            bool both = false;
            for (int i = 0; i < 2; i++) {
                unsigned zeros = leading_zeros(reader.window | 1);
                both = (int)zeros <= most;
                if (!both)
                    break;
                /* The last bits of it are the one after the zeros, and the code's low part. */
                uint32_t low = (uint32_t)(reader.window >> (64 - zeros - tail));
                uint32_t folded = ((zeros - 1) << parameter) + low;
                drop(&reader, zeros + tail);
                last = *samples = restore(unfold(folded), last, samples, weights, order, shift);
                samples++;
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
        last = *samples = restore(unfold((high << parameter) | low), last, samples, weights, order, shift);
        samples++;
    }
    *shared = reader;
}

#define CASE(number)                                                                               \
    case number:                                                                                   \
        read_run(reader, samples, count, parameter, predictor->weights, number, predictor->shift); \
        break

INLINE void read_rice(Reader *reader, int32_t *samples, size_t count, unsigned parameter, const Predictor *predictor) {
    switch (predictor->order) {
        CASE(0);
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
    default:
        read_run(reader, samples, count, parameter, predictor->weights, predictor->order, predictor->shift);
    }
}

INLINE void read_escaped(Reader *reader, int32_t *samples, size_t count, const Predictor *predictor) {
    unsigned bits = read_bits(reader, 5);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        uint32_t rest = bits ? (uint32_t)read_signed(reader, bits) : 0;
        int64_t last = predictor->order ? samples[(ptrdiff_t)i - 1] : 0;
        samples[i] = restore(rest, last, samples + i, predictor->weights, predictor->order, predictor->shift);
    }
}

/* Everything of a block after the first `order` samples. */
INLINE void read_residual(Reader *reader, int32_t *samples, uint32_t block, const Predictor *predictor) {
    unsigned method = read_bits(reader, 2), partition_order = read_bits(reader, 4);
    uint32_t part = block >> partition_order;
    if (reader->failed || method > 1 || part << partition_order != block || part <= predictor->order) {
        reader->failed = true;
        return;
    }
    unsigned parameter_bits = method == 0 ? 4 : 5, escape = (1u << parameter_bits) - 1;
    uint32_t at = predictor->order;
    for (uint32_t end = part; end <= block && !reader->failed; end += part) {
        unsigned parameter = read_bits(reader, parameter_bits);
        if (reader->failed)
            return;
        if (parameter == escape)
            read_escaped(reader, samples + at, end - at, predictor);
        else
            read_rice(reader, samples + at, end - at, parameter, predictor);
        at = end;
    }
}

INLINE void read_verbatim(Reader *reader, int32_t *samples, uint32_t count, unsigned bits) {
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        samples[i] = read_signed(reader, bits);
}

static const int8_t FIXED[MAX_FIXED_ORDER + 1][MAX_FIXED_ORDER] = {{0}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}};

/* One channel of a block, of `bits` bits. */
INLINE void read_subframe(Reader *reader, int32_t *samples, uint32_t block, unsigned bits) {
    unsigned head = read_bits(reader, 8), type = head >> 1 & 63;
    unsigned wasted = head & 1 ? read_unary(reader) + 1 : 0;
    if (reader->failed || head >> 7 || wasted >= bits) {
        reader->failed = true;
        return;
    }
    bits -= wasted;
    if (type == 0) {
        int32_t value = read_signed(reader, bits);
        for (uint32_t i = 0; i < block; i++)
            samples[i] = value;
    } else if (type == 1) {
        read_verbatim(reader, samples, block, bits);
    } else {
        Predictor predictor;
        bool fixed = type < 32;
        predictor.order = fixed ? type - 8 : type - 31; /* of a type below 8: a very large one */
        predictor.shift = 0;
        if (predictor.order > (fixed ? MAX_FIXED_ORDER : MAX_ORDER) || predictor.order >= block) {
            reader->failed = true;
            return;
        }
        read_verbatim(reader, samples, predictor.order, bits);
        if (fixed) {
            for (unsigned i = 0; i < predictor.order; i++)
                predictor.weights[i] = FIXED[predictor.order][i];
        } else {
            unsigned precision = read_bits(reader, 4) + 1;
            predictor.shift = read_bits(reader, 5);
            if (reader->failed || precision > 15 || predictor.shift > 15) {
                reader->failed = true;
                return;
            }
            for (unsigned i = 0; i < predictor.order; i++)
                predictor.weights[i] = read_signed(reader, precision);
        }
        read_residual(reader, samples, block, &predictor);
    }
    if (wasted)
        for (uint32_t i = 0; i < block; i++)
            samples[i] = (int32_t)((uint32_t)samples[i] << wasted);
}

/* Both channels from one of them, or their mean, and their difference. */
INLINE void part_channels(int32_t *first, int32_t *second, uint32_t count, unsigned assignment) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t a = (uint32_t)first[i], b = (uint32_t)second[i];
        if (assignment == LEFT_SIDE) {
            second[i] = (int32_t)(a - b);
        } else if (assignment == SIDE_RIGHT) {
            first[i] = (int32_t)(a + b);
        } else {
            uint32_t twice = a << 1 | (b & 1);
            first[i] = (int32_t)(twice + b) >> 1;
            second[i] = (int32_t)(twice - b) >> 1;
        }
    }
}

/* Puts one channel, or two of stereo at once, where they belong; false where a sample has more than `bits` bits. */
INLINE bool interleave(const int32_t *first, const int32_t *second, uint32_t count, unsigned bits, int32_t *out,
                       size_t stride) {
    uint32_t half = (uint32_t)1 << (bits - 1), beyond = 0;
    if (second) {
        for (uint32_t i = 0; i < count; i++) {
            out[2 * i] = first[i];
            out[2 * i + 1] = second[i];
            beyond |= ((uint32_t)first[i] + half) | ((uint32_t)second[i] + half);
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            out[stride * i] = first[i];
            beyond |= (uint32_t)first[i] + half;
        }
    }
    return beyond >> bits == 0;
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
    /* For a block of `room` frames: channel after channel, and where there is a format, interleaved as well. */
    uint32_t room;
    int32_t *planes, *rows;
} Target;

/* All frames of a stream. */
INLINE int read_frames(Reader *reader, const Target *target) {
    uint32_t channels = target->channels, left = target->frames;
    uint8_t *out = target->out;
    while (left) {
        Frame frame = read_frame_head(reader, channels, target->bits);
        if (frame.block == 0 || frame.block > target->room || frame.block > left)
            return DAMAGED;
        int32_t *first = target->planes, *second = first + target->room;
        for (uint32_t channel = 0; channel < channels; channel++) {
            bool side = frame.assignment == SIDE_RIGHT ? channel == 0 : frame.assignment >= LEFT_SIDE && channel == 1;
            read_subframe(reader, first + (size_t)channel * target->room, frame.block, target->bits + side);
            if (reader->failed)
                return DAMAGED;
        }
        skip_to_byte(reader, CRC_BYTES);
        if (reader->failed)
            return DAMAGED;
        if (frame.assignment == LEFT_SIDE)
            part_channels(first, second, frame.block, LEFT_SIDE);
        else if (frame.assignment == SIDE_RIGHT)
            part_channels(first, second, frame.block, SIDE_RIGHT);
        else if (frame.assignment == MID_SIDE)
            part_channels(first, second, frame.block, MID_SIDE);
        int32_t *rows = target->format ? target->rows : (int32_t *)out;
        bool stereo = channels == 2 && target->stride == 2, fits = true;
        for (uint32_t channel = 0; channel < (stereo ? 1 : channels); channel++)
            fits &= interleave(first + (size_t)channel * target->room, stereo ? second : NULL, frame.block,
                               target->bits, rows + channel, target->stride);
        if (!fits)
            return DAMAGED;
        size_t count = (size_t)frame.block * target->stride;
        if (target->format)
            bf_write_samples(rows, (int64_t)count, target->format, out);
        out += count * (size_t)(target->format ? bf_width(target->format) : (int)sizeof *rows);
        left -= frame.block;
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
    size_t samples = (size_t)target.room * target.channels;
    target.planes = malloc((target.format ? 2 : 1) * samples * sizeof *target.planes + 1);
    if (!target.planes)
        return NO_MEMORY;
    target.rows = target.planes + (target.format ? samples : 0);
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
