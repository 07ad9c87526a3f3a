/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/local_cluster.h"

#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_files.h"
#include "engine/control/http_client.h"

#include <json-c/json.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND 1000000u
#define STOP_TIMEOUT_NS (5000ull * MILLISECOND)
#define NAMESPACE_ADMIN_PORT 7200u
#define READY_INTERVAL_NS (20ull * MILLISECOND)

struct local_node {
    struct ww_config config;
    const char *endpoint;
    char yaml[300], log[300];
    int net_namespace; /* -1: the caller's */
    pid_t pid;         /* 0: not running */
};

struct ww_local_cluster {
    char directory[200];
    bool temporary;
    uint32_t count;
    struct local_node nodes[WW_NODES_MAX];
};

static struct local_node *node_of(const struct ww_local_cluster *cluster, uint32_t id)
{
    return (struct local_node *)&cluster->nodes[id - 1];
}

/* The child's side of the fork. What it prints goes to its log; its variables would override the
 * file that was just written for it. */
static _Noreturn void run_child(const struct local_node *node, int log, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    /* Before signals are let in: ^C is for the caller alone. A session of its own, and with it an
     * autogroup of the scheduler's, since several pollers in one starve the kernel's own threads
     * (docs/decisions/0011). */
    setsid();
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(WW_EXIT_FAILED);
    if (node->net_namespace >= 0 && setns(node->net_namespace, CLONE_NEWNET) != 0)
        _exit(WW_EXIT_FAILED);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (char **entry = environ; *entry != NULL;) {
        char name[128];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*entry, "="), *entry);
        if (strncmp(name, "WW_", 3) != 0 || unsetenv(name) != 0)
            entry++;
    }
    execl("/proc/self/exe", "ww", "node", "--config", node->yaml, (char *)NULL);
    dprintf(STDERR_FILENO, "ww node: cannot start: %s\n", strerror(errno));
    _exit(WW_EXIT_FAILED);
}

static int spawn(struct local_node *node, struct ww_error *error)
{
    int log = open(node->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return ww_fail_errno(error, WW_EIO, "cannot write %s", node->log);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(node, log, parent);
    close(log);
    if (pid < 0)
        return ww_fail_errno(error, WW_ENOMEM, "cannot start node %u", node->config.node_id);
    node->pid = pid;
    return WW_OK;
}

/* Describes how the process ended, with the last line that it printed. */
static int describe_end(const struct local_node *node, int wait_status, struct ww_error *error)
{
    char how[64], last[300];
    if (WIFSIGNALED(wait_status))
        snprintf(how, sizeof(how), "was ended by signal %d", WTERMSIG(wait_status));
    else
        snprintf(how, sizeof(how), "ended with exit code %d", WEXITSTATUS(wait_status));
    ww_local_last_line(node->log, last, sizeof(last));
    return ww_fail(error, WW_ECLOSED, "node %u %s; it said last: %s", node->config.node_id, how,
                   last);
}

/* Waits for the end of the child until `deadline_ns`; true when it ended. */
static bool await_end(struct local_node *node, uint64_t deadline_ns, int *wait_status)
{
    int fd = pidfd_open(node->pid, 0);
    uint64_t now = ww_time_ns(CLOCK_MONOTONIC);
    struct pollfd event = {.fd = fd, .events = POLLIN};
    int left_ms = deadline_ns > now ? (int)((deadline_ns - now) / MILLISECOND) + 1 : 0;
    while (poll(&event, 1, left_ms) < 0 && errno == EINTR)
        continue;
    close(fd);
    if (waitpid(node->pid, wait_status, WNOHANG) != node->pid)
        return false;
    node->pid = 0;
    return true;
}

/* Ends a child that was asked to, by force at the deadline. */
static int end_node(struct local_node *node, uint64_t deadline_ns, struct ww_error *error)
{
    int wait_status;
    if (await_end(node, deadline_ns, &wait_status)) {
        /* SIGTERM itself ends a process that has not come to listen for it yet. */
        bool clean = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) == 0
                                            : WTERMSIG(wait_status) == SIGTERM;
        return clean ? WW_OK : describe_end(node, wait_status, error);
    }
    kill(node->pid, SIGKILL);
    await_end(node, ww_time_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS, &wait_status);
    return ww_fail(error, WW_EIO, "node %u did not stop within 5 s and was killed",
                   node->config.node_id);
}

static int write_yaml(const struct local_node *node, struct ww_error *error)
{
    FILE *file = fopen(node->yaml, "we");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "cannot write %s", node->yaml);
    int status = ww_config_write(&node->config, file);
    if (fclose(file) != 0 || status != WW_OK)
        return ww_fail_errno(error, WW_EIO, "cannot write %s", node->yaml);
    return WW_OK;
}

/* Each has a network of its own there, and the same ports. */
static void place_in_namespace(const struct ww_config *config, struct ww_config_node *node)
{
    snprintf(node->admin, sizeof(node->admin), "10.99.0.%u:%u", node->id, NAMESPACE_ADMIN_PORT);
    node->port = WW_UDP_PORT_DEFAULT;
    if (config->transport == WW_CONFIG_UDP)
        snprintf(node->address, sizeof(node->address), "10.99.0.%u", node->id);
}

/* The configuration of all nodes, but for what differs between them. */
static int plan_cluster(struct ww_local_cluster *cluster, const struct ww_local_options *options,
                        struct ww_config *config, struct ww_error *error)
{
    uint16_t admin[WW_NODES_MAX], udp[WW_NODES_MAX] = {0};
    *config = options->config;
    config->node_count = cluster->count;
    memset(config->nodes, 0, sizeof(config->nodes));
    if (options->namespaces == NULL && config->transport != WW_CONFIG_MEMIF &&
        config->transport != WW_CONFIG_UDP)
        return ww_fail(error, WW_EINVAL,
                       "a local cluster runs over memif or udp; the nodes of the other transports "
                       "need an interface each: start them one by one with ww node");
    int status = ww_local_take_ports(false, options->admin_port, admin, cluster->count, error);
    if (status == WW_OK && config->transport == WW_CONFIG_UDP && options->admin_port == 0)
        status = ww_local_take_ports(true, 0, udp, cluster->count, error);
    if (status != WW_OK)
        return status;
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct ww_config_node *node = &config->nodes[i];
        node->id = i + 1;
        node->port = udp[i];
        node->join = i >= options->nodes;
        snprintf(node->admin, sizeof(node->admin), "127.0.0.1:%u", admin[i]);
        if (options->namespaces != NULL)
            place_in_namespace(config, node);
    }
    snprintf(config->socket_dir, sizeof(config->socket_dir), "%.99s/sockets", cluster->directory);
    return WW_OK;
}

static int plan_node(struct ww_local_cluster *cluster, const struct ww_config *config, uint32_t id,
                     struct ww_error *error)
{
    struct local_node *node = node_of(cluster, id);
    char directory[sizeof(cluster->directory)];
    memcpy(directory, cluster->directory, sizeof(directory));
    node->config = *config;
    node->config.node_id = id;
    snprintf(node->config.data_dir, sizeof(node->config.data_dir), "%s/node%u", directory, id);
    snprintf(node->yaml, sizeof(node->yaml), "%s/node%u.yaml", directory, id);
    snprintf(node->log, sizeof(node->log), "%s/node%u.log", directory, id);
    node->endpoint = node->config.nodes[id - 1].admin;
    int status = ww_config_validate(&node->config, error);
    return status != WW_OK ? status : write_yaml(node, error);
}

static int start_all(struct ww_local_cluster *cluster, const struct ww_local_options *options,
                     struct ww_error *error)
{
    struct ww_config config;
    int status = ww_local_open_directory(options->directory, cluster->count, cluster->directory,
                                         sizeof(cluster->directory), error);
    if (status != WW_OK)
        return status;
    cluster->temporary = options->directory == NULL && !options->keep;
    status = plan_cluster(cluster, options, &config, error);
    for (uint32_t id = 1; id <= cluster->count && status == WW_OK; id++)
        status = plan_node(cluster, &config, id, error);
    for (uint32_t id = 1; id <= cluster->count && status == WW_OK; id++) {
        node_of(cluster, id)->net_namespace =
            options->namespaces != NULL ? options->namespaces[id - 1] : -1;
        status = spawn(node_of(cluster, id), error);
    }
    return status;
}

int ww_local_cluster_start(const struct ww_local_options *options,
                           struct ww_local_cluster **cluster, struct ww_error *error)
{
    *cluster = NULL;
    if (options->nodes == 0 || options->nodes > WW_NODES_MAX)
        return ww_fail(error, WW_EINVAL, "a cluster has 1, 3, 5 or 7 nodes, not %u",
                       options->nodes);
    if (options->spares > WW_NODES_MAX - options->nodes)
        return ww_fail(error, WW_EINVAL, "%u nodes and %u spares are more than %u", options->nodes,
                       options->spares, WW_NODES_MAX);
    struct ww_local_cluster *started = calloc(1, sizeof(*started));
    if (started == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for a local cluster");
    started->count = options->nodes + options->spares;
    int status = start_all(started, options, error);
    if (status == WW_OK)
        *cluster = started;
    else
        ww_local_cluster_stop(started, NULL);
    return status;
}

/* Does this status come from our process, healthy and, unless a spare, with a leader in every
 * group? */
static bool is_ready(const char *text, pid_t pid, bool spare)
{
    struct json_object *status = json_tokener_parse(text), *value, *groups;
    bool ready = json_object_object_get_ex(status, "pid", &value) &&
                 json_object_get_int(value) == pid &&
                 json_object_object_get_ex(status, "health", &value) &&
                 strcmp(json_object_get_string(value), "ok") == 0 &&
                 json_object_object_get_ex(status, "groups", &groups) &&
                 json_object_is_type(groups, json_type_array);
    for (size_t i = 0; ready && !spare && i < json_object_array_length(groups); i++)
        ready = json_object_object_get_ex(json_object_array_get_idx(groups, i), "leader", &value) &&
                json_object_get_int(value) != 0;
    json_object_put(status);
    return ready;
}

static bool all_ready(struct ww_local_cluster *cluster, struct ww_error *why)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct local_node *node = &cluster->nodes[i];
        char *text;
        if (node->pid == 0)
            continue;
        if (ww_http_get(node->endpoint, "/v1/status", 1000ull * MILLISECOND, &text, why) != WW_OK)
            return false;
        bool ready = is_ready(text, node->pid, node->config.nodes[i].join);
        free(text);
        if (!ready) {
            ww_fail(why, WW_ETIMEOUT, "node %u knows no leader", i + 1);
            return false;
        }
    }
    return true;
}

int ww_local_cluster_wait_ready(struct ww_local_cluster *cluster, uint64_t timeout_ns,
                                bool (*interrupted)(uint64_t wait_ns), struct ww_error *error)
{
    struct ww_error why = {0};
    const struct timespec interval = {.tv_nsec = READY_INTERVAL_NS};
    uint64_t deadline = ww_time_ns(CLOCK_MONOTONIC) + timeout_ns;
    while (!all_ready(cluster, &why)) {
        int status = ww_local_cluster_check(cluster, error);
        if (status != WW_OK)
            return status;
        if (interrupted != NULL && interrupted(READY_INTERVAL_NS))
            return ww_fail(error, WW_ECLOSED, "interrupted");
        if (interrupted == NULL)
            nanosleep(&interval, NULL);
        if (ww_time_ns(CLOCK_MONOTONIC) > deadline)
            return ww_fail(error, WW_ETIMEOUT, "the cluster is not ready: %.400s", why.text);
    }
    return WW_OK;
}

int ww_local_cluster_check(struct ww_local_cluster *cluster, struct ww_error *error)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct local_node *node = &cluster->nodes[i];
        int wait_status;
        if (node->pid != 0 && waitpid(node->pid, &wait_status, WNOHANG) == node->pid) {
            node->pid = 0;
            return describe_end(node, wait_status, error);
        }
    }
    return WW_OK;
}

int ww_local_cluster_signal(struct ww_local_cluster *cluster, uint32_t id, int signal,
                            struct ww_error *error)
{
    struct local_node *node = node_of(cluster, id);
    int wait_status;
    if (node->pid == 0)
        return ww_fail(error, WW_ENOTFOUND, "node %u does not run", id);
    if (kill(node->pid, signal) != 0)
        return ww_fail_errno(error, WW_EIO, "signal %d to node %u", signal, id);
    uint64_t deadline = ww_time_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS;
    if (signal == SIGTERM)
        return end_node(node, deadline, error);
    if (signal == SIGKILL && !await_end(node, deadline, &wait_status))
        return ww_fail(error, WW_ETIMEOUT, "node %u does not end after SIGKILL", id);
    return WW_OK;
}

int ww_local_cluster_restart(struct ww_local_cluster *cluster, uint32_t id, struct ww_error *error)
{
    struct local_node *node = node_of(cluster, id);
    if (node->pid != 0)
        return ww_fail(error, WW_EINVAL, "node %u still runs", id);
    return spawn(node, error);
}

const struct ww_config *ww_local_cluster_config(const struct ww_local_cluster *cluster, uint32_t id)
{
    return &node_of(cluster, id)->config;
}

const char *ww_local_cluster_endpoint(const struct ww_local_cluster *cluster, uint32_t id)
{
    return node_of(cluster, id)->endpoint;
}

const char *ww_local_cluster_directory(const struct ww_local_cluster *cluster)
{
    return cluster->directory;
}

pid_t ww_local_cluster_pid(const struct ww_local_cluster *cluster, uint32_t id)
{
    return node_of(cluster, id)->pid;
}

int ww_local_cluster_stop(struct ww_local_cluster *cluster, struct ww_error *error)
{
    int status = WW_OK;
    uint64_t deadline = ww_time_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS;
    if (cluster == NULL)
        return WW_OK;
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (cluster->nodes[i].pid != 0) {
            kill(cluster->nodes[i].pid, SIGTERM);
            kill(cluster->nodes[i].pid, SIGCONT);
        }
    }
    for (uint32_t i = 0; i < cluster->count; i++)
        if (cluster->nodes[i].pid != 0 && end_node(&cluster->nodes[i], deadline, error) != WW_OK)
            status = WW_EIO;
    if (cluster->temporary)
        ww_local_remove(cluster->directory);
    free(cluster);
    return status;
}
