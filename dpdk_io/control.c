/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/control.h"

#include "dpdk_io/eal.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <rte_interrupts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ROUND_NS 2000000 /* a round that takes longer is not waited for */

/* On the control thread. */
static void park(void *argument)
{
    struct ww_intr_park *control = argument;
    eventfd_t value;
    eventfd_read(control->event, &value); /* not ready while parked: see ww_intr_park_wanted */
    sem_post(&control->done);
    while (sem_wait(&control->go) != 0)
        ; /* EINTR */
}

/* Does epoll descriptor `fd` wait for our eventfd? The kernel lists what it waits for. */
static bool waits_for(int fd, int event)
{
    char path[48], line[128];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    FILE *info = fopen(path, "re");
    bool found = false;
    int target;
    while (info != NULL && !found && fgets(line, sizeof(line), info) != NULL)
        found = sscanf(line, "tfd: %d", &target) == 1 && target == event;
    if (info != NULL)
        fclose(info);
    return found;
}

/* DPDK makes a new epoll descriptor whenever what it waits for changes. */
static void find_epoll(struct ww_intr_park *control)
{
    if (control->epoll >= 0 && waits_for(control->epoll, control->event))
        return;
    control->epoll = -1;
    DIR *descriptors = opendir("/proc/self/fd");
    struct dirent *entry;
    while (descriptors != NULL && control->epoll < 0 && (entry = readdir(descriptors)) != NULL) {
        char target[32] = {0};
        if (readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target) - 1) > 0 &&
            strcmp(target, "anon_inode:[eventpoll]") == 0 &&
            waits_for(atoi(entry->d_name), control->event))
            control->epoll = atoi(entry->d_name);
    }
    if (descriptors != NULL)
        closedir(descriptors);
}

bool ww_intr_park_wanted(const struct ww_intr_park *control)
{
    struct pollfd waiting = {.fd = control->epoll, .events = POLLIN};
    return control->epoll < 0 || poll(&waiting, 1, 0) != 0;
}

bool ww_intr_park_run(struct ww_intr_park *control)
{
    if (control->parked) {
        control->parked = false;
        eventfd_write(control->event, 1);
        sem_post(&control->go);
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    control->parked = sem_clockwait(&control->done, CLOCK_MONOTONIC, &until) == 0;
    if (control->parked)
        find_epoll(control);
    return control->parked;
}

static int start(struct ww_intr_park *control, struct ww_error *error)
{
    control->handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
    if (control->handle == NULL)
        return ww_eal_fail(error, WW_ENOMEM, "cannot allocate an interrupt handle");
    int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    control->event = fd;
    control->epoll = -1;
    sem_init(&control->go, 0, 0);
    sem_init(&control->done, 0, 0);
    if (fd < 0 || rte_intr_fd_set(control->handle, fd) != 0 ||
        rte_intr_type_set(control->handle, RTE_INTR_HANDLE_EXT) != 0 ||
        rte_intr_callback_register(control->handle, park, control) != 0) {
        ww_eal_fail(error, WW_EIO, "cannot register with DPDK's control thread");
        if (fd >= 0)
            close(fd);
        rte_intr_instance_free(control->handle);
        control->handle = NULL;
        return WW_EIO;
    }
    return WW_OK;
}

int ww_intr_park_open(struct ww_intr_park **out, struct ww_error *error)
{
    static struct ww_intr_park control; /* DPDK has one control thread per process */
    int status = control.handle == NULL ? start(&control, error) : WW_OK;
    if (status != WW_OK)
        return status;
    while (!control.parked)
        ww_intr_park_run(&control);
    *out = &control;
    return WW_OK;
}
