/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/probe_net.h"

#include "dpdk_io/eal.h"
#include "dpdk_io/port.h"
#include "engine/backend/clock.h"

#include <arpa/inet.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 1000000u     /* how often the parent looks after the two */
#define RESEND_NS 100000000u /* the first frames may be lost while the link comes up */
#define RECONNECT_NS 200000000u
#define POOL_FRAMES 256u

enum { PING, PONG, SIDES };

struct shared {
    atomic_bool ready; /* the two have met and warmed up */
    atomic_bool go;    /* the recorded rounds may begin */
    atomic_bool done;  /* the histogram is complete */
    atomic_bool failed;
    struct ww_error error;
    _Atomic uint16_t udp_ports[SIDES];
    struct ww_probe_net_result result;
};

/* One end: sends and receives frames that begin with their 64-bit number. */
struct side {
    const struct ww_probe_net_options *options;
    struct shared *shared;
    int who;
    struct ww_port port; /* memif */
    struct rte_mempool *frames;
    int fd; /* udp */
    uint8_t buffer[WW_MTU_MAX];
};

static int open_memif(struct side *side, struct ww_error *error)
{
    const struct ww_probe_net_options *options = side->options;
    uint32_t frame_bytes = options->datagram_bytes + WW_FRAME_OVERHEAD;
    char arguments[256];
    snprintf(arguments, sizeof(arguments),
             "role=%s,id=0,socket-abstract=no,socket=%s/probe.sock,bsize=%u,rsize=%u",
             side->who == PING ? "client" : "server", options->dir,
             RTE_ALIGN_CEIL(frame_bytes, RTE_CACHE_LINE_SIZE), WW_MEMIF_RING_LOG2);
    int status = ww_eal_start(false, error);
    if (status != WW_OK)
        return status;
    side->frames = ww_frame_pool("probe", POOL_FRAMES, frame_bytes, true);
    if (side->frames == NULL)
        return ww_eal_fail(error, WW_ENOMEM, "probe: cannot have %u buffers", POOL_FRAMES);
    status = ww_port_open(&side->port, "net_memif0", arguments, side->frames, 0, error);
    /* The other process may not listen yet, or refuse because it is not ready; the parent bounds
     * the time of all attempts. */
    struct rte_eth_link link = {0};
    uint64_t tried_ns = 0;
    while (status == WW_OK && link.link_status != RTE_ETH_LINK_UP) {
        uint64_t now_ns = ww_clock_now(&ww_clock_monotonic);
        if (!side->port.started || (side->who == PING && now_ns - tried_ns > RECONNECT_NS)) {
            if (side->port.started)
                rte_eth_dev_stop(side->port.id);
            side->port.started = rte_eth_dev_start(side->port.id) == 0;
            tried_ns = now_ns;
        }
        sched_yield();
        rte_eth_link_get_nowait(side->port.id, &link);
    }
    return status;
}

static int open_udp(struct side *side, struct ww_error *error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    side->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (side->fd < 0 || bind(side->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        getsockname(side->fd, (struct sockaddr *)&address, &size) != 0)
        return ww_fail_errno(error, WW_EIO, "probe: cannot make a UDP socket");
    atomic_store(&side->shared->udp_ports[side->who], address.sin_port);
    do {
        address.sin_port = atomic_load(&side->shared->udp_ports[1 - side->who]);
        sched_yield();
    } while (address.sin_port == 0);
    if (connect(side->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return ww_fail_errno(error, WW_EIO, "probe: cannot connect a UDP socket");
    return WW_OK;
}

static void send_number(struct side *side, uint64_t number)
{
    uint32_t bytes = side->options->datagram_bytes;
    if (side->options->kind == WW_NET_UDP) {
        memcpy(side->buffer, &number, sizeof(number));
        if (send(side->fd, side->buffer, bytes, 0) < 0)
            return; /* lost: PING sends again */
        return;
    }
    struct rte_mbuf *frame = rte_pktmbuf_alloc(side->frames);
    if (frame == NULL)
        return;
    frame->data_len = (uint16_t)(bytes + WW_FRAME_OVERHEAD);
    frame->pkt_len = frame->data_len;
    memcpy(rte_pktmbuf_mtod(frame, void *), &number, sizeof(number));
    if (rte_eth_tx_burst(side->port.id, 0, &frame, 1) == 0)
        rte_pktmbuf_free(frame);
}

static bool receive_number(struct side *side, uint64_t *number)
{
    if (side->options->kind == WW_NET_UDP) {
        if (recv(side->fd, side->buffer, sizeof(side->buffer), 0) < (ssize_t)sizeof(*number))
            return false;
        memcpy(number, side->buffer, sizeof(*number));
        return true;
    }
    struct rte_mbuf *frame;
    if (rte_eth_rx_burst(side->port.id, 0, &frame, 1) == 0)
        return false;
    memcpy(number, rte_pktmbuf_mtod(frame, void *), sizeof(*number));
    rte_pktmbuf_free(frame);
    return true;
}

static void wait_idle(const struct side *side)
{
    if (!side->options->spin)
        sched_yield();
}

/* There and back; returns when the answer came. */
static uint64_t run_round(struct side *side, uint64_t round, uint64_t sent_ns)
{
    uint64_t answer = UINT64_MAX, now_ns, last_ns = sent_ns;
    send_number(side, round);
    while (!receive_number(side, &answer) || answer != round) {
        wait_idle(side);
        now_ns = ww_clock_now(&ww_clock_monotonic);
        if (now_ns - last_ns > RESEND_NS) {
            send_number(side, round);
            last_ns = now_ns;
        }
    }
    return ww_clock_now(&ww_clock_monotonic);
}

static void run_ping(struct side *side)
{
    const struct ww_probe_net_options *options = side->options;
    uint64_t round = 0, now_ns = ww_clock_now(&ww_clock_monotonic);
    for (; round < options->warmup_rounds; round++)
        now_ns = run_round(side, round, now_ns);
    atomic_store(&side->shared->ready, true);
    while (!atomic_load(&side->shared->go))
        wait_idle(side);
    uint64_t begin_ns = ww_clock_now(&ww_clock_monotonic);
    uint64_t until_ns =
        options->duration_max_ns > 0 ? begin_ns + options->duration_max_ns : UINT64_MAX;
    now_ns = begin_ns;
    for (uint32_t i = 0; i < options->rounds && now_ns < until_ns; i++, round++) {
        uint64_t sent_ns = ww_clock_now(&ww_clock_monotonic);
        now_ns = run_round(side, round, sent_ns);
        ww_histogram_record(&side->shared->result.round_trip_ns, now_ns - sent_ns, 1);
    }
    atomic_store(&side->shared->done, true);
}

static void run_pong(struct side *side)
{
    uint64_t number;
    while (!atomic_load_explicit(&side->shared->done, memory_order_relaxed))
        if (receive_number(side, &number))
            send_number(side, number);
        else
            wait_idle(side);
}

/* The first two cores that this process may use: left to the kernel, both ends share a core in some
 * runs and not in others, which is a factor of five. */
static void take_core(int who)
{
    cpu_set_t allowed, own;
    int core = 0, found = 0;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) < SIDES)
        return;
    while (!CPU_ISSET(core, &allowed) || found++ < who)
        core++;
    CPU_ZERO(&own);
    CPU_SET(core, &own);
    sched_setaffinity(0, sizeof(own), &own);
}

/* Does not end by itself: the parent ends both, so that neither sees the other go. */
static _Noreturn void run_side(const struct ww_probe_net_options *options, struct shared *shared,
                               int who)
{
    static struct side side;
    struct ww_error error = {0};
    setsid(); /* as the nodes: docs/decisions/0011 */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    take_core(who);
    side = (struct side){.options = options, .shared = shared, .who = who};
    int status = options->kind == WW_NET_UDP ? open_udp(&side, &error) : open_memif(&side, &error);
    if (status != WW_OK) {
        if (!atomic_exchange(&shared->failed, true))
            shared->error = error;
    } else if (who == PING) {
        run_ping(&side);
    } else {
        run_pong(&side);
    }
    for (;;)
        pause();
}

static int check_options(const struct ww_probe_net_options *options, struct ww_error *error)
{
    if (options->kind != WW_NET_MEMIF && options->kind != WW_NET_UDP)
        return ww_fail(error, WW_EINVAL, "the network probe knows memif and udp only");
    if (options->datagram_bytes < sizeof(uint64_t) ||
        options->datagram_bytes > WW_DATAGRAM_MAX(WW_MTU_MAX) || options->rounds == 0)
        return ww_fail(error, WW_EINVAL, "the network probe takes 8..%u bytes, 1.. rounds",
                       WW_DATAGRAM_MAX(WW_MTU_MAX));
    return WW_OK;
}

static int wait_for(struct shared *shared, const atomic_bool *flag, uint64_t until_ns,
                    struct ww_error *error)
{
    while (!atomic_load(flag)) {
        if (atomic_load(&shared->failed))
            return WW_EIO; /* its sentence is in `shared` */
        if (ww_clock_now(&ww_clock_monotonic) > until_ns)
            return ww_fail(error, WW_ETIMEOUT, "the network probe did not end in time");
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
    return WW_OK;
}

int ww_probe_net(const struct ww_probe_net_options *options, struct ww_probe_net_result *result,
                 struct ww_error *error)
{
    int status = check_options(options, error);
    if (status != WW_OK)
        return status;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return ww_fail_errno(error, WW_ENOMEM, "no memory for the network probe");
    ww_histogram_reset(&shared->result.round_trip_ns);
    pid_t sides[SIDES] = {-1, -1};
    uint64_t until_ns = ww_clock_now(&ww_clock_monotonic) + options->timeout_ns;
    for (int who = 0; who < SIDES; who++) {
        sides[who] = fork();
        if (sides[who] == 0)
            run_side(options, shared, who);
        if (sides[who] < 0)
            status = ww_fail_errno(error, WW_ENOMEM, "cannot fork the network probe");
    }
    if (status == WW_OK)
        status = wait_for(shared, &shared->ready, until_ns, error);
    if (status == WW_OK) {
        ww_probe_quiet_begin(options->quiet);
        atomic_store(&shared->go, true);
        status = wait_for(shared, &shared->done, until_ns, error);
        ww_probe_quiet_end(options->quiet);
    }
    for (int who = 0; who < SIDES; who++)
        if (sides[who] > 0) {
            kill(sides[who], SIGKILL);
            waitpid(sides[who], NULL, 0);
        }
    if (options->kind == WW_NET_MEMIF) {
        char path[256];
        snprintf(path, sizeof(path), "%s/probe.sock", options->dir);
        unlink(path);
    }
    if (atomic_load(&shared->failed))
        status = ww_fail(error, WW_EIO, "%s", shared->error.text);
    *result = shared->result;
    munmap(shared, sizeof(*shared));
    return status;
}
