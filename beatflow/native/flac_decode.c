/* FLAC streams (RFC 9639) to samples, as they stand in a file or as integers.
 *
 * Reads what an encoder makes of a chunk: one native stream of 1 to 8 channels of 8, 16 or 24 bits. Whatever else the
 * bytes say, nothing outside of the payload is read and nothing outside of the given buffer written. Samples of more
 * bits than the stream has are refused. CRCs, frame numbers and the MD5 are passed over: records have a CRC of their
 * own, and a chunk's id is the SHA-256 of what comes out.
 */
#include <stdlib.h>

#include "flac_lanes.h"
#include "samples.h"

/* The same code for processors that count leading zeros and shift by any register in one cycle. BF_CLONES cannot name
 * several extensions at once, and avx2 alone has neither. On Windows GCC aligns stacks for less than avx2 takes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)
#define HAVE_MODERN 1
#define MODERN __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#endif

enum { DECODED = 0, NOT_FLAC = 1, OTHER_SHAPE = 2, DAMAGED = 3, NO_MEMORY = 4 };
enum { MAX_CHANNELS = 8, MAX_FIXED_ORDER = 4, MAX_BITS = 24 };
enum { HEAD_BYTES = 4, STREAMINFO_BYTES = 34, FIRST_BLOCK_END = HEAD_BYTES + 4 + STREAMINFO_BYTES };
enum { CRC_BYTES = 2, MD5_BYTES = 16 };

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
    /* For blocks of `room` frames: a plane for each lane, and one block interleaved. */
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
    group.step = (size_t)target->room + SPARE;
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
    size_t step = (size_t)target.room + SPARE;
    target.planes = malloc((step * LANES + (size_t)target.room * target.channels) * sizeof *target.planes);
    if (!target.planes)
        return NO_MEMORY;
    target.rows = target.planes + step * LANES;
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
