/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's sessions, one per group: registered before the first proposal goes out, ended when the
 * client closes. Within a session the cluster takes each sequence once, whatever is sent again.
 */
#include "engine/client/client_core.h"

bool ww_client_register(struct ww_client *client, struct ww_client_group *group)
{
    struct ww_client_message message = {
        .type = WW_CLIENT_REGISTER,
        .group = group->number,
        .sequence = group->nonce,
    };
    group->registering = ww_client_send_message(client, group->node, &message, NULL);
    return group->registering;
}

void ww_client_registered(struct ww_client *client, struct ww_client_group *group,
                          const struct ww_client_message *message)
{
    if (message->sequence != group->nonce || group->session != 0)
        return; /* a late copy */
    group->session = message->index;
    group->silent = 0;
    group->hops = 0;
    group->backoff_ns = WW_CLIENT_BACKOFF_MIN_NS;
    group->gap_expected = UINT64_MAX;
    ww_client_arm(client, group);
    ww_client_rewind(client, group, group->sent);
}

/*
 * What has no answer may have been applied or not, and in another session it could be applied
 * again: that is the caller's to decide. What is proposed from now on goes into a new session.
 */
void ww_client_session_gone(struct ww_client *client, struct ww_client_group *group,
                            const struct ww_client_message *message)
{
    struct ww_client_window *window = &group->window;
    if (group->session == 0 || message->index != group->session)
        return; /* a late copy */
    group->session = 0;
    group->nonce = ww_client_nonce(group->nonce + 1);
    group->sent = group->sent_end = window->next;
    struct ww_client_answer answer = {
        .sequence = window->oldest,
        .count = (uint32_t)(window->next - window->oldest),
        .status = WW_EGONE,
    };
    ww_client_window_answer(window, answer);
}

/* Says so, and waits a little: the last frames of a link that goes away may be lost. */
void ww_client_end_sessions(struct ww_client *client)
{
    uint64_t begin_ns = ww_clock_now(client->clock);
    struct ww_client_out none = {0};
    for (uint32_t i = 0; i < client->group_count; i++) {
        struct ww_client_group *group = &client->groups[i];
        struct ww_client_message message = {
            .type = WW_CLIENT_END,
            .group = i,
            .sequence = group->nonce,
            .index = group->session,
        };
        if (group->session != 0 && ww_client_send_message(client, group->node, &message, NULL))
            client->ending++;
    }
    if (client->ending == 0)
        return;
    client->transport->ops->tx_flush(client->transport);
    while (client->ending > 0 && client->now_ns - begin_ns < WW_CLIENT_END_NS) {
        client->now_ns = ww_clock_now(client->clock);
        ww_client_receive(client, &none);
    }
}

void ww_client_ended(struct ww_client *client, struct ww_client_group *group,
                     const struct ww_client_message *message)
{
    if (client->ending == 0 || message->index != group->session || group->session == 0)
        return;
    group->session = 0;
    client->ending--;
}
