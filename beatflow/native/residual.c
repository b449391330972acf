/* What a guess leaves: counted, packed as symbols and read back: the twin of objects/portable/residual.py. */
#include "prediction.h"

#include <string.h>

#define MOST_DIGIT 7

static int digits_per_byte(int largest) { return largest == 0 ? 1 : largest == 1 ? 5 : largest == 2 ? 3 : 2; }

/* For each byte the digits that it holds, in rows of 8. */
static void fill_digits(int largest, int8_t table[256 * 8]) {
    const int base = 2 * largest + 1, many = digits_per_byte(largest);
    memset(table, 0, 256 * 8);
    for (int byte = 0; byte < 256; byte++)
        for (int place = many - 1, left = byte; place >= 0; place--, left /= base)
            table[8 * byte + place] = (int8_t)(largest ? left % base - largest : (int8_t)byte);
}

/* Integers number `first` to `first + count` of the symbols, but for exceptions. `out` has room for 16 more. */
static void unpack(const uint8_t *content, int64_t size, int many, const int8_t *table, int64_t first, int64_t count, int8_t *out) {
    int64_t at = first / many, skip = first % many, done = 0;
    if (many == 1) {
        memcpy(out, content + first, (size_t)count);
        return;
    }
    for (; skip && done < count && at < size; done++) {
        out[done] = table[8 * content[at] + skip];
        if (++skip == many) {
            skip = 0;
            at++;
        }
    }
    for (; done < count && at < size; at++, done += many)
        memcpy(out + done, table + 8 * content[at], 8);
}

int bf_open_symbols(const bf_rest *rest, int64_t frames, int channels, bf_unpacker *room) {
    const int64_t samples = frames * channels;
    if (rest->largest < 0 || rest->largest > MOST_DIGIT || rest->apart_count > samples)
        return BF_REST_SIZE;
    room->rest = rest;
    room->many = digits_per_byte(rest->largest);
    if (rest->content_size != (samples + room->many - 1) / room->many)
        return BF_REST_SIZE;
    fill_digits(rest->largest, room->table);
    int64_t before = -1;
    int channel = 0;
    for (int64_t i = 0; i < rest->apart_count; i++) {
        int64_t place = get32(rest->apart + 8 * i);
        if (place >= samples)
            return BF_REST_NOWHERE;
        if (place <= before)
            return BF_REST_ORDER;
        while (place >= channel * frames)
            room->next[channel++] = i;
        before = place;
    }
    while (channel < channels)
        room->next[channel++] = rest->apart_count;
    return 0;
}

BF_CLONES static void widen(const int8_t *found, int32_t count, int32_t *out) {
    for (int32_t i = 0; i < count; i++)
        out[i] = found[i];
}

void bf_read_symbols(bf_unpacker *room, int64_t frames, int channel, int64_t at, int32_t count, int32_t *values) {
    const bf_rest *rest = room->rest;
    const int64_t first = channel * frames + at;
    unpack(rest->content, rest->content_size, room->many, room->table, first, count, room->digits);
    widen(room->digits, count, values);
    int64_t next = room->next[channel];
    for (; next < rest->apart_count; next++) {
        int64_t place = (int64_t)get32(rest->apart + 8 * next) - first;
        if (place >= count)
            break;
        values[place] = (int32_t)get32(rest->apart + 8 * next + 4);
    }
    room->next[channel] = next;
}

static inline void put32(uint8_t *at, uint32_t word) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> 8 * i);
}

/* One channel's integers, limited, counted from `low`; says whether any had to be limited. */
BF_CLONES static uint32_t clamp(const int32_t *rest, int64_t count, int channels, int32_t low, int32_t high, uint8_t *out) {
    uint32_t beyond = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t value = rest[i * channels];
        int32_t limited = value < low ? low : value;
        limited = limited > high ? high : limited;
        beyond |= (uint32_t)(limited ^ value);
        out[i] = (uint8_t)(limited - low);
    }
    return beyond;
}

/* Put digits together to bytes at *content, which moves on; those that fill no byte move to the front. Returns how many those are. */
static int64_t join_digits(uint8_t *digits, int64_t count, int many, int base, uint8_t **content) {
    uint8_t *out = *content;
    int64_t at = 0;
    if (many == 1)
        for (; at < count; at++)
            *out++ = (uint8_t)(digits[at] ^ 0x80); /* counted from -128 */
    else if (many == 2)
        for (; at + 2 <= count; at += 2)
            *out++ = (uint8_t)(digits[at] * base + digits[at + 1]);
    else if (many == 3)
        for (; at + 3 <= count; at += 3)
            *out++ = (uint8_t)((digits[at] * 5 + digits[at + 1]) * 5 + digits[at + 2]);
    else
        for (; at + 5 <= count; at += 5)
            *out++ = (uint8_t)((((digits[at] * 3 + digits[at + 1]) * 3 + digits[at + 2]) * 3 + digits[at + 3]) * 3 + digits[at + 4]);
    *content = out;
    memmove(digits, digits + at, (size_t)(count - at));
    return count - at;
}

BF_CLONES static uint32_t differ(const int32_t *values, const int32_t *rest, int32_t count, int channels) {
    uint32_t any = 0;
    for (int32_t i = 0; i < count; i++)
        any |= (uint32_t)(values[i] ^ rest[(int64_t)i * channels]);
    return any;
}

/* How often there is each integer from -128 to 127 among what is left, in places 1 to 256 of `counts`; in 0 and 257
 * those below and above. Of much, one frame in four is looked at; returns how many integers were. */
BF_EXPORT int64_t bf_count(const int32_t *rest, int64_t frames, int channels, int32_t counts[258]) {
    const int64_t each = frames * channels > 1 << 14 ? 4 : 1;
    int32_t part[4][258];
    memset(part, 0, sizeof part);
    int64_t seen = 0;
    for (int64_t n = 0; n < frames; n += each, seen += channels)
        for (int channel = 0; channel < channels; channel++) {
            int32_t value = rest[n * channels + channel];
            value = value < -129 ? -129 : value > 128 ? 128 : value;
            /* Several tables: the same count would else be written and read again at once. */
            part[(n / each + channel) & 3][value + 129]++;
        }
    for (int i = 0; i < 258; i++)
        counts[i] = part[0][i] + part[1][i] + part[2][i] + part[3][i];
    return seen;
}

/* What is left as symbols with digits up to `largest`, 0 for bytes: `content`, of as many bytes as that needs, and
 * exceptions, of which `apart` has room for `most`. Returns how many there are; where that is more, only `content` is whole. */
BF_EXPORT int64_t bf_pack(const int32_t *rest, int64_t frames, int channels, int largest, uint8_t *content, uint8_t *apart, int64_t most) {
    const int many = digits_per_byte(largest), base = 2 * largest + 1;
    const int32_t low = largest ? -largest : -128, high = largest ? largest : 127;
    uint8_t digits[BF_FRAMES + 8];
    int64_t found = 0, held = 0;
    for (int channel = 0; channel < channels; channel++)
        for (int64_t at = 0; at < frames; at += BF_FRAMES) {
            const int64_t count = frames - at < BF_FRAMES ? frames - at : BF_FRAMES;
            if (clamp(rest + at * channels + channel, count, channels, low, high, digits + held))
                for (int64_t i = 0; i < count; i++) {
                    int32_t value = rest[(at + i) * channels + channel];
                    if (value >= low && value <= high)
                        continue;
                    if (found < most) {
                        put32(apart + 8 * found, (uint32_t)(channel * frames + at + i));
                        put32(apart + 8 * found + 4, (uint32_t)value);
                    }
                    found++;
                }
            held = join_digits(digits, held + count, many, base, &content);
        }
    if (held) {
        memset(digits + held, 0, 8);
        join_digits(digits, many, many, base, &content);
    }
    return found;
}

/* Say whether symbols give back what is left: 1 or 0. */
BF_EXPORT int bf_holds(const int32_t *rest, int64_t frames, int channels, const bf_rest *packed) {
    bf_unpacker symbols;
    if (bf_open_symbols(packed, frames, channels, &symbols))
        return 0;
    for (int64_t at = 0; at < frames; at += BF_FRAMES) {
        const int32_t count = (int32_t)(frames - at < BF_FRAMES ? frames - at : BF_FRAMES);
        for (int channel = 0; channel < channels; channel++) {
            bf_read_symbols(&symbols, frames, channel, at, count, symbols.values);
            if (differ(symbols.values, rest + at * channels + channel, count, channels))
                return 0;
        }
    }
    return 1;
}

/* The sum of the squares of what is left, and of the products of neighbouring frames' integers. */
BF_EXPORT void bf_correlate(const int32_t *rest, int64_t frames, int channels, double sums[2]) {
    double power[4] = {0, 0, 0, 0}, cross[4] = {0, 0, 0, 0};
    const int64_t size = frames * channels, pairs = size - channels;
    int64_t i = 0;
    for (; i + 4 <= pairs; i += 4)
        for (int k = 0; k < 4; k++) {
            power[k] += (double)rest[i + k] * rest[i + k];
            cross[k] += (double)rest[i + k] * rest[i + k + channels];
        }
    for (; i < size; i++) {
        power[0] += (double)rest[i] * rest[i];
        if (i < pairs)
            cross[0] += (double)rest[i] * rest[i + channels];
    }
    sums[0] = power[0] + power[1] + power[2] + power[3];
    sums[1] = cross[0] + cross[1] + cross[2] + cross[3];
}

/* The mean second difference of a chunk's samples, of one frame in four where there are many. Returns 0, or BF_NO_INTEGERS. */
BF_EXPORT int bf_measure_roughness(const uint8_t *raw, int64_t frames, int format, int channels, double *mean) {
    const int64_t each = frames > 4096 ? 4 : 1;
    const int width = bf_width(format) * channels;
    const int64_t most = BF_FRAMES * BF_CHANNELS / channels / each * each;
    int32_t found[BF_FRAMES * BF_CHANNELS], last[2 * BF_CHANNELS] = {0};
    int64_t seen = 0, total = 0;
    for (int64_t at = 0; at < frames; at += most) {
        const int64_t count = frames - at < most ? frames - at : most;
        if (bf_read_samples(raw + at * width, count * channels, format, found))
            return BF_NO_INTEGERS;
        for (int64_t n = 0; n < count; n += each, seen++)
            for (int channel = 0; channel < channels; channel++) {
                int64_t value = found[n * channels + channel];
                int64_t bend = value - 2 * (int64_t)last[channel] + last[BF_CHANNELS + channel];
                if (seen >= 2)
                    total += bend < 0 ? -bend : bend;
                last[BF_CHANNELS + channel] = last[channel];
                last[channel] = (int32_t)value;
            }
    }
    *mean = seen > 2 ? (double)total / (double)((seen - 2) * channels) : 0.0;
    return 0;
}
