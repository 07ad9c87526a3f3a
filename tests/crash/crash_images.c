/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rebuilds disks as a crash may have left them, mounts each, and checks the log on it:
 *
 *   crash_images START WRITE_LOG RECORD SCRATCH MOUNT_POINT CLUSTER NODE SEGMENT_BYTES
 *
 * START is the disk before the first write, RECORD what a client was told (acks.h). It says
 * "flushes N", then takes lines from stdin and answers each with one:
 *
 *   image FLUSH SEED CLAIMED
 *            makes and checks the disk at that flush, with what SEED chooses of the writes behind
 *            it; it must hold what is acknowledged at flush CLAIMED, which is FLUSH unless the disk
 *            is to be one that lies about flushes
 *   again    checks it once more: another process may have used it in between
 *
 * The disk stays mounted until the next image; its data directory is MOUNT_POINT/data. Answers:
 * "ok ..." with numbers, or "failed ..." with what is wrong.
 */
#include "engine/base/error.h"
#include "engine/wire/checksum.h"
#include "tests/crash/disk_image.h"
#include "tests/crash/log_check.h"
#include "tests/crash/loop_mount.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct ww_write_log log;
    struct ww_disk_image image;
    struct ww_crash_acks acks;
    struct ww_wal_options options;
    const char *mount_point;
    char directory[256];
    bool mounted;
    uint64_t applied; /* what the mounted disk must hold: so many entries of the log */
};

static int unmount(struct session *session, struct ww_error *error)
{
    if (!session->mounted)
        return WW_OK;
    session->mounted = false;
    return ww_loop_unmount(session->mount_point, error);
}

static void answer_check(struct session *session, const struct ww_disk_variation *variation)
{
    struct ww_error error;
    struct ww_crash_found found;
    if (ww_crash_log_check(&session->options, &session->acks, session->applied, &found, &error) !=
        WW_OK)
        printf("failed %s\n", error.text);
    else
        printf("ok writes=%u kept=%u torn=%u dropped=%u entries=%" PRIu64 " required=%" PRIu64
               " covered=%" PRIu64 " snapshots=%" PRIu64 " cut_bytes=%" PRIu64 " fresh=%d\n",
               variation->writes, variation->kept, variation->torn, variation->dropped,
               found.entries, found.required, found.covered, found.snapshots, found.cut_bytes,
               found.fresh);
}

static void make_image(struct session *session, uint64_t flush, uint64_t seed, uint64_t claimed)
{
    struct ww_error error;
    struct ww_disk_variation variation;
    int status = unmount(session, &error);
    if (status == WW_OK && claimed >= session->log.flush_count)
        status = ww_fail(&error, WW_EINVAL, "flush %" PRIu64 " of %zu", claimed,
                         session->log.flush_count);
    if (status == WW_OK)
        status = ww_disk_image_make(&session->image, flush, seed, &variation, &error);
    if (status == WW_OK)
        status = ww_loop_mount(session->image.scratch_fd, session->mount_point, &error);
    if (status != WW_OK) {
        printf("failed %s\n", error.text);
        return;
    }
    session->mounted = true;
    session->applied = session->log.flushes[claimed] + 1;
    answer_check(session, &variation);
}

/* Answers lines until there are no more; false: one was not understood. */
static bool serve(struct session *session)
{
    char line[128];
    uint64_t flush, seed, claimed;
    printf("flushes %zu\n", session->log.flush_count);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "image %" SCNu64 " %" SCNu64 " %" SCNu64, &flush, &seed, &claimed) == 3) {
            make_image(session, flush, seed, claimed);
        } else if (strcmp(line, "again\n") == 0 && session->mounted) {
            answer_check(session, &(struct ww_disk_variation){0});
        } else {
            fprintf(stderr, "crash_images: not understood: %s", line);
            return false;
        }
        fflush(stdout);
    }
    return true;
}

static int open_session(struct session *session, char **arguments, struct ww_error *error)
{
    session->mount_point = arguments[5];
    snprintf(session->directory, sizeof(session->directory), "%s/data", session->mount_point);
    uint64_t segment_bytes = strtoull(arguments[8], NULL, 10);
    session->options = (struct ww_wal_options){
        .directory = session->directory,
        .cluster = ww_cluster_number(arguments[6]),
        .node = (uint32_t)strtoul(arguments[7], NULL, 10),
        .durability = WW_DURABILITY_DSYNC,
        .segment_bytes = segment_bytes,
        .prepare_bytes = segment_bytes,
        .span_bytes = WW_LOG_BUFFER_MIN,
        .write_depth = 1,
    };
    int status = ww_crash_acks_load(&session->acks, arguments[3], error);
    if (status == WW_OK)
        status =
            ww_disk_image_open(&session->image, &session->log, arguments[1], arguments[4], error);
    if (status == WW_OK)
        status = ww_write_log_open(&session->log, arguments[2], session->image.bytes, error);
    if (status == WW_OK && session->log.flush_count == 0)
        status = ww_fail(error, WW_EDAMAGED, "%s has no flush", arguments[2]);
    return status;
}

int main(int count, char **arguments)
{
    struct session session = {.image.scratch_fd = -1};
    struct ww_error error;
    if (count != 9) {
        fprintf(stderr, "usage: crash_images START WRITE_LOG RECORD SCRATCH MOUNT_POINT CLUSTER "
                        "NODE SEGMENT_BYTES\n");
        return 2;
    }
    int status = open_session(&session, arguments, &error);
    bool served = status == WW_OK && serve(&session);
    if (served)
        status = unmount(&session, &error);
    if (status != WW_OK)
        fprintf(stderr, "crash_images: %s\n", error.text);
    ww_disk_image_close(&session.image);
    ww_write_log_close(&session.log);
    ww_crash_acks_free(&session.acks);
    return served && status == WW_OK ? 0 : 1;
}
