/* Content-defined cuts: FastCDC 2020, byte for byte what objects/chunking.py makes of pyfastcdc.
 *
 * After a byte the hash is the sum of gear[byte k back] * 2^k, so what is older than 64 bytes has been shifted out of it.
 * A search may therefore begin anywhere, 64 bytes early, and four places are searched side by side: one alone waits
 * for each of its additions (1.1 GB/s against 2.4).
 */
#include "kernels.h"

enum { WARM = 64, STRIDE = 2048, LANES = 4 };

struct rules {
    int64_t least, average, most;
    uint64_t before, after; /* bits that must be 0 for a cut, below the average length and from there on */
};

static uint64_t warm_up(const uint8_t *data, int64_t at, const uint64_t *gear)
{
    uint64_t hash = 0;
    for (int64_t i = at - WARM; i < at; i++)
        hash = (hash << 1) + gear[data[i]];
    return hash;
}

/* The first place from `at` to before `end` where a cut is, `end` where there is none; `hash` is brought along. */
static int64_t search(const uint8_t *data, int64_t at, int64_t end, uint64_t mask, const uint64_t *gear, uint64_t *hash)
{
    uint64_t h0 = *hash;
    while (end - at >= LANES * STRIDE) {
        const uint8_t *d0 = data + at, *d1 = d0 + STRIDE, *d2 = d1 + STRIDE, *d3 = d2 + STRIDE;
        uint64_t h1 = warm_up(d1, 0, gear), h2 = warm_up(d2, 0, gear), h3 = warm_up(d3, 0, gear);
        int64_t found = LANES * STRIDE;
        for (int64_t i = 0; i < STRIDE; i++) {
            h0 = (h0 << 1) + gear[d0[i]];
            h1 = (h1 << 1) + gear[d1[i]];
            h2 = (h2 << 1) + gear[d2[i]];
            h3 = (h3 << 1) + gear[d3[i]];
            if (!(h0 & mask) || !(h1 & mask) || !(h2 & mask) || !(h3 & mask)) {
                int64_t lane = !(h0 & mask) ? 0 : !(h1 & mask) ? 1 : !(h2 & mask) ? 2 : 3;
                /* What the lanes before this one still find comes first; what it finds itself later on does not. */
                if (lane < found / STRIDE)
                    found = lane * STRIDE + i;
                if (lane == 0)
                    break;
            }
        }
        if (found < LANES * STRIDE)
            return at + found;
        h0 = h3;
        at += LANES * STRIDE;
    }
    for (; at < end; at++) {
        h0 = (h0 << 1) + gear[data[at]];
        if (!(h0 & mask))
            return at;
    }
    *hash = h0;
    return end;
}

/* Bytes of the chunk with which `length` bytes begin. */
static int64_t cut_one(const uint8_t *data, int64_t length, const struct rules *rules, const uint64_t *gear)
{
    if (length <= rules->least)
        return length;
    int64_t remaining = length < rules->most ? length : rules->most;
    int64_t middle = remaining < rules->average ? remaining : rules->average;
    /* pyfastcdc takes two bytes at a time, from even places only. */
    int64_t start = rules->least / 2 * 2, turn = middle / 2 * 2, end = remaining / 2 * 2;
    uint64_t hash = 0;
    int64_t found = search(data, start, turn, rules->before, gear, &hash);
    if (found == turn)
        found = search(data, turn, end, rules->after, gear, &hash);
    return found == end ? remaining : found;
}

/* Cuts `length` bytes as far as cuts are certain, or all where they are the `last`.
 *
 * A cut that was found stays where it is, whatever follows. Every one but the very last is rounded down to a multiple of
 * `frame`, which is at most `least`, an even number. `ends` gets the place after each chunk; it has room for
 * length / (least - frame + 1) + 1. Returns how many there are.
 */
BF_EXPORT int64_t bf_cut(const uint8_t *data, int64_t length, int last, int64_t frame, int64_t least, int64_t average,
                         int64_t most, uint64_t before, uint64_t after, const uint64_t *gear, int64_t *ends)
{
    struct rules rules = {least, average, most, before, after};
    int64_t start = 0, count = 0;
    while (start < length) {
        int64_t rest = length - start, size = cut_one(data + start, rest, &rules, gear);
        int is_end = size == rest && rest < most;
        if (is_end && !last)
            break;
        if (!is_end)
            size -= size % frame;
        start += size;
        ends[count++] = start;
    }
    return count;
}
