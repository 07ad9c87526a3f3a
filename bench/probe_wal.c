/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/probe_wal.h"

#include "engine/base/time_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a writer leaves for the parent, in memory that they share. */
struct report {
    struct ww_histogram latency;
    uint64_t writes;
    uint64_t elapsed_ns;
    int error; /* errno, 0: none */
    char step[40];
};

struct shared {
    _Atomic uint32_t ready; /* writers that wait for the start */
    _Atomic bool go;
    struct report reports[]; /* one of each writer */
};

/* One writer, in its own process. */
struct writer {
    const struct ww_probe_wal_options *options;
    struct report *report;
    struct io_uring ring;
    uint8_t *buffer; /* depth pieces of size_bytes */
    uint64_t begun_ns[WW_WRITE_DEPTH_MAX];
    uint64_t offset;
    uint32_t in_flight;
};

void ww_probe_wal_options_init(struct ww_probe_wal_options *options)
{
    *options = (struct ww_probe_wal_options){
        .directory = ".",
        .durability = WW_DURABILITY_DSYNC,
        .writers = 1,
        .size_bytes = WW_BLOCK_ALIGN,
        .depth = 1,
        .file_bytes = 16u * WW_MIB,
        .warmup_ns = 100000000u,
        .duration_ns = 1000000000u,
    };
}

static bool failed(struct writer *writer, int error, const char *step)
{
    writer->report->error = error;
    snprintf(writer->report->step, sizeof(writer->report->step), "%s", step);
    return false;
}

static bool set_up(struct writer *writer, int fd)
{
    const struct ww_probe_wal_options *options = writer->options;
    size_t bytes = (size_t)options->depth * options->size_bytes;
    writer->buffer = aligned_alloc(WW_BLOCK_ALIGN, bytes);
    if (writer->buffer == NULL)
        return failed(writer, ENOMEM, "allocate");
    for (size_t i = 0; i < bytes; i++)
        writer->buffer[i] = (uint8_t)(i * 167 >> 3);
    int status = io_uring_queue_init(2 * WW_WRITE_DEPTH_MAX, &writer->ring,
                                     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
    if (status < 0)
        return failed(writer, -status, "set up io_uring");
    status = io_uring_register_files(&writer->ring, &fd, 1);
    if (status < 0)
        return failed(writer, -status, "register the file");
    struct iovec region = {.iov_base = writer->buffer, .iov_len = bytes};
    status = io_uring_register_buffers(&writer->ring, &region, 1);
    return status >= 0 || failed(writer, -status, "register the buffer");
}

static void submit_write(struct writer *writer, uint32_t slot)
{
    const struct ww_probe_wal_options *options = writer->options;
    uint32_t size = options->size_bytes;
    bool dsync = options->durability == WW_DURABILITY_DSYNC;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&writer->ring);
    io_uring_prep_write_fixed(sqe, 0, writer->buffer + (size_t)slot * size, size, writer->offset,
                              0);
    sqe->flags |= IOSQE_FIXED_FILE | (dsync ? 0 : IOSQE_IO_LINK);
    sqe->rw_flags = dsync ? RWF_DSYNC : 0;
    sqe->user_data = (uint64_t)slot << 1 | dsync; /* the low bit: this completion ends the write */
    if (!dsync) {
        sqe = io_uring_get_sqe(&writer->ring);
        io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
        sqe->flags |= IOSQE_FIXED_FILE;
        sqe->user_data = (uint64_t)slot << 1 | 1;
    }
    writer->offset += size;
    if (writer->offset + size > options->file_bytes)
        writer->offset = 0;
    writer->begun_ns[slot] = ww_time_ns(CLOCK_MONOTONIC);
    writer->in_flight++;
    io_uring_submit(&writer->ring);
}

/* Takes one completion, and starts the next write in its place until `stop_ns`. */
static bool complete(struct writer *writer, uint64_t data, int result, uint64_t count_ns,
                     uint64_t stop_ns)
{
    uint32_t slot = (uint32_t)(data >> 1);
    bool dsync = writer->options->durability == WW_DURABILITY_DSYNC, last = data & 1;
    int expected = dsync || !last ? (int)writer->options->size_bytes : 0;
    if (result != expected)
        return failed(writer, result < 0 ? -result : EIO, last && !dsync ? "flush" : "write");
    if (!last)
        return true;
    uint64_t now = ww_time_ns(CLOCK_MONOTONIC);
    writer->in_flight--;
    if (now >= count_ns) {
        ww_histogram_record(&writer->report->latency, now - writer->begun_ns[slot], 1);
        writer->report->writes++;
    }
    if (now < stop_ns)
        submit_write(writer, slot);
    return true;
}

static bool run(struct writer *writer)
{
    uint64_t count_ns = ww_time_ns(CLOCK_MONOTONIC) + writer->options->warmup_ns;
    uint64_t stop_ns = count_ns + writer->options->duration_ns;
    for (uint32_t slot = 0; slot < writer->options->depth; slot++)
        submit_write(writer, slot);
    while (writer->in_flight > 0) {
        struct io_uring_cqe *cqe;
        if (io_uring_peek_cqe(&writer->ring, &cqe) != 0) {
            sched_yield();
            continue;
        }
        uint64_t data = cqe->user_data;
        int result = cqe->res;
        io_uring_cqe_seen(&writer->ring, cqe);
        if (!complete(writer, data, result, count_ns, stop_ns))
            return false;
    }
    writer->report->elapsed_ns = ww_time_ns(CLOCK_MONOTONIC) - count_ns;
    return true;
}

static _Noreturn void be_writer(const struct ww_probe_wal_options *options, struct shared *shared,
                                uint32_t number, int fd, pid_t parent)
{
    setsid(); /* as the nodes: docs/decisions/0011 */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    struct writer writer = {.options = options, .report = &shared->reports[number]};
    ww_histogram_reset(&writer.report->latency);
    bool ready = set_up(&writer, fd);
    atomic_fetch_add(&shared->ready, 1);
    while (ready && !atomic_load(&shared->go))
        sched_yield();
    _exit(ready && run(&writer) ? 0 : 1);
}

int ww_probe_wal_file(const struct ww_probe_wal_options *options, struct ww_error *error)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/.ww-probe-XXXXXX", options->directory);
    int direct = options->durability == WW_DURABILITY_BUFFERED ? 0 : O_DIRECT;
    int fd = mkostemp(path, O_CLOEXEC | direct);
    if (fd < 0) {
        bool no_direct = errno == EINVAL && direct != 0;
        ww_fail_errno(error, WW_EIO, "probe: cannot create a file%s in %s",
                      no_direct ? " for direct I/O" : "", options->directory);
        unlink(path);
        return -1;
    }
    unlink(path);
    uint8_t *zeros = aligned_alloc(WW_BLOCK_ALIGN, WW_WRITE_MAX);
    bool written = zeros != NULL;
    if (written)
        memset(zeros, 0, WW_WRITE_MAX);
    errno = ENOSPC; /* what a short write means */
    for (uint64_t at = 0; written && at < options->file_bytes; at += WW_WRITE_MAX)
        written = pwrite(fd, zeros, WW_WRITE_MAX, (off_t)at) == (ssize_t)WW_WRITE_MAX;
    written = written && fdatasync(fd) == 0;
    free(zeros);
    if (written)
        return fd;
    ww_fail_errno(error, errno == ENOSPC ? WW_ENOSPC : WW_EIO, "probe: cannot write a file in %s",
                  options->directory);
    close(fd);
    return -1;
}

static int validate(const struct ww_probe_wal_options *options, struct ww_error *error)
{
    if (options->writers < 1 || options->writers > WW_PROBE_WAL_WRITERS_MAX || options->depth < 1 ||
        options->depth > WW_WRITE_DEPTH_MAX || options->size_bytes == 0 ||
        options->size_bytes % WW_BLOCK_ALIGN != 0 || options->size_bytes > WW_WRITE_MAX ||
        options->file_bytes < options->size_bytes || options->durability == WW_DURABILITY_MEMORY)
        return ww_fail(error, WW_EINVAL,
                       "probe: %u writers of %u bytes, %u in flight, are not possible",
                       options->writers, options->size_bytes, options->depth);
    return WW_OK;
}

/* Ends and counts the writers; true when all of them did their work. */
static bool end_writers(struct shared *shared, const pid_t *writers, uint32_t count, bool stop)
{
    bool all = !stop;
    for (uint32_t i = 0; stop && i < count; i++)
        kill(writers[i], SIGKILL);
    for (uint32_t i = 0; i < count; i++) {
        int status = 0;
        while (waitpid(writers[i], &status, 0) < 0 && errno == EINTR)
            ;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            all = false;
        if (WIFSIGNALED(status) && shared->reports[i].error == 0)
            shared->reports[i].error = EINTR;
    }
    return all;
}

static bool start_writers(const struct ww_probe_wal_options *options, struct shared *shared,
                          const int *files, pid_t *writers, uint32_t *count)
{
    pid_t parent = getpid();
    for (*count = 0; *count < options->writers; (*count)++) {
        pid_t writer = fork();
        if (writer < 0)
            return false;
        if (writer == 0)
            be_writer(options, shared, *count, files[*count], parent);
        writers[*count] = writer;
    }
    while (atomic_load(&shared->ready) < options->writers) {
        for (uint32_t i = 0; i < options->writers; i++) {
            siginfo_t ended = {0}; /* one that was killed would never be ready */
            if (waitid(P_PID, (id_t)writers[i], &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                ended.si_pid != 0 && ended.si_code != CLD_EXITED)
                return false;
        }
        sched_yield();
    }
    ww_probe_quiet_begin(options->quiet);
    atomic_store(&shared->go, true);
    return true;
}

static int measure(const struct ww_probe_wal_options *options, struct shared *shared,
                   const int *files, struct ww_probe_wal_result *result, struct ww_error *error)
{
    pid_t writers[WW_PROBE_WAL_WRITERS_MAX];
    uint32_t count;
    bool started = start_writers(options, shared, files, writers, &count);
    bool complete_all = end_writers(shared, writers, count, !started);
    if (started)
        ww_probe_quiet_end(options->quiet);
    for (uint32_t i = 0; i < count; i++) {
        const struct report *report = &shared->reports[i];
        if (report->error != 0)
            return ww_fail(error, report->error == ENOSPC ? WW_ENOSPC : WW_EIO,
                           "probe: writer %u in %s: cannot %s: %s", i, options->directory,
                           report->step[0] != 0 ? report->step : "go on", strerror(report->error));
    }
    if (!complete_all)
        return ww_fail(error, WW_EIO, "probe: a writer in %s ended early", options->directory);
    for (uint32_t i = 0; i < count; i++) {
        const struct report *report = &shared->reports[i];
        ww_histogram_merge(&result->latency, &report->latency);
        result->writes += report->writes;
        if (report->elapsed_ns > result->elapsed_ns)
            result->elapsed_ns = report->elapsed_ns;
    }
    result->bytes = result->writes * options->size_bytes;
    return WW_OK;
}

int ww_probe_wal(const struct ww_probe_wal_options *options, struct ww_probe_wal_result *result,
                 struct ww_error *error)
{
    memset(result, 0, sizeof(*result));
    ww_histogram_reset(&result->latency);
    int status = validate(options, error);
    if (status != WW_OK)
        return status;
    size_t bytes = sizeof(struct shared) + options->writers * sizeof(struct report);
    struct shared *shared =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return ww_fail_errno(error, WW_ENOMEM, "probe: no memory");
    int files[WW_PROBE_WAL_WRITERS_MAX];
    uint32_t made = 0;
    while (made < options->writers && (files[made] = ww_probe_wal_file(options, error)) >= 0)
        made++;
    if (made == options->writers)
        status = measure(options, shared, files, result, error);
    else
        status = error != NULL ? error->code : WW_EIO;
    while (made > 0)
        close(files[--made]);
    munmap(shared, bytes);
    return status;
}
