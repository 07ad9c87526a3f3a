/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/control.h"

#include "dpdk_io/eal.h"

#include <errno.h>
#include <rte_interrupts.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ROUND_NS 2000000 /* a round that takes longer is not waited for */

/* On the control thread. */
static void park(void *argument)
{
    struct ww_intr_park *control = argument;
    if (atomic_load(&control->ending))
        return;
    sem_post(&control->done);
    while (sem_wait(&control->go) != 0)
        ; /* EINTR */
}

bool ww_intr_park_run(struct ww_intr_park *control)
{
    if (control->parked) {
        control->parked = false;
        sem_post(&control->go);
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    control->parked = sem_clockwait(&control->done, CLOCK_MONOTONIC, &until) == 0;
    return control->parked;
}

int ww_intr_park_start(struct ww_intr_park *control, struct ww_error *error)
{
    control->handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
    if (control->handle == NULL)
        return ww_eal_fail(error, WW_ENOMEM, "cannot allocate an interrupt handle");
    int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    sem_init(&control->go, 0, 0);
    sem_init(&control->done, 0, 0);
    control->parked = false;
    atomic_store(&control->ending, false);
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
    while (!ww_intr_park_run(control))
        ; /* until it is parked for the first time */
    return WW_OK;
}

void ww_intr_park_stop(struct ww_intr_park *control)
{
    if (control->handle == NULL)
        return;
    while (!ww_intr_park_run(control))
        ;
    atomic_store(&control->ending, true);
    sem_post(&control->go);
    rte_intr_callback_unregister_sync(control->handle, park, control);
    close(rte_intr_fd_get(control->handle));
    rte_intr_instance_free(control->handle);
    control->handle = NULL;
    sem_destroy(&control->go);
    sem_destroy(&control->done);
}
