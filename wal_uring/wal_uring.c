/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the log on disk, and the preparer's half of it. */
#include "wal_uring/cut.h"
#include "wal_uring/disk.h"
#include "wal_uring/recover.h"
#include "wal_uring/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int validate(const struct ww_wal_options *options, struct ww_error *error)
{
    uint64_t segment = options->segment_bytes, span = options->span_bytes;
    if (segment < WW_SEGMENT_BYTES_MIN || segment > WW_SEGMENT_BYTES_MAX ||
        (segment & (segment - 1)) != 0)
        return ww_fail(error, WW_EINVAL,
                       "the segment size %" PRIu64 " is not a power of two from %u to %u", segment,
                       WW_SEGMENT_BYTES_MIN, WW_SEGMENT_BYTES_MAX);
    if (span < WW_BLOCK_MAX || span % WW_BLOCK_ALIGN != 0 ||
        (segment % span != 0 && span % segment != 0))
        return ww_fail(error, WW_EINVAL,
                       "the log buffer's size %" PRIu64 " neither divides the segment size %" PRIu64
                       " nor is a multiple of it",
                       span, segment);
    if (options->write_depth < 1 || options->write_depth > WW_WRITE_DEPTH_MAX)
        return ww_fail(error, WW_EINVAL, "the write depth %" PRIu32 " is not between 1 and %u",
                       options->write_depth, WW_WRITE_DEPTH_MAX);
    if (options->max_bytes != 0 && options->max_bytes < 2 * segment)
        return ww_fail(error, WW_EINVAL,
                       "the log may take %" PRIu64 " bytes, less than two segments of %" PRIu64,
                       options->max_bytes, segment);
    return WW_OK;
}

/* A fresh directory becomes ours; another's is refused. */
static int claim(struct ww_wal_disk *disk, const struct ww_wal_options *options,
                 struct ww_error *error)
{
    struct ww_wal_directory *directory = &disk->directory;
    struct ww_wal_identity *identity = &directory->identity;
    if (!directory->fresh) {
        if (identity->cluster != options->cluster || identity->node != options->node)
            return ww_fail(error, WW_EFOREIGN,
                           "%s belongs to node %" PRIu32 " of cluster %016" PRIx64
                           ", not to node %" PRIu32 " of cluster %016" PRIx64,
                           directory->path, identity->node, identity->cluster, options->node,
                           options->cluster);
        if (identity->segment_bytes != options->segment_bytes)
            return ww_fail(error, WW_EINVAL,
                           "%s has segments of %" PRIu64 " bytes; %" PRIu64 " was asked for",
                           directory->path, identity->segment_bytes, options->segment_bytes);
        return WW_OK;
    }
    uint64_t *segments;
    size_t count;
    int status = ww_wal_segment_list(directory, ".seg", &segments, &count, error);
    free(segments);
    if (status != WW_OK)
        return status;
    if (count > 0)
        return ww_fail(error, WW_EDAMAGED,
                       "%s/identity is missing, but %s/wal holds %zu segments; move %s away to let "
                       "the node come back from its peers as after the loss of its disk",
                       directory->path, directory->path, count, directory->path);
    identity->cluster = options->cluster;
    identity->node = options->node;
    identity->segment_bytes = options->segment_bytes;
    identity->recovering = 1; /* an earlier directory of this node may have been lost */
    if (getrandom(&identity->stream, sizeof(identity->stream), 0) != sizeof(identity->stream))
        return ww_fail_errno(error, WW_EIO, "cannot draw a stream id");
    return ww_wal_identity_store(directory, error);
}

/* Direct writes must be possible where the mode wants them, and mean something. */
static int choose_mode(struct ww_wal_disk *disk, const struct ww_wal_options *options,
                       struct ww_error *error)
{
    static const char instead[] = "choose the durability buffered or memory, or another place";
    const char *path = disk->directory.path;
    disk->dsync = options->durability == WW_DURABILITY_DSYNC;
    disk->flight.flushes = !disk->dsync;
    if (options->durability == WW_DURABILITY_BUFFERED)
        return WW_OK;
    disk->open_flags = O_DIRECT;
    if (ww_wal_directory_volatile(&disk->directory))
        return ww_fail(error, WW_EINVAL, "%s lies in memory, where no write is durable: %s", path,
                       instead);
    int fd =
        openat(disk->directory.wal_fd, "direct.new", O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0640);
    int status = WW_OK;
    if (fd < 0)
        status = errno == EINVAL
                     ? ww_fail(error, WW_EINVAL, "the file system of %s has no direct I/O: %s",
                               path, instead)
                     : ww_fail_errno(error, WW_EIO, "cannot write to %s/wal", path);
    else
        close(fd);
    unlinkat(disk->directory.wal_fd, "direct.new", 0);
    return status;
}

static bool keep_spare(struct ww_wal_disk *disk, uint64_t segment)
{
    if (disk->spare_count == disk->spare_capacity) {
        size_t capacity = disk->spare_capacity == 0 ? 64 : disk->spare_capacity * 2;
        uint64_t *larger = realloc(disk->spares, capacity * sizeof(*larger));
        if (larger == NULL)
            return false;
        disk->spares = larger;
        disk->spare_capacity = capacity;
    }
    disk->spares[disk->spare_count++] = segment;
    return true;
}

/* Ends what a crash left half done: files that were being written, segments being recycled. */
static int tidy(struct ww_wal_disk *disk, struct ww_error *error)
{
    const struct ww_wal_directory *directory = &disk->directory;
    uint64_t *numbers;
    size_t count;
    int status = ww_wal_segment_list(directory, ".new", &numbers, &count, error);
    for (size_t i = 0; status == WW_OK && i < count; i++)
        unlinkat(directory->wal_fd, ww_wal_segment_name(numbers[i], ".new").text, 0);
    free(numbers);
    if (status == WW_OK)
        status = ww_wal_segment_list(directory, ".seg", &numbers, &count, error);
    if (status != WW_OK)
        return status;
    for (size_t i = 0; status == WW_OK && i < count; i++) {
        if (numbers[i] < directory->identity.first_segment)
            status =
                ww_wal_segment_rename(directory, numbers[i], ".seg", numbers[i], ".spare", error);
        else
            disk->file_count++;
    }
    free(numbers);
    if (directory->identity.recovering == 0)
        ww_wal_cut_drop(directory);
    return status;
}

/* Takes the spare files that are whole, and removes the others. */
static int gather_spares(struct ww_wal_disk *disk, struct ww_error *error)
{
    const struct ww_wal_directory *directory = &disk->directory;
    uint64_t *numbers;
    size_t count;
    int status = ww_wal_segment_list(directory, ".spare", &numbers, &count, error);
    for (size_t i = 0; status == WW_OK && i < count; i++) {
        struct ww_wal_name name = ww_wal_segment_name(numbers[i], ".spare");
        struct stat file;
        if (fstatat(directory->wal_fd, name.text, &file, 0) == 0 &&
            file.st_size == (off_t)(WW_SEGMENT_HEADER_BYTES + disk->head.segment_bytes) &&
            keep_spare(disk, numbers[i]))
            disk->file_count++;
        else
            unlinkat(directory->wal_fd, name.text, 0);
    }
    free(numbers);
    return status;
}

static uint64_t bytes_written(const struct ww_wal_disk *disk)
{
    return __atomic_load_n(&disk->head.store.counters[WW_WAL_BYTES], __ATOMIC_RELAXED);
}

/* Twice what the log wrote while the last piece was written: a slow log, whose writes are small,
 * has small ones beside it, and a fast one gets its space in time. */
static uint32_t next_piece(uint64_t log_bytes)
{
    if (log_bytes >= WW_WAL_PREPARE_PIECE / 2)
        return WW_WAL_PREPARE_PIECE;
    uint32_t piece = ww_align_up((uint32_t)log_bytes * 2, WW_BLOCK_ALIGN);
    return piece < WW_WAL_PREPARE_PIECE_MIN ? WW_WAL_PREPARE_PIECE_MIN : piece;
}

/*
 * A piece of a new segment was written. While the log is writing and has a segment in reserve, the
 * next piece waits until the log has written half as much: the reserve grows, and no faster.
 */
static uint32_t give_way(void *owner, uint32_t bytes)
{
    struct ww_wal_disk *disk = owner;
    const struct timespec step = {.tv_nsec = WW_WAL_PREPARE_PAUSE_STEP_NS};
    uint64_t before = disk->bytes_seen, waited_ns = 0;
    ww_wal_count(&disk->head, WW_WAL_PREPARED_BYTES, bytes);
    disk->bytes_seen = bytes_written(disk);
    if (disk->bytes_seen == before || ww_wal_preparer_in_haste(&disk->head.preparer))
        return WW_WAL_PREPARE_PIECE;
    uint32_t next = next_piece(disk->bytes_seen - before);
    while (disk->bytes_seen - before < bytes / 2 && waited_ns < WW_WAL_PREPARE_PAUSE_MAX_NS &&
           !ww_wal_preparer_in_haste(&disk->head.preparer)) {
        nanosleep(&step, NULL);
        waited_ns += WW_WAL_PREPARE_PAUSE_STEP_NS;
        disk->bytes_seen = bytes_written(disk);
    }
    ww_wal_count(&disk->head, WW_WAL_PREPARE_PAUSE_NS, waited_ns);
    return next;
}

static int make_file(struct ww_wal_disk *disk, uint64_t segment, const uint64_t *spare,
                     struct ww_error *error)
{
    struct ww_wal_pace pace = {give_way, disk};
    if (spare == NULL && disk->file_limit != 0 && disk->file_count >= disk->file_limit)
        return ww_fail(error, WW_ENOSPC, "%s/wal holds %" PRIu64 " segments, as many as it may",
                       disk->directory.path, disk->file_count);
    return ww_wal_segment_create(&disk->directory, segment, spare, disk->open_flags, &pace, error);
}

static int make_segment(void *owner, uint64_t segment, struct ww_error *error)
{
    struct ww_wal_disk *disk = owner;
    const uint64_t *spare = disk->spare_count > 0 ? &disk->spares[disk->spare_count - 1] : NULL;
    int status = make_file(disk, segment, spare, error);
    if (status != WW_OK) {
        ww_wal_count(&disk->head, WW_WAL_SEGMENTS_FAILED, 1);
        return status;
    }
    if (spare != NULL)
        disk->spare_count--;
    else
        disk->file_count++;
    ww_wal_count(&disk->head, spare != NULL ? WW_WAL_SEGMENTS_RECYCLED : WW_WAL_SEGMENTS_PREPARED,
                 1);
    return WW_OK;
}

/* The core says that nothing forgotten can do harm any more. */
static bool note_recovered(void *owner)
{
    struct ww_wal_disk *disk = owner;
    disk->directory.identity.recovering = 0;
    if (ww_wal_identity_store(&disk->directory, NULL) != WW_OK) {
        disk->directory.identity.recovering = 1;
        return false;
    }
    ww_wal_cut_drop(&disk->directory);
    return true;
}

/*
 * The identity says first that older segments are not needed; only then do they go, so that after a
 * crash a missing one is never taken for a lost one. What fails here is done at the next opening.
 */
static void recycle(void *owner, uint64_t first_kept)
{
    struct ww_wal_disk *disk = owner;
    struct ww_wal_identity *identity = &disk->directory.identity;
    uint64_t segment = identity->first_segment;
    identity->first_segment = first_kept;
    if (identity->durable < first_kept * identity->segment_bytes)
        identity->durable = first_kept * identity->segment_bytes;
    if (ww_wal_identity_store(&disk->directory, NULL) != WW_OK)
        return;
    for (; segment < first_kept; segment++)
        if (ww_wal_segment_rename(&disk->directory, segment, ".seg", segment, ".spare", NULL) ==
            WW_OK)
            keep_spare(disk, segment);
}

static int open_ring(struct ww_wal_disk *disk, const struct ww_wal_options *options,
                     struct ww_error *error)
{
    /* Completions are taken when the thread enters the kernel anyway (sched_yield) or asks. */
    struct io_uring_params params = {.flags =
                                         IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG};
    if (options->sqpoll_ns > 0)
        params = (struct io_uring_params){
            .flags = IORING_SETUP_SQPOLL,
            .sq_thread_idle = (uint32_t)((options->sqpoll_ns + 999999) / 1000000),
        };
    int result = io_uring_queue_init_params(WW_WAL_RING_ENTRIES, &disk->ring, &params);
    errno = -result;
    if (result < 0)
        return ww_fail_errno(error, WW_EIO, "cannot set up io_uring (Linux 5.19 is needed)");
    disk->ring_open = true;
    for (uint32_t i = 0; i < WW_WAL_FILES; i++)
        disk->files[i].segment = UINT64_MAX;
    result = io_uring_register_files_sparse(&disk->ring, WW_WAL_FILES);
    errno = -result;
    if (result < 0)
        return ww_fail_errno(error, WW_EIO, "cannot register files with io_uring");
    for (uint32_t i = 0; i < WW_WAL_REGIONS; i++)
        if (options->regions[i].iov_len > 0 && !options->plain_buffers)
            disk->regions[disk->region_count++] = options->regions[i];
    if (disk->region_count == 0)
        return WW_OK;
    result = io_uring_register_buffers(&disk->ring, disk->regions, disk->region_count);
    errno = -result;
    if (result == -ENOMEM || result == -EPERM)
        disk->region_count = 0; /* RLIMIT_MEMLOCK: works without, each write pins its pages */
    else if (result < 0)
        return ww_fail_errno(error, WW_EIO, "cannot register buffers with io_uring");
    return WW_OK;
}

/* Prepares what was asked for. A log that holds something opens on a full disk, too: it can be read
 * and recycled. */
static int prepare(struct ww_wal_disk *disk, const struct ww_wal_options *options,
                   const struct ww_wal_recovered *recovered, struct ww_error *error)
{
    struct ww_wal_preparer *preparer = &disk->head.preparer;
    uint64_t size = disk->head.segment_bytes;
    disk->file_limit = options->max_bytes / size;
    preparer->make = make_segment;
    preparer->recycle = recycle;
    preparer->note_recovered = note_recovered;
    preparer->next_segment = recovered->next_segment;
    preparer->first_kept = disk->directory.identity.first_segment;
    atomic_store_explicit(&disk->head.store.limit_position, recovered->next_segment * size,
                          memory_order_release);
    uint64_t bytes = options->prepare_bytes > 0 ? options->prepare_bytes : 1;
    if (disk->file_limit != 0 && bytes > disk->file_limit * size)
        bytes = disk->file_limit * size;
    int status = ww_wal_prepare_to(preparer, recovered->end + bytes, error);
    bool sealed =
        recovered->found.damage.code == WW_OK || recovered->end < preparer->next_segment * size;
    if (status == WW_ENOSPC && recovered->found.blocks > 0 && sealed)
        status = WW_OK;
    return status;
}

static void close_disk(struct ww_log_store *store)
{
    struct ww_wal_disk *disk = (struct ww_wal_disk *)store;
    if (disk->ring_open)
        ww_wal_disk_drain(disk);
    ww_wal_snapshots_close(&disk->head.snapshots);
    ww_wal_preparer_stop(&disk->head.preparer);
    if (disk->flight.durable > disk->directory.identity.durable) {
        disk->directory.identity.durable = disk->flight.durable;
        ww_wal_identity_store(&disk->directory, NULL); /* else the older bound still holds */
    }
    if (disk->ring_open)
        io_uring_queue_exit(&disk->ring);
    ww_wal_directory_close(&disk->directory);
    free(disk->spares);
    free(disk);
}

static const struct ww_log_store_ops disk_ops = {
    .write = ww_wal_disk_write,
    .read = ww_wal_disk_read,
    .poll = ww_wal_disk_poll,
    .release = ww_wal_disk_release,
    .close = close_disk,
    .snapshot_save = ww_wal_head_snapshot_save,
    .snapshot_receive = ww_wal_head_snapshot_receive,
    .snapshot_drop = ww_wal_head_snapshot_drop,
    .snapshot_map = ww_wal_head_snapshot_map,
    .snapshot_unmap = ww_wal_head_snapshot_unmap,
    .recovered = ww_wal_disk_recovered,
};

/*
 * Says durably what recovery found, before anything is changed. An epoch is stored before it is
 * written: so none on the disk is greater, not even in what cannot be read. Until the block that
 * seals a cut is there, the log counts as damaged.
 */
static int settle(struct ww_wal_disk *disk, struct ww_wal_recovered *recovered,
                  struct ww_error *error)
{
    struct ww_wal_identity *identity = &disk->directory.identity;
    bool damaged = recovered->found.damage.code != WW_OK;
    if (damaged)
        identity->recovering = 1;
    identity->epoch++;
    uint64_t end = recovered->end + (damaged ? WW_BLOCK_ALIGN : 0);
    if (!damaged || identity->durable < end)
        identity->durable = end;
    recovered->found.recovering = identity->recovering != 0;
    int status = ww_wal_identity_store(&disk->directory, error);
    if (status == WW_OK && damaged)
        status = ww_wal_cut_aside(&disk->directory, recovered->next_segment, error);
    return status;
}

/* The log goes on behind a block that separates it from what was cut. */
static int seal_cut(struct ww_wal_disk *disk, struct ww_wal_recovered *recovered,
                    struct ww_error *error)
{
    int status = ww_wal_cut_seal(&disk->directory, disk->open_flags, recovered->end,
                                 disk->directory.identity.epoch, &recovered->link, error);
    recovered->end += WW_BLOCK_ALIGN;
    recovered->found.cut_position = recovered->end;
    disk->directory.identity.durable = recovered->end;
    if (status == WW_OK)
        status = ww_wal_identity_store(&disk->directory, error);
    disk->head.next_position = disk->head.store.start_position = recovered->end;
    disk->head.preparer.current = recovered->end / disk->head.segment_bytes;
    return status;
}

/* Brings an open, locked directory to the point where writing can begin. */
static int start(struct ww_wal_disk *disk, const struct ww_wal_options *options, ww_log_visit visit,
                 void *context, struct ww_error *error)
{
    struct ww_wal_identity *identity = &disk->directory.identity;
    struct ww_wal_recovered recovered;
    int status = claim(disk, options, error);
    if (status == WW_OK)
        status = choose_mode(disk, options, error);
    if (status == WW_OK)
        status = ww_wal_recover(&disk->directory,
                                options->repair == WW_WAL_REPAIR_PEERS ? WW_WAL_TO_REPAIR
                                                                       : WW_WAL_TO_WRITE,
                                visit, context, &recovered, error);
    if (status == WW_OK)
        status = settle(disk, &recovered, error);
    if (status != WW_OK)
        return status;

    ww_wal_head_init(&disk->head, options, recovered.end);
    struct ww_log_store *store = &disk->head.store;
    status = tidy(disk, error);
    if (status == WW_OK)
        status = gather_spares(disk, error);
    if (status == WW_OK)
        status = open_ring(disk, options, error);
    if (status == WW_OK)
        status = prepare(disk, options, &recovered, error);
    if (status == WW_OK && recovered.found.damage.code != WW_OK)
        status = seal_cut(disk, &recovered, error);
    if (status != WW_OK)
        return status;

    disk->head.recovery = recovered.found;
    disk->head.released = identity->first_segment * options->segment_bytes;
    disk->flight.durable = disk->reported_durable = recovered.end;
    store->ops = &disk_ops;
    store->stream_id = identity->stream;
    store->start_link = recovered.link;
    store->epoch = identity->epoch;
    /* Of two flushes in flight on one file only one hears of an error in the kernel's cache. */
    if (options->durability == WW_DURABILITY_BUFFERED)
        store->write_depth = 1;
    status = ww_wal_preparer_start(&disk->head.preparer, error);
    return status == WW_OK ? ww_wal_snapshots_open(&disk->head.snapshots, disk->directory.fd,
                                                   options->cluster, error)
                           : status;
}

int ww_wal_open(const struct ww_wal_options *options, ww_log_visit visit, void *context,
                struct ww_log_store **store, struct ww_error *error)
{
    *store = NULL;
    int status = validate(options, error);
    if (status != WW_OK)
        return status;
    if (options->durability == WW_DURABILITY_MEMORY)
        return ww_wal_memory_open(options, store, error);
    struct ww_wal_disk *disk = calloc(1, sizeof(*disk));
    if (disk == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the log");
    status = ww_wal_directory_open(&disk->directory, options->directory, true, error);
    if (status != WW_OK) {
        free(disk);
        return status;
    }
    disk->head.segment_bytes = options->segment_bytes;
    status = start(disk, options, visit, context, error);
    if (status != WW_OK) {
        close_disk(&disk->head.store);
        return status;
    }
    *store = &disk->head.store;
    return WW_OK;
}

int ww_wal_scan(const char *directory, ww_log_visit visit, void *context,
                struct ww_wal_recovery *recovery, struct ww_error *error)
{
    struct ww_wal_directory opened;
    int status = ww_wal_directory_open(&opened, directory, false, error);
    if (status != WW_OK)
        return status;
    struct ww_wal_recovered recovered;
    status = ww_wal_recover(&opened, WW_WAL_TO_CHECK, visit, context, &recovered, error);
    *recovery = recovered.found;
    ww_wal_directory_close(&opened);
    return status;
}
