/* Samples to a native FLAC stream (RFC 9639): blocks of 4096 frames, one predictor and one set of Rice codes each.
 *
 * Decided by estimates, and written once; a second predictor is tried where estimates do not tell. The length that a
 * subframe is taken to have is never less than what is written; where that would not be smaller than the samples, they
 * are written as they are, so no frame outgrows `frame_room`.
 */
#include <string.h>

#include "flac_model.h"
#include "samples.h"

enum {
    HEADER_ROOM = 32,   /* frame header and footer, and the 8 bytes that the writer stores at once */
    STREAM_HEADER = 42, /* "fLaC", the header of STREAMINFO and STREAMINFO */
    RATE = 48000,       /* a constant: it is not the codec's to know, and equal chunks must encode alike */
    RATE_CODE = 10,
    MOST_CHANNELS = 8,
    AT_ONCE = 2 * FLAC_BLOCK, /* values read */
    PAIRS = 128,
    CRC_STEP = 16, /* bytes at once */
    LONGEST_PUT = 56,
    MOST_RICE = 30,
    LEAST_COUNT = 4 * FLAC_ORDER + 1 /* frames of a block worth a predictor with coefficients */
};

enum { UNFIT = -1, NO_ROOM = -2 };

static const double WORSE = 1.03;   /* so much longer by estimate is not worth a trial */
static const double STEADY = 0.99;  /* if one Rice parameter for all of the block is hardly longer than many */
static const double UNSURE = 1.001; /* so much longer by estimate may be shorter */

/* Channel assignments beyond independent channels. */
enum { LEFT_SIDE = 8, SIDE_RIGHT = 9, MIDDLE_SIDE = 10 };

/* Bits, the highest first: `held` has `count` of them, less than 8 between calls. */
typedef struct {
    uint8_t *at;
    uint64_t held;
    int count;
} bit_writer;

typedef struct {
    uint16_t of[CRC_STEP][256];
} crc_table;

/* One channel's block, with zeros before it. */
typedef int32_t plane[FLAC_PAD + FLAC_BLOCK];

static inline void store(uint8_t *at, uint64_t bits) {
#if defined(__GNUC__) && !BF_BIG_ENDIAN
    bits = __builtin_bswap64(bits);
    memcpy(at, &bits, sizeof bits);
#else
    for (int n = 0; n < 8; n++) at[n] = (uint8_t)(bits >> (56 - 8 * n));
#endif
}

static inline void put(bit_writer *out, uint64_t value, int length) {
    int count = out->count + length;
    uint64_t held = out->held | value << (64 - count);
    uint8_t *at = out->at;
    store(at, held);
    out->at = at + (count >> 3);
    out->held = held << (count & 56);
    out->count = count & 7;
}

static inline void put_signed(bit_writer *out, int32_t value, int length) {
    put(out, (uint32_t)value & (((uint64_t)1 << length) - 1), length);
}

static void put_zeros(bit_writer *out, uint32_t length) {
    for (; length > LONGEST_PUT; length -= LONGEST_PUT) put(out, 0, LONGEST_PUT);
    if (length) put(out, 0, (int)length);
}

static void align(bit_writer *out) {
    if (out->count) put(out, 0, 8 - out->count);
}

/* Frame and block numbers in up to 36 bits, as UTF-8 would have them. */
static void put_number(bit_writer *out, uint64_t number) {
    if (number < 128) {
        put(out, number, 8);
        return;
    }
    int more = 1;
    while (number >> (5 * more + 6)) more++;
    uint64_t lead = (0xff80u >> more) & 0xff;
    put(out, lead | number >> (6 * more), 8);
    while (more--) put(out, 0x80 | (number >> (6 * more) & 0x3f), 8);
}

static uint8_t crc8(const uint8_t *data, const uint8_t *end) {
    uint32_t crc = 0;
    for (; data < end; data++) {
        crc ^= *data;
        for (int bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x80 ? 0x107 : 0);
    }
    return (uint8_t)crc;
}

/* Table n: what a byte does to the CRC-16 (polynomial 0x8005) when n more bytes follow it. */
static void make_crc_table(crc_table *table) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte << 8;
        for (int bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x8000 ? 0x18005 : 0);
        table->of[0][byte] = (uint16_t)crc;
    }
    for (int n = 1; n < CRC_STEP; n++)
        for (int byte = 0; byte < 256; byte++) {
            uint16_t crc = table->of[n - 1][byte];
            table->of[n][byte] = (uint16_t)(crc << 8 ^ table->of[0][crc >> 8]);
        }
}

static uint16_t crc16(const crc_table *table, const uint8_t *data, const uint8_t *end) {
    uint32_t crc = 0;
    for (; end - data >= CRC_STEP; data += CRC_STEP) {
        uint32_t first = table->of[CRC_STEP - 1][data[0] ^ crc >> 8] ^ table->of[CRC_STEP - 2][data[1] ^ (crc & 0xff)];
        uint32_t rest = 0;
        for (int n = 2; n < CRC_STEP; n++) rest ^= table->of[CRC_STEP - 1 - n][data[n]];
        crc = first ^ rest;
    }
    for (; data < end; data++) crc = (crc << 8 & 0xffff) ^ table->of[0][crc >> 8 ^ *data];
    return (uint16_t)crc;
}

typedef struct {
    int splits, wide;
    uint64_t bits, expected; /* at most, and likely */
    uint8_t k[FLAC_PARTS];
} rice_plan;

/* Choose each part's parameter k, of `length` values that are known by their sums alone, and say at most how many bits
 * their codes take. Returns how many fewer these are likely to be: as a sum says nothing of low bits, they are counted
 * as 1, and are as often 0.
 *
 * Codes of geometrically distributed values are shortest with 2^k between .48 and .96 of their mean.
 */
BF_CLONES static uint64_t choose_rice(const uint64_t *sum, int parts, uint64_t length, int64_t *k, uint64_t *bits) {
    const double half_each = 0.5 / (double)length, lift = 4503599627370496.0; /* 2^52 */
    uint64_t lifted, spare = 0;
    memcpy(&lifted, &lift, sizeof lifted);
    for (int part = 0; part < parts; part++) {
        uint64_t word = sum[part] | lifted;
        double level;
        memcpy(&level, &word, sizeof level); /* 2^52 and the sum, which is less: how vector units convert it */
        level = (level - lift) * half_each + 0.25;
        memcpy(&word, &level, sizeof word);
        int64_t best = (int64_t)(word >> 52) - 1022; /* log2(level), rounded up */
        best = best < 0 ? 0 : best > MOST_RICE ? MOST_RICE : best;
        k[part] = best;
        bits[part] = length * (uint64_t)(best + 1) + (sum[part] >> best);
        spare += (length - (length >> best)) >> 1;
    }
    return spare;
}

/* The same where it is known exactly how many bits low parameters give. */
BF_CLONES static void choose_low_rice(
    const flac_parts *parts, int count, uint64_t length, int64_t *k, uint64_t *bits
) {
    for (int n = 0; n < FLAC_EXACT; n++)
        for (int part = 0; part < count; part++) {
            uint64_t exact = length * (uint64_t)(n + 1) + parts->high[n][part];
            k[part] = exact <= bits[part] ? n : k[part];
            bits[part] = exact <= bits[part] ? exact : bits[part];
        }
}

/* The best number of parts; `parts` is used up. */
static void plan_rice(flac_parts *parts, int count, int order, rice_plan *best) {
    best->expected = UINT64_MAX;
    for (int splits = parts->splits; splits >= 0; splits--) {
        const int among = 1 << splits;
        const uint64_t length = (uint64_t)(count >> splits);
        int64_t k[FLAC_PARTS], highest = 0;
        uint64_t each[FLAC_PARTS], bits = 6;
        uint64_t spare = choose_rice(parts->high[0], among, length, k, each);
        if (parts->low) {
            choose_low_rice(parts, among, length, k, each);
            spare = 0;
        }
        for (int part = 0; part < among; part++) {
            highest = k[part] > highest ? k[part] : highest;
            bits += each[part];
        }
        /* The first part is shorter, by zeros. */
        bits += (uint64_t)among * (highest > 14 ? 5 : 4) - (uint64_t)order * (uint64_t)(k[0] + 1);
        if (bits - spare < best->expected) {
            best->splits = splits;
            best->wide = highest > 14;
            best->bits = bits;
            best->expected = bits - spare;
            for (int part = 0; part < among; part++) best->k[part] = (uint8_t)k[part];
        }
        for (int n = 0; n < (parts->low ? FLAC_EXACT : 1); n++) {
            uint64_t *high = parts->high[n];
            for (int part = 0; part < among >> 1; part++) high[part] = high[2 * part] + high[2 * part + 1];
        }
    }
}

static void put_rice(bit_writer *out, uint32_t value, int k) {
    put_zeros(out, value >> k);
    put(out, (value & (((uint32_t)1 << k) - 1)) | (uint64_t)1 << k, k + 1);
}

/* Two values that follow each other, the first in the low half. */
static inline uint64_t load_pair(const uint32_t *from) {
    uint64_t pair;
    memcpy(&pair, from, sizeof pair);
#if BF_BIG_ENDIAN
    pair = pair << 32 | pair >> 32;
#endif
    return pair;
}

static void put_two(bit_writer *out, const uint32_t *residual, int k) {
    put_rice(out, residual[0], k);
    put_rice(out, residual[1], k);
}

/* Put the codes of `pairs` (an even number, at most PAIRS) pairs of values: made many at a time, four put together. */
BF_CLONES static void put_pairs(bit_writer *to, const uint32_t *residual, int pairs, int k) {
    uint64_t code[PAIRS], length[PAIRS];
    const uint64_t one = (uint64_t)1 << k, mask = one - 1, least = (uint64_t)k + 1;
    for (int n = 0; n < pairs; n++) {
        uint64_t pair = load_pair(residual + 2 * n), first = pair & 0xffffffff, second = pair >> 32;
        uint64_t after = (second >> k) + least;
        length[n] = (first >> k) + least + after;
        /* Nonsense where two codes take more than 64 bits; they are not used then. */
        code[n] = ((first & mask) | one) << (after & 63) | ((second & mask) | one);
    }
    bit_writer out = *to;
    for (int n = 0; n < pairs; n += 2) {
        uint64_t both = length[n] + length[n + 1];
        if (both <= LONGEST_PUT) {
            put(&out, code[n] << length[n + 1] | code[n + 1], (int)both);
        } else if (length[n] <= LONGEST_PUT && length[n + 1] <= LONGEST_PUT) {
            put(&out, code[n], (int)length[n]);
            put(&out, code[n + 1], (int)length[n + 1]);
        } else {
            *to = out;
            put_two(to, residual + 2 * n, k);
            put_two(to, residual + 2 * n + 2, k);
            out = *to;
        }
    }
    *to = out;
}

static void put_part(bit_writer *out, const uint32_t *residual, int count, int k) {
    int done = 0;
    while (count - done >= 4) {
        int pairs = (count - done) / 4 * 2;
        pairs = pairs < PAIRS ? pairs : PAIRS;
        put_pairs(out, residual + done, pairs, k);
        done += 2 * pairs;
    }
    for (; done < count; done++) put_rice(out, residual[done], k);
}

static void put_residual(bit_writer *out, const uint32_t *residual, int count, int order, const rice_plan *plan) {
    put(out, (uint64_t)plan->wide, 2);
    put(out, (uint64_t)plan->splits, 4);
    int length = count >> plan->splits;
    for (int part = 0; part < 1 << plan->splits; part++) {
        int from = part == 0 ? order : part * length;
        put(out, plan->k[part], plan->wide ? 5 : 4);
        put_part(out, residual + from, (part + 1) * length - from, plan->k[part]);
    }
}

static void put_verbatim(bit_writer *out, const int32_t *x, int count, int bits) {
    for (int n = 0; n < count; n++) put_signed(out, x[n], bits);
}

/* Wasted bits are low bits that are 0 in all samples. */
static void put_subframe_head(bit_writer *out, int kind, int wasted) {
    put(out, (uint64_t)kind << 1 | (wasted > 0), 8);
    if (wasted) put(out, 1, wasted);
}

static int least_difference(const uint64_t *sums) {
    int best = 0;
    for (int order = 1; order <= FLAC_FIXED; order++)
        if (sums[order] < sums[best]) best = order;
    return best;
}

/* Bits of residuals whose sizes add up to `sum`, all in one part. */
static double estimate(uint64_t sum, int count) {
    double size = (double)sum / count;
    return count * bf_flac_code_length(2.0 * size - 0.5 * size / (size + 1.0));
}

/* The same of residuals that are known. */
static double estimate_folded(const flac_parts *parts, int count) {
    uint64_t sum = 0;
    for (int part = 0; part < 1 << parts->splits; part++) sum += parts->high[0][part];
    return count * bf_flac_code_length((double)sum / count);
}

/* What a subframe is to be: predicted by `predictor`, or by differences of order `order` where it has none. */
typedef struct {
    flac_predictor predictor;
    int order;
    rice_plan rice;
    const uint32_t *residual;
    uint32_t residuals[2][FLAC_BLOCK];
} subframe;

/* The most parts that a block may be cut into: all as long, and longer than any predictor. */
static int count_splits(int count, int longest) {
    int splits = 0;
    while (splits < FLAC_SPLITS && !(count >> splits & 1) && count >> (splits + 1) > longest) splits++;
    return splits;
}

/* Choose a predictor, by what it leaves. Returns the bits of all but the subframe's head. */
static uint64_t plan_subframe(
    const int32_t *x, const flac_window *window, int bits, uint32_t most, flac_outline *outline, subframe *plan
) {
    const int count = window->count, plain = count > FLAC_FIXED ? least_difference(outline->differences) : 0;
    flac_predictor *predictor = &plan->predictor;
    flac_parts parts;
    uint64_t bound = 0, described = 0;
    predictor->order = 0;
    if (count >= LEAST_COUNT) {
        bf_flac_correlate(x, window, outline);
        bf_flac_predictor(outline, count, bits, most, predictor);
    }
    if (predictor->order) bound = bf_flac_predict(x, count, most, predictor, plan->residuals[0]);
    const int order = bound ? predictor->order : 0;
    const int splits = count_splits(count, order > FLAC_FIXED ? order : FLAC_FIXED);
    if (order) {
        described = (uint64_t)(9 + order * (bits + predictor->precision));
        plan->order = order;
        plan->residual = plan->residuals[0];
        bf_flac_parts(plan->residual, count, splits, bound, &parts);
        double steady = (double)described + estimate_folded(&parts, count);
        plan_rice(&parts, count, order, &plan->rice);
        if ((double)(described + plan->rice.expected) > STEADY * steady &&
            estimate(outline->differences[plain], count) + plain * bits > WORSE * steady)
            return described + plan->rice.bits;
    }
    rice_plan rice;
    bound = bf_flac_difference(x, count, most, plain, plan->residuals[1]);
    bf_flac_parts(plan->residuals[1], count, splits, bound, &parts);
    plan_rice(&parts, count, plain, &rice);
    if (order && described + plan->rice.expected < (uint64_t)(plain * bits) + rice.expected)
        return described + plan->rice.bits;
    predictor->order = 0;
    plan->order = plain;
    plan->residual = plan->residuals[1];
    plan->rice = rice;
    return (uint64_t)(plain * bits) + rice.bits;
}

/* One channel's block of `bits` bits and its outline; both change where it has wasted bits. */
static void put_subframe(bit_writer *out, int32_t *x, const flac_window *window, int bits, flac_outline *outline) {
    const int count = window->count;
    uint32_t changing, used, most;
    bf_flac_survey(x, count, &changing, &used, &most);
    if (!changing) {
        put_subframe_head(out, 0, 0);
        put_signed(out, x[0], bits);
        return;
    }
    int wasted = 0;
    while (!(used >> wasted & 1)) wasted++;
    if (wasted) {
        for (int n = 0; n < count; n++) x[n] >>= wasted;
        for (int order = 0; order <= FLAC_FIXED; order++) outline->differences[order] >>= wasted;
        for (int lag = 0; lag <= FLAC_ORDER; lag++)
            outline->correlation[lag] /= (double)((uint64_t)1 << 2 * wasted);
        most >>= wasted;
        bits -= wasted;
    }
    subframe plan;
    if (plan_subframe(x, window, bits, most, outline, &plan) >= (uint64_t)count * (uint64_t)bits) {
        put_subframe_head(out, 1, wasted);
        put_verbatim(out, x, count, bits);
        return;
    }
    const flac_predictor *predictor = &plan.predictor;
    put_subframe_head(out, plan.order + (predictor->order ? 31 : 8), wasted);
    put_verbatim(out, x, plan.order, bits);
    if (predictor->order) {
        put(out, (uint64_t)predictor->precision - 1, 4);
        put(out, (uint64_t)predictor->shift, 5);
        put_verbatim(out, predictor->coefficient, predictor->order, predictor->precision);
    }
    put_residual(out, plan.residual, count, plan.order, &plan.rice);
}

static void put_frame_head(bit_writer *out, int64_t number, int count, int assignment, int bits) {
    const uint8_t *frame = out->at;
    int size_code = count == FLAC_BLOCK ? 12 : count <= 256 ? 6 : 7;
    put(out, 0xfff8, 16);
    put(out, (uint64_t)size_code, 4);
    put(out, RATE_CODE, 4);
    put(out, (uint64_t)assignment, 4);
    put(out, bits == 8 ? 1 : bits == 16 ? 4 : 6, 3);
    put(out, 0, 1);
    put_number(out, (uint64_t)number);
    if (size_code == 6) put(out, (uint64_t)(count - 1), 8);
    if (size_code == 7) put(out, (uint64_t)(count - 1), 16);
    put(out, crc8(frame, out->at), 8);
}

/* The two of left, right, middle and side that together cost least, and whether two others may be as good. */
static int cheapest_two(const double cost[4], int *unsure) {
    const double of[4] = {cost[0] + cost[1], cost[0] + cost[3], cost[3] + cost[1], cost[2] + cost[3]};
    int best = 0, close = 0;
    for (int n = 1; n < 4; n++) best = of[n] < of[best] ? n : best;
    for (int n = 0; n < 4; n++) close += of[n] < UNSURE * of[best];
    *unsure = close > 1;
    return best;
}

static int is_constant(const int32_t *x, int count) {
    uint32_t changing, used, most;
    bf_flac_survey(x, count, &changing, &used, &most);
    return !changing;
}

/* By their differences, or, where these do not tell, by their correlations. Returns 0 for left and right, 1 for left
 * and side, 2 for side and right, 3 for middle and side. */
static int choose_two(int32_t *const of[4], const flac_window *window, int bits, flac_outline outlines[4]) {
    double cost[4];
    int unsure, constant[4];
    for (int n = 0; n < 4; n++) {
        const uint64_t *sums = outlines[n].differences;
        double most = (double)window->count * (bits + (n == 3)); /* as they are */
        constant[n] = !sums[1] && is_constant(of[n], window->count);
        cost[n] = constant[n] ? 0.0 : estimate(sums[least_difference(sums)], window->count);
        cost[n] = cost[n] < most ? cost[n] : most;
    }
    int best = cheapest_two(cost, &unsure);
    if (!unsure || window->count < LEAST_COUNT) return best;
    for (int n = 0; n < 4; n++) {
        if (constant[n]) continue;
        bf_flac_correlate(of[n], window, outlines + n);
        cost[n] = bf_flac_promise(outlines + n, window->count, bits + (n == 3));
    }
    return cheapest_two(cost, &unsure);
}

static void put_stereo(bit_writer *out, plane *planes, const flac_window *window, int64_t number, int bits) {
    const int count = window->count;
    static const uint8_t pairs[4][2] = {{0, 1}, {0, 3}, {3, 1}, {2, 3}};
    static const uint8_t assignments[4] = {1, LEFT_SIDE, SIDE_RIGHT, MIDDLE_SIDE};
    flac_outline outlines[4];
    int32_t *const of[4] = {planes[0] + FLAC_PAD, planes[1] + FLAC_PAD, planes[2] + FLAC_PAD, planes[3] + FLAC_PAD};
    bf_flac_middle(of[0], of[1], count, of[2], of[3]);
    for (int n = 0; n < 4; n++) bf_flac_outline(of[n], count, bits > 16, outlines + n);
    const int two = choose_two(of, window, bits, outlines);
    put_frame_head(out, number, count, assignments[two], bits);
    for (int n = 0; n < 2; n++) {
        const int one = pairs[two][n];
        put_subframe(out, of[one], window, bits + (one == 3), outlines + one);
    }
}

static void put_stream_head(bit_writer *out, int64_t frames, int channels, int bits) {
    put(out, 0x664c6143, 32);
    put(out, 0x80000022, 32); /* the last block of metadata; STREAMINFO, of 34 bytes */
    put(out, FLAC_BLOCK, 16);
    put(out, FLAC_BLOCK, 16);
    put(out, 0, 48); /* sizes of frames: unknown */
    put(out, RATE, 20);
    put(out, (uint64_t)channels - 1, 3);
    put(out, (uint64_t)bits - 1, 5);
    put(out, (uint64_t)frames, 36);
    for (int n = 0; n < 4; n++) put(out, 0, 32); /* the MD5 of the samples: unknown, their chunk has an id */
}

/* What to encode: bytes in some format, or integers. */
typedef struct {
    const void *samples;
    int format; /* 0 for int32 */
    int width, stride, first, channels, bits;
} flac_input;

/* Read values that follow each other, all channels of some frames. Returns whether all of them fit. */
BF_CLONES static int read_values(const flac_input *input, int64_t start, int count, int32_t *out) {
    if (input->format > 0)
        return bf_read_samples((const uint8_t *)input->samples + start * input->width, count, input->format, out) == 0;
    const uint32_t half = (uint32_t)1 << (input->bits - 1);
    uint32_t beyond = 0;
    const int32_t *in = (const int32_t *)input->samples + start;
    for (int n = 0; n < count; n++) {
        out[n] = in[n];
        beyond |= (uint32_t)in[n] + half;
    }
    return !(beyond >> input->bits);
}

BF_CLONES static void part_two(
    const int32_t *restrict frames, int count, int32_t *restrict left, int32_t *restrict right
) {
    for (int n = 0; n < count; n++) {
        left[n] = frames[2 * n];
        right[n] = frames[2 * n + 1];
    }
}

/* Each channel of some frames to its plane, of which `done` frames are there. */
static void part_channels(const flac_input *input, const int32_t *frames, int count, int done, plane *planes) {
    if (input->stride == 1) {
        memcpy(planes[0] + FLAC_PAD + done, frames, (size_t)count * sizeof *frames);
        return;
    }
    if (input->stride == 2 && input->channels == 2) {
        part_two(frames, count, planes[0] + FLAC_PAD + done, planes[1] + FLAC_PAD + done);
        return;
    }
    for (int channel = 0; channel < input->channels; channel++) {
        const int32_t *from = frames + input->first + channel;
        int32_t *to = planes[channel] + FLAC_PAD + done;
        for (int n = 0; n < count; n++) to[n] = from[(ptrdiff_t)n * input->stride];
    }
}

/* 16 bits, the low byte first, two channels: what most sounds are. */
BF_CLONES static void read_stereo(
    const uint8_t *restrict raw, int count, int32_t *restrict left, int32_t *restrict right
) {
    for (int n = 0; n < count; n++) {
        uint32_t frame;
#if !BF_BIG_ENDIAN
        memcpy(&frame, raw + 4 * n, sizeof frame);
#else
        frame = raw[4 * n] | raw[4 * n + 1] << 8 | raw[4 * n + 2] << 16 | (uint32_t)raw[4 * n + 3] << 24;
#endif
        left[n] = (int32_t)(frame << 16) >> 16;
        right[n] = (int32_t)frame >> 16;
    }
}

/* Read a block, each channel into a plane of its own. Returns whether all values fit. */
static int read_block(const flac_input *input, int64_t from, int count, plane *planes) {
    int32_t values[AT_ONCE];
    int most = AT_ONCE / input->stride;
    if (input->format == BF_S16LE && input->stride == 2 && input->channels == 2) {
        read_stereo((const uint8_t *)input->samples + 4 * from, count, planes[0] + FLAC_PAD, planes[1] + FLAC_PAD);
        return 1;
    }
    for (int done = 0; done < count; done += most) {
        int frames = count - done < most ? count - done : most;
        if (!read_values(input, (from + done) * input->stride, frames * input->stride, values)) return 0;
        part_channels(input, values, frames, done, planes);
    }
    return 1;
}

static int64_t encode(const flac_input *input, int64_t frames, uint8_t *out, int64_t room) {
    plane planes[MOST_CHANNELS];
    crc_table table;
    flac_window window = {.count = 0};
    int channels = input->channels, bits = input->bits;
    int64_t frame_room = HEADER_ROOM + channels * (8 + (int64_t)FLAC_BLOCK * (bits + 1) / 8);
    if (room < STREAM_HEADER + 8) return NO_ROOM;
    make_crc_table(&table);
    for (int n = 0; n < MOST_CHANNELS; n++) memset(planes[n], 0, FLAC_PAD * sizeof *planes[n]);
    bit_writer writer = {.at = out};
    put_stream_head(&writer, frames, channels, bits);
    for (int64_t from = 0, number = 0; from < frames; from += FLAC_BLOCK, number++) {
        int count = frames - from < FLAC_BLOCK ? (int)(frames - from) : FLAC_BLOCK;
        uint8_t *frame = writer.at;
        if (out + room - frame < frame_room) return NO_ROOM;
        if (!read_block(input, from, count, planes)) return UNFIT;
        if (count != window.count) bf_flac_window(count, &window);
        if (channels == 2) {
            put_stereo(&writer, planes, &window, number, bits);
        } else {
            put_frame_head(&writer, number, count, channels - 1, bits);
            for (int n = 0; n < channels; n++) {
                flac_outline outline;
                bf_flac_outline(planes[n] + FLAC_PAD, count, bits > 16, &outline);
                put_subframe(&writer, planes[n] + FLAC_PAD, &window, bits, &outline);
            }
        }
        align(&writer);
        put(&writer, crc16(&table, frame, writer.at), 16);
    }
    return writer.at - out;
}

/* Bytes of a chunk to a stream of its channels `first` … `first + channels - 1`, of `stride` that each frame has.
 *
 * Returns the stream's length; UNFIT where a sample is no integer of 24 bits; NO_ROOM where `room` is less than 64
 * bytes and, for each block begun, 32 and per channel 8 + 512 * (bits + 1).
 */
BF_EXPORT int64_t bf_flac_encode(
    const uint8_t *raw, int format, int64_t frames, int stride, int first, int channels, uint8_t *out, int64_t room
) {
    int width = bf_width(format);
    if (!width || frames < 1 || channels < 1 || channels > MOST_CHANNELS || first < 0 || stride < first + channels ||
        stride > AT_ONCE)
        return UNFIT;
    flac_input input = {raw, format, width, stride, first, channels, bf_bits(format)};
    return encode(&input, frames, out, room);
}

/* Integers, interleaved, to a stream of `bits` bits, 8, 16 or 24. Returns as bf_flac_encode. */
BF_EXPORT int64_t bf_flac_encode_values(
    const int32_t *values, int64_t frames, int channels, int bits, uint8_t *out, int64_t room
) {
    if (frames < 1 || channels < 1 || channels > MOST_CHANNELS || (bits != 8 && bits != 16 && bits != 24)) return UNFIT;
    flac_input input = {values, 0, 0, channels, 0, channels, bits};
    return encode(&input, frames, out, room);
}
