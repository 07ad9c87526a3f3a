/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dpdk_io/support.h"

#include "engine/backend/clock.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000u

static volatile sig_atomic_t ending;

static void end(int signal)
{
    ending = signal;
}

/* DPDK cannot be started in a process that was forked after its start: processes are forked first,
 * and begin when they are told to. */
struct process {
    pid_t pid;
    int go;
};

static bool fork_waiting(struct process *process)
{
    int ends[2];
    char byte;
    cr_assert_eq(pipe(ends), 0);
    process->pid = fork();
    process->go = ends[1];
    if (process->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[1]);
        if (read(ends[0], &byte, 1) != 1)
            _exit(0);
        return true;
    }
    close(ends[0]);
    return false;
}

static void begin(struct process *process)
{
    cr_assert_eq(write(process->go, "", 1), 1);
}

/* A process that sends every datagram back on its link, until SIGTERM, or SIGKILL. */
static struct process prepare_echo(uint32_t self, const char *dir)
{
    struct process process;
    if (!fork_waiting(&process))
        return process;
    signal(SIGTERM, end);
    struct ww_net_options options = test_options(WW_NET_MEMIF, self, dir, 0);
    struct ww_transport *transport;
    if (ww_net_open(&options, &transport, NULL) != WW_OK)
        _exit(1);
    struct ww_rx rx[WW_BURST];
    while (!ending) {
        uint32_t count = transport->ops->rx_burst(transport, rx, WW_BURST);
        for (uint32_t i = 0; i < count; i++)
            if (transport->ops->tx_begin(transport, rx[i].link) != NULL)
                transport->ops->tx_send(transport, 0, rx[i].data, rx[i].size_bytes);
        transport->ops->tx_flush(transport);
        transport->ops->rx_release(transport, rx, count);
        if (count == 0)
            sched_yield();
    }
    transport->ops->close(transport);
    _exit(0);
}

static struct ww_transport *open_memif(uint32_t self, const char *dir)
{
    struct ww_net_options options = test_options(WW_NET_MEMIF, self, dir, 0);
    struct ww_transport *transport;
    struct ww_error error;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_OK, "%s", error.text);
    return transport;
}

/* Polls until the link has the wanted state; that time is for DPDK's start in the other process. */
static bool wait_link(struct ww_transport *transport, uint32_t link, bool up)
{
    uint64_t until = ww_clock_now(&ww_clock_monotonic) + PATIENCE_MS * 1000000ull;
    struct ww_rx rx;
    while ((transport->ops->link_up(transport, link) != 0) != up) {
        uint32_t count = transport->ops->rx_burst(transport, &rx, 1);
        transport->ops->rx_release(transport, &rx, count);
        if (ww_clock_now(&ww_clock_monotonic) > until)
            return false;
        sched_yield();
    }
    return true;
}

/* What is sent while the other end is still connecting may be lost, so this asks again. */
static bool echo(struct ww_transport *transport, uint32_t link, uint32_t bytes)
{
    for (uint32_t attempt = 0; attempt < 100; attempt++) {
        uint32_t from;
        if (test_send(transport, link, bytes < 80 ? bytes : 80, bytes) &&
            test_receive(transport, &from, 100) == bytes)
            return from == link;
    }
    return false;
}

static void stop(struct process *process, int signal)
{
    int status;
    kill(process->pid, signal);
    waitpid(process->pid, &status, 0);
    close(process->go);
    if (signal == SIGTERM)
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

Test(memif, nodes_meet_again_after_a_kill, .timeout = 120)
{
    char dir[] = "/tmp/ww-memif-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct process lower[4], higher[4];
    for (uint32_t round = 0; round < 4; round++) {
        lower[round] = prepare_echo(1, dir);
        higher[round] = prepare_echo(3, dir);
    }
    struct ww_transport *transport = open_memif(2, dir);
    static const uint32_t links[] = {1, 3};
    for (uint32_t round = 0; round < 4; round++) {
        begin(&higher[round]);
        begin(&lower[round]);
        for (uint32_t i = 0; i < 2; i++) {
            cr_assert(wait_link(transport, links[i], true), "link %u comes up", links[i]);
            for (uint32_t bytes = 1; bytes <= transport->max_datagram; bytes += 7 + bytes / 2)
                cr_assert(echo(transport, links[i], bytes), "%u bytes", bytes);
            cr_assert(echo(transport, links[i], transport->max_datagram));
        }
        if (round == 3)
            break;
        stop(&lower[round], SIGKILL);
        stop(&higher[round], SIGKILL);
        for (uint32_t i = 0; i < 2; i++)
            cr_assert(wait_link(transport, links[i], false), "link %u goes down", links[i]);
        cr_assert_not(test_send(transport, 1, 8, 8));
    }
    transport->ops->close(transport);
    stop(&lower[3], SIGTERM);
    stop(&higher[3], SIGTERM);
    cr_assert_eq(rmdir(dir), 0, "no socket is left");
}

/* Exit code 0: node 2 answered. The second is killed while it holds its link. */
static struct process prepare_client(const char *dir, uint32_t round)
{
    struct process process;
    if (!fork_waiting(&process))
        return process;
    struct ww_net_options options = test_options(WW_NET_MEMIF, 0, dir, 0);
    options.client_links = round == 0 ? 1 : 2;
    struct ww_transport *transport;
    int status = ww_net_open(&options, &transport, NULL);
    if (status != WW_OK)
        _exit(status == WW_EBUSY ? 10 : 11);
    if (round == 1)
        raise(SIGKILL);
    bool answered = wait_link(transport, 2, true) && echo(transport, 2, 3000);
    transport->ops->close(transport);
    _exit(answered ? 0 : 12);
}

Test(memif, clients_have_links_of_their_own, .timeout = 60)
{
    char dir[] = "/tmp/ww-memif-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct process nodes[3], others[3];
    for (uint32_t i = 0; i < 3; i++) {
        nodes[i] = prepare_echo(i + 1, dir);
        others[i] = prepare_client(dir, i);
    }
    for (uint32_t i = 0; i < 3; i++)
        begin(&nodes[i]);
    struct ww_transport *client = open_memif(0, dir);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert(wait_link(client, id, true));
        cr_assert(echo(client, id, 1000));
    }
    for (uint32_t round = 0; round < 3; round++) {
        int status;
        begin(&others[round]);
        waitpid(others[round].pid, &status, 0);
        if (round == 1)
            cr_assert(WIFSIGNALED(status));
        else
            cr_assert_eq(WEXITSTATUS(status), round == 0 ? 10 : 0);
    }
    cr_assert(echo(client, 2, 1000));
    client->ops->close(client);
    for (uint32_t i = 0; i < 3; i++)
        stop(&nodes[i], SIGTERM);
    cr_assert_eq(rmdir(dir), 0, "no socket or lock is left");
}

Test(memif, a_paused_node_survives_those_who_died_waiting, .timeout = 60)
{
    char dir[] = "/tmp/ww-memif-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct process node = prepare_echo(1, dir), waiting;
    if (fork_waiting(&waiting)) {
        struct ww_net_options options = test_options(WW_NET_MEMIF, 0, dir, 0);
        struct ww_transport *transport;
        uint32_t link;
        if (ww_net_open(&options, &transport, NULL) == WW_OK)
            test_receive(transport, &link, 600); /* connects meanwhile, and tries again */
        raise(SIGKILL);
    }
    begin(&node);
    struct ww_transport *client = open_memif(0, dir);
    cr_assert(wait_link(client, 1, true));
    kill(node.pid, SIGSTOP);
    begin(&waiting);
    waitpid(waiting.pid, NULL, 0);
    kill(node.pid, SIGCONT);
    cr_assert(echo(client, 1, 1000));
    client->ops->close(client);
    stop(&node, SIGTERM);
    char lock[64];
    snprintf(lock, sizeof(lock), "%s/client-1.lock", dir); /* of the one that was killed */
    unlink(lock);
    cr_assert_eq(rmdir(dir), 0);
}

Test(memif, opens_again_in_the_same_process, .timeout = 60)
{
    char dir[] = "/tmp/ww-memif-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    for (uint32_t round = 0; round < 5; round++) {
        struct ww_transport *transport = open_memif(1, dir), *second;
        struct ww_net_options options = test_options(WW_NET_MEMIF, 2, dir, 0);
        struct ww_error error;
        cr_assert_eq(ww_net_open(&options, &second, &error), WW_EBUSY);
        transport->ops->close(transport);
    }
    cr_assert_eq(rmdir(dir), 0, "no socket is left");
}

Test(memif, sockets_that_cannot_be_are_named, .timeout = 60)
{
    char dir[] = "/tmp/ww-memif-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct process running = prepare_echo(2, dir);
    begin(&running);
    struct ww_net_options options = test_options(WW_NET_MEMIF, 1, "/nonexistent/ww", 0);
    struct ww_transport *transport;
    struct ww_error error;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_EIO);
    cr_assert_not_null(strstr(error.text, "/nonexistent/ww"));

    char deep[120] = {0};
    snprintf(deep, sizeof(deep), "%s/%080d", dir, 0);
    cr_assert_eq(mkdir(deep, 0700), 0);
    options.socket_dir = deep;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_EINVAL);
    cr_assert_not_null(strstr(error.text, "too long"), "%s", error.text);
    rmdir(deep);

    options = test_options(WW_NET_MEMIF, 3, dir, 0);
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_OK, "%s", error.text);
    cr_assert(wait_link(transport, 2, true));
    transport->ops->close(transport);
    options.self = 2;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_ELOCKED, "%s", error.text);
    stop(&running, SIGTERM);
    cr_assert_eq(rmdir(dir), 0);
}
