/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/veth_network.h"

#include "bench/helper.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_NAMESPACE "/proc/self/ns/net"
#define CLIENT_ID 254u
#define COMMAND_MAX 300u
#define WORDS_MAX 24u

/* Runs `ip` with the words of the command. */
static int run_ip(const char *command, struct ww_error *error)
{
    char words[COMMAND_MAX], path[WW_HELPER_PATH_MAX];
    char *list[WORDS_MAX + 1] = {"ip"}, *rest = words;
    snprintf(words, sizeof(words), "%s", command);
    for (uint32_t i = 1; i < WORDS_MAX && (list[i] = strtok_r(rest, " ", &rest)) != NULL; i++)
        continue;
    if (!ww_helper_installed("ip", path))
        return ww_fail(error, WW_ENOTFOUND, "there is no ip: install iproute2");
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        execv(path, list);
        _exit(127);
    }
    int how = -1;
    if (pid > 0)
        waitpid(pid, &how, 0);
    return pid > 0 && how == 0 ? WW_OK : ww_fail(error, WW_EIO, "ip %s failed", command);
}

/* In the namespace of this thread. */
static int ip(struct ww_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int ip(struct ww_error *error, const char *format, ...)
{
    char command[COMMAND_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    return run_ip(command, error);
}

/* A namespace of its own for this thread; its descriptor, or -1. */
static int new_namespace(void)
{
    return unshare(CLONE_NEWNET) == 0 ? open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC) : -1;
}

int ww_veth_network_possible(struct ww_error *error)
{
    char path[WW_HELPER_PATH_MAX];
    int how = -1;
    if (geteuid() != 0)
        return ww_fail(error, WW_ENOTFOUND, "network namespaces need root");
    if (!ww_helper_installed("ip", path))
        return ww_fail(error, WW_ENOTFOUND, "there is no ip: install iproute2");
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWNET) == 0 ? 0 : 1);
    if (pid > 0)
        waitpid(pid, &how, 0);
    return how == 0 ? WW_OK
                    : ww_fail(error, WW_ENOTFOUND, "this process may not make network namespaces");
}

/* Two veth pairs from the bridge, in whose namespace this thread is, to the one of `id`. */
static int connect_to(const struct ww_veth_network *network, int to, uint32_t id, uint32_t mtu,
                      struct ww_error *error)
{
    static const char *const interfaces[] = {"data", "mgmt"};
    int status = WW_OK;
    for (int i = 0; i < 2 && status == WW_OK; i++) {
        const char *name = interfaces[i];
        status =
            ip(error, "link add %s%u mtu %u type veth peer name %s mtu %u netns /proc/%d/fd/%d",
               name, id, mtu, name, mtu, getpid(), to);
        if (status == WW_OK)
            status = ip(error, "link set %s%u master bridge up", name, id);
    }
    if (status != WW_OK || setns(to, CLONE_NEWNET) != 0)
        return status != WW_OK ? status : ww_fail_errno(error, WW_EIO, "entering a namespace");
    status = ip(error, "link set lo up");
    for (int i = 0; i < 2 && status == WW_OK; i++)
        status = ip(error, "link set %s up", interfaces[i]);
    if (status == WW_OK)
        status = ip(error, "address add 10.99.0.%u/24 dev mgmt", id);
    if (status == WW_OK && setns(network->bridge, CLONE_NEWNET) != 0)
        status = ww_fail_errno(error, WW_EIO, "entering a namespace");
    return status;
}

static int make_namespaces(struct ww_veth_network *network, struct ww_error *error)
{
    bool made = (network->before = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC)) >= 0 &&
                (network->client = new_namespace()) >= 0;
    for (uint32_t i = 0; i < network->count && made; i++)
        made = (network->nodes[i] = new_namespace()) >= 0;
    made = made && (network->bridge = new_namespace()) >= 0; /* where it stays for the links */
    return made ? WW_OK : ww_fail_errno(error, WW_EIO, "making network namespaces");
}

static void become_client(void)
{
    setenv("WW_CLIENT_INTERFACE", "data", 1);
    setenv("WW_CLIENT_ADDRESS", "10.77.1.1", 1);
    setenv("WW_CLIENT_MAC", "02:57:57:00:01:01", 1);
}

int ww_veth_network_enter(struct ww_veth_network *network, uint32_t count, uint32_t mtu,
                          struct ww_error *error)
{
    *network = (struct ww_veth_network){.before = -1, .bridge = -1, .client = -1, .count = count};
    for (uint32_t i = 0; i < count; i++)
        network->nodes[i] = -1;
    int status = make_namespaces(network, error);
    if (status == WW_OK)
        status = ip(error, "link add bridge mtu %u type bridge", mtu);
    if (status == WW_OK)
        status = ip(error, "link set bridge up");
    for (uint32_t i = 0; i < count && status == WW_OK; i++)
        status = connect_to(network, network->nodes[i], i + 1, mtu, error);
    if (status == WW_OK)
        status = connect_to(network, network->client, CLIENT_ID, mtu, error);
    if (status == WW_OK && setns(network->client, CLONE_NEWNET) != 0)
        status = ww_fail_errno(error, WW_EIO, "entering a namespace");
    if (status == WW_OK)
        become_client();
    else
        ww_veth_network_leave(network);
    return status;
}

void ww_veth_network_leave(struct ww_veth_network *network)
{
    if (network->before >= 0 && setns(network->before, CLONE_NEWNET) != 0)
        perror("ww: going back to the network namespace");
    const int all[] = {network->before, network->bridge, network->client};
    for (int i = 0; i < 3; i++)
        if (all[i] >= 0)
            close(all[i]);
    for (uint32_t i = 0; i < network->count; i++)
        if (network->nodes[i] >= 0)
            close(network->nodes[i]);
    network->count = 0;
    network->before = network->bridge = network->client = -1;
}
