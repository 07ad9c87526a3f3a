/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/eal.h"

#include "engine/base/limits.h"

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static pid_t started_by; /* 0: DPDK does not run */
static bool with_hugepages;

/* DPDK logs errors that it does not return; the last line goes into our own error. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_last[256];

static ssize_t log_write(void *cookie, const char *text, size_t size)
{
    size_t length = size < sizeof(log_last) ? size : sizeof(log_last) - 1;
    pthread_mutex_lock(&log_lock);
    memcpy(log_last, text, length);
    log_last[length] = '\0';
    log_last[strcspn(log_last, "\n")] = '\0';
    pthread_mutex_unlock(&log_lock);
    return (ssize_t)size;
}

int ww_eal_fail(struct ww_error *error, int code, const char *format, ...)
{
    char sentence[sizeof(error->text)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&log_lock);
    ww_fail(error, code, "%.250s: %s", sentence,
            log_last[0] != '\0' ? log_last : rte_strerror(rte_errno));
    pthread_mutex_unlock(&log_lock);
    return code;
}

/* Free, and allowed to this user? The only sure answer is to map them. */
static bool hugepages_available(size_t bytes)
{
    void *pages =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    return pages != MAP_FAILED && munmap(pages, bytes) == 0;
}

/* One logical core that floats over all the cores that this process may use: "0@(0,1)". */
static void format_lcores(char *text, size_t size, const cpu_set_t *cores)
{
    size_t used = (size_t)snprintf(text, size, "--lcores=0@(");
    for (int core = 0; core < CPU_SETSIZE && used + 8 < size; core++)
        if (CPU_ISSET(core, cores))
            used += (size_t)snprintf(text + used, size - used, "%d,", core);
    text[used - 1] = ')';
}

static void eal_stop(void)
{
    if (started_by == getpid())
        rte_eal_cleanup();
}

static int eal_init(struct ww_error *error)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot read the cores of this process");
    char lcores[512], memory[16];
    format_lcores(lcores, sizeof(lcores), &cores);
    snprintf(memory, sizeof(memory), "%u", WW_DPDK_MEMORY / WW_MIB);
    char *arguments[] = {"ww",
                         "--no-pci",
                         "--no-telemetry",
                         "--no-shconf",
                         "--iova-mode=va",
                         "--log-level=error",
                         lcores,
                         "-m",
                         memory,
                         with_hugepages ? "--in-memory" : "--no-huge",
                         NULL};

    cookie_io_functions_t functions = {.write = log_write};
    FILE *log = fopencookie(NULL, "w", functions);
    if (log == NULL)
        return ww_fail_errno(error, WW_ENOMEM, "cannot open a log for DPDK");
    setvbuf(log, NULL, _IOLBF, 0);
    rte_openlog_stream(log);

    /* DPDK would make a directory for files that it then does not need; it may not. */
    char *directory = getenv("RUNTIME_DIRECTORY");
    directory = directory != NULL ? strdup(directory) : NULL;
    setenv("RUNTIME_DIRECTORY", "/dev/null", 1);
    int count = rte_eal_init((int)(sizeof(arguments) / sizeof(arguments[0])) - 1, arguments);
    if (directory != NULL)
        setenv("RUNTIME_DIRECTORY", directory, 1);
    else
        unsetenv("RUNTIME_DIRECTORY");
    free(directory);
    /* DPDK has bound this thread to its core; which cores threads use is not its business. */
    sched_setaffinity(0, sizeof(cores), &cores);
    if (count < 0)
        return ww_eal_fail(error, WW_EIO, "cannot start DPDK");
    return WW_OK;
}

int ww_eal_start(bool hugepages, struct ww_error *error)
{
    if (started_by == getpid())
        return WW_OK;
    if (started_by != 0)
        return ww_fail(error, WW_EINVAL, "DPDK was started before this process was forked");
    with_hugepages = hugepages && hugepages_available(WW_DPDK_MEMORY);
    int status = eal_init(error);
    if (status != WW_OK)
        return status;
    started_by = getpid();
    atexit(eal_stop);
    return WW_OK;
}

bool ww_eal_hugepages(void)
{
    return with_hugepages;
}
