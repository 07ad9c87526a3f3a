/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 8u
#define WAIT_NS 20000000u /* how long ^C may wait */

void *ww_child_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static _Noreturn void be_child(uint32_t number, pid_t parent, ww_child_body *body, void *context,
                               struct ww_error *errors)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    _exit(body(context, number, &errors[number]) == WW_OK ? 0 : 1); /* its memory goes with it */
}

/* Waits for number 0, or for another one that fails. */
static int wait_for_first(pid_t *children, uint32_t count, const struct ww_error *errors,
                          bool (*interrupted)(uint64_t wait_ns), struct ww_error *error)
{
    while (!interrupted(WAIT_NS)) {
        for (uint32_t i = 0; i < count; i++) {
            int how = 0;
            if (children[i] <= 0 || waitpid(children[i], &how, WNOHANG) != children[i])
                continue;
            children[i] = 0;
            bool done = WIFEXITED(how) && WEXITSTATUS(how) == 0;
            if (done && i == 0)
                return WW_OK;
            if (!done && errors[i].code != WW_OK)
                return ww_fail(error, errors[i].code, "%s", errors[i].text);
            if (!done)
                return ww_fail(error, WW_EIO, "a process of the experiment ended early");
        }
    }
    return ww_fail(error, WW_ECLOSED, "interrupted");
}

int ww_children_run(uint32_t count, ww_child_body *body, void *context,
                    bool (*interrupted)(uint64_t wait_ns), struct ww_error *error)
{
    pid_t children[CHILDREN_MAX] = {0}, parent = getpid();
    size_t bytes = CHILDREN_MAX * sizeof(struct ww_error);
    struct ww_error *errors = ww_child_memory(bytes);
    int status = WW_OK;
    if (errors == NULL || count > CHILDREN_MAX)
        return ww_fail(error, WW_ENOMEM, "no memory for processes");
    for (uint32_t i = 0; i < count && status == WW_OK; i++) {
        children[i] = fork();
        if (children[i] == 0)
            be_child(i, parent, body, context, errors);
        if (children[i] < 0)
            status = ww_fail_errno(error, WW_ENOMEM, "cannot start a process");
    }
    if (status == WW_OK)
        status = wait_for_first(children, count, errors, interrupted, error);
    for (uint32_t i = 0; i < count; i++)
        if (children[i] > 0) {
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, 0);
        }
    munmap(errors, bytes);
    return status;
}
