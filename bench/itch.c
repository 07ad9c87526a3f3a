/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/itch.h"

#include "bench/big_endian.h"
#include "bench/exponential.h"
#include "engine/base/assert.h"
#include "engine/base/random.h"

#include <stdlib.h>
#include <string.h>

#define BOOK_MAX 1024u                    /* orders that live at a time */
#define BURST 12u                         /* messages that follow each other closely, on average */
#define BURST_GAP_NS 2000u                /* between two of them, on average */
#define OPEN_NS UINT64_C(34200000000000)  /* 9:30 */
#define CLOSE_NS UINT64_C(57600000000000) /* 16:00 */
#define PRICE 1000000u                    /* the first one: $100.0000, four decimals */
#define TICK 100u

/* Where fields lie that more than one type has; all numbers are big-endian. */
#define LOCATE 1u
#define TIMESTAMP 5u
#define REFERENCE 11u

/* Per 1,000 messages of the flow, as on an ordinary day of the feed. */
static const struct {
    char type;
    uint32_t weight;
} mix[] = {{'A', 430}, {'F', 12}, {'D', 415}, {'U', 95}, {'E', 28}, {'X', 12}, {'C', 2}, {'P', 6}};

static const struct {
    char type;
    uint8_t bytes, symbol, match; /* offsets; 0: has none */
} layouts[] = {
    {'S', 12, 0, 0},  {'R', 39, 11, 0}, {'H', 25, 11, 0},  {'A', 36, 24, 0},
    {'F', 40, 24, 0}, {'E', 31, 0, 23}, {'C', 36, 0, 23},  {'X', 23, 0, 0},
    {'D', 19, 0, 0},  {'U', 35, 0, 0},  {'P', 44, 24, 36}, {'Q', 40, 19, 31},
};

struct order {
    uint64_t reference;
    uint32_t shares, price;
    char side;
};

struct day {
    struct ww_itch *itch;
    struct ww_random random;
    uint64_t time_ns;
    double gap_ns; /* mean, between two bursts */
    uint32_t made; /* messages */
    uint32_t burst_left;
    uint32_t price; /* the middle of the book: a random walk */
    struct order book[BOOK_MAX];
    uint32_t live;
};

static int layout_of(char type)
{
    for (int i = 0; i < (int)(sizeof(layouts) / sizeof(layouts[0])); i++)
        if (layouts[i].type == type)
            return i;
    return -1;
}

uint32_t ww_itch_size(char type)
{
    int layout = layout_of(type);
    return layout < 0 ? 0 : layouts[layout].bytes;
}

/* ---- the day ---- */

static void pass_time(struct day *day)
{
    double mean = day->burst_left > 0 ? BURST_GAP_NS : day->gap_ns;
    if (day->burst_left == 0)
        day->burst_left = 1 + (uint32_t)(ww_exponential(&day->random) * (BURST - 1));
    day->burst_left--;
    day->time_ns += (uint64_t)(ww_exponential(&day->random) * mean);
    if (day->time_ns >= CLOSE_NS)
        day->time_ns = CLOSE_NS - 1;
}

/* The next message, with what all types have, and zeros behind. */
static uint8_t *begin(struct day *day, char type)
{
    struct ww_itch *itch = day->itch;
    uint8_t *at = itch->bytes + itch->offsets[day->made];
    itch->offsets[day->made + 1] = itch->offsets[day->made] + ww_itch_size(type);
    memset(at, 0, ww_itch_size(type));
    at[0] = (uint8_t)type;
    ww_big_endian_put(at + TIMESTAMP, day->time_ns, 6);
    day->made++;
    return at;
}

/* Letters and blanks, as the specification has them: without an end. */
static void put_letters(uint8_t *at, const char *letters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at[i] = (uint8_t)letters[i];
}

static void say_event(struct day *day, char code)
{
    begin(day, 'S')[11] = (uint8_t)code;
}

static uint32_t draw_price(struct day *day, char side)
{
    uint64_t step = ww_random_range(&day->random, 0, 3);
    if (day->price > PRICE / 2 || step != 0)
        day->price = (uint32_t)((int64_t)day->price + ((int64_t)step - 1) * TICK);
    uint32_t away = (uint32_t)(1 + ww_exponential(&day->random) * 5) * TICK;
    if (away > day->price / 2)
        away = day->price / 2;
    return side == 'B' ? day->price - away : day->price + away;
}

static void add(struct day *day, char type)
{
    struct order *order = &day->book[day->live++];
    order->reference = ++day->itch->orders;
    order->side = (ww_random_next(&day->random) & 1) != 0 ? 'B' : 'S';
    order->shares = 100 * (1 + (uint32_t)(ww_exponential(&day->random) * 2));
    order->price = draw_price(day, order->side);
    uint8_t *at = begin(day, type);
    ww_big_endian_put(at + REFERENCE, order->reference, 8);
    at[19] = (uint8_t)order->side;
    ww_big_endian_put(at + 20, order->shares, 4);
    ww_big_endian_put(at + 32, order->price, 4);
    if (type == 'F')
        put_letters(at + 36, "WWMM", 4);
}

static void leave(struct day *day, uint32_t place)
{
    day->book[place] = day->book[--day->live];
}

static void replace(struct day *day, struct order *order)
{
    uint8_t *at = begin(day, 'U');
    ww_big_endian_put(at + REFERENCE, order->reference, 8);
    order->reference = ++day->itch->orders;
    order->price = draw_price(day, order->side);
    ww_big_endian_put(at + 19, order->reference, 8);
    ww_big_endian_put(at + 27, order->shares, 4);
    ww_big_endian_put(at + 31, order->price, 4);
}

static void trade(struct day *day)
{
    uint8_t *at = begin(day, 'P');
    at[19] = 'B';
    ww_big_endian_put(at + 20, 100, 4);
    ww_big_endian_put(at + 32, day->price, 4);
    ww_big_endian_put(at + 36, ++day->itch->matches, 8);
}

/* Something happens to an order: executed, executed at another price, cut down, deleted. */
static void change(struct day *day, char type)
{
    uint32_t place = (uint32_t)ww_random_range(&day->random, 0, day->live);
    struct order *order = &day->book[place];
    uint32_t shares = (uint32_t)ww_random_range(&day->random, 1, order->shares + 1);
    if (type == 'U') {
        replace(day, order);
        return;
    }
    uint8_t *at = begin(day, type);
    ww_big_endian_put(at + REFERENCE, order->reference, 8);
    if (type == 'D') {
        leave(day, place);
        return;
    }
    ww_big_endian_put(at + 19, shares, 4);
    if (type != 'X')
        ww_big_endian_put(at + 23, ++day->itch->matches, 8);
    if (type == 'C') {
        at[31] = 'Y';
        ww_big_endian_put(at + 32, day->price, 4);
    }
    order->shares -= shares;
    if (order->shares == 0)
        leave(day, place);
}

static char draw_type(struct day *day)
{
    uint64_t draw = ww_random_range(&day->random, 0, 1000);
    size_t i = 0;
    while (draw >= mix[i].weight)
        draw -= mix[i++].weight;
    return mix[i].type;
}

static void flow(struct day *day)
{
    pass_time(day);
    char type = draw_type(day);
    if (type == 'P')
        trade(day);
    else if (day->live == 0 || ((type == 'A' || type == 'F') && day->live < BOOK_MAX))
        add(day, (char)(type == 'F' ? 'F' : 'A'));
    else
        change(day, (char)(type == 'A' || type == 'F' ? 'D' : type));
}

static void open_market(struct day *day)
{
    day->time_ns = OPEN_NS - 1000000000u;
    say_event(day, 'O');
    say_event(day, 'S');
    uint8_t *at = begin(day, 'R');
    put_letters(at + 19, "QN\0\0\0dNCZ PNN1N\0\0\0\0N", 20);
    at = begin(day, 'H');
    put_letters(at + 19, "T     ", 6);
    day->time_ns = OPEN_NS;
    say_event(day, 'Q');
}

#define CLOSING 4u /* messages behind the last deletion */

static void close_market(struct day *day)
{
    day->time_ns = CLOSE_NS;
    uint8_t *at = begin(day, 'Q');
    ww_big_endian_put(at + 11, 1000, 8);
    ww_big_endian_put(at + 27, day->price, 4);
    ww_big_endian_put(at + 31, ++day->itch->matches, 8);
    at[39] = 'C';
    say_event(day, 'M');
    say_event(day, 'E');
    say_event(day, 'C');
}

int ww_itch_create(struct ww_itch *itch, uint32_t messages, uint64_t seed, struct ww_error *error)
{
    WW_ASSERT(messages >= 64);
    *itch = (struct ww_itch){
        .bytes = malloc((size_t)messages * WW_ITCH_MESSAGE_MAX),
        .offsets = calloc((size_t)messages + 1, sizeof(uint32_t)),
        .messages = messages,
    };
    struct day *day = calloc(1, sizeof(*day));
    if (itch->bytes == NULL || itch->offsets == NULL || day == NULL) {
        ww_itch_destroy(itch);
        free(day);
        return ww_fail(error, WW_ENOMEM, "no memory for %u messages", messages);
    }
    day->itch = itch;
    day->random.state = ww_random_mix(seed + 1);
    day->price = PRICE;
    day->gap_ns = (double)(CLOSE_NS - OPEN_NS) / messages * BURST;
    open_market(day);
    /* What is on the book at the end is deleted, so that the next day begins with an empty one: an
     * order needs room for two messages. */
    while (day->made + day->live + CLOSING + 1 < messages)
        flow(day);
    while (day->made + CLOSING < messages) {
        pass_time(day);
        if (day->live > 0)
            change(day, 'D');
        else
            trade(day);
    }
    close_market(day);
    WW_ASSERT(day->made == messages && day->live == 0);
    free(day);
    return WW_OK;
}

void ww_itch_destroy(struct ww_itch *itch)
{
    free(itch->bytes);
    free(itch->offsets);
    *itch = (struct ww_itch){0};
}

/* ---- its messages, for any stock and day ---- */

static void go_on(uint8_t *number, uint64_t by)
{
    ww_big_endian_put(number, ww_big_endian_get(number, 8) + by, 8);
}

static void put_symbol(uint8_t *at, uint32_t stock)
{
    put_letters(at, "WW", 2);
    for (int i = 7; i >= 2; i--, stock /= 10)
        at[i] = (uint8_t)('0' + stock % 10);
}

uint32_t ww_itch_message(const struct ww_itch *itch, uint32_t stock, uint64_t sequence,
                         uint8_t message[WW_ITCH_MESSAGE_MAX])
{
    uint64_t day = sequence / itch->messages;
    const uint32_t *offset = &itch->offsets[sequence % itch->messages];
    uint32_t bytes = offset[1] - offset[0];
    memcpy(message, itch->bytes + offset[0], bytes);
    int layout = layout_of((char)message[0]);
    ww_big_endian_put(message + LOCATE, stock + 1, 2);
    if (layouts[layout].symbol != 0)
        put_symbol(message + layouts[layout].symbol, stock);
    if (layouts[layout].match != 0)
        go_on(message + layouts[layout].match, day * itch->matches);
    if (strchr("AFECXDU", message[0]) != NULL)
        go_on(message + REFERENCE, day * itch->orders);
    if (message[0] == 'U')
        go_on(message + 19, day * itch->orders);
    return bytes;
}
