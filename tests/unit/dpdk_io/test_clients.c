/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/clients.h"

#include <criterion/criterion.h>

static struct ww_frame_end end(uint32_t n)
{
    return (struct ww_frame_end){.mac = {2, 0, 0, 0, 0, (uint8_t)n},
                                 .ipv4 = 0x0a000001u,
                                 .port = (uint16_t)(1000 + n)};
}

Test(clients, silent_ones_make_room)
{
    struct ww_clients clients = {0};
    bool changed;
    for (uint32_t n = 0; n < WW_CLIENTS_MAX; n++) {
        struct ww_frame_end from = end(n);
        cr_assert_eq(ww_clients_hear(&clients, &from, 100 + n, &changed), (int)n);
        cr_assert(changed);
    }
    struct ww_frame_end first = end(0), late = end(100), later = end(101);
    cr_assert_eq(ww_clients_hear(&clients, &first, 200, &changed), 0);
    cr_assert_not(changed);

    /* Client 1 was heard at 101 and is the one that is silent longest. */
    cr_assert_eq(ww_clients_hear(&clients, &late, 100 + WW_CLIENT_SILENCE_NS, &changed), -1);
    cr_assert_eq(ww_clients_hear(&clients, &late, 101 + WW_CLIENT_SILENCE_NS, &changed), 1);
    cr_assert(changed);
    cr_assert_eq(ww_clients_hear(&clients, &later, 101 + WW_CLIENT_SILENCE_NS, &changed), -1);
}

Test(clients, a_client_that_moved_keeps_its_number)
{
    struct ww_clients clients = {0};
    bool changed;
    struct ww_frame_end from = end(7);
    int k = ww_clients_hear(&clients, &from, 1, &changed);
    from.mac[0] = 6;
    cr_assert_eq(ww_clients_hear(&clients, &from, 2, &changed), k);
    cr_assert(changed);
}
