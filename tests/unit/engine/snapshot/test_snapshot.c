/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot/snapshot.h"
#include "engine/wire/checksum.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER 0x1122334455667788u
#define GROUP 5u
#define CHUNK (sizeof(struct ww_snapshot_chunk) + WW_SNAPSHOT_CHUNK)
#define CHUNK_AT(n) (sizeof(struct ww_snapshot_header) + (n)*CHUNK)

/* A file that is written in order. */
struct output {
    uint8_t *data;
    size_t bytes, room;
    int refuse; /* status of the writes, when there is no room */
};

static struct output small, large;

static int append(void *context, const void *data, size_t bytes)
{
    struct output *output = context;
    if (bytes > output->room - output->bytes)
        return output->refuse;
    memcpy(output->data + output->bytes, data, bytes);
    output->bytes += bytes;
    return WW_OK;
}

static uint8_t content_byte(uint64_t at, uint8_t seed)
{
    return (uint8_t)(at * 13 + (at >> 9) + (at >> 18) * 5 + seed);
}

static const struct ww_snapshot_header about = {
    .cluster = CLUSTER,
    .group = GROUP,
    .index = 100,
    .term = 7,
    .time_ns = 1234,
    .configuration = {.voters = 0xe, .learners = 0x10},
};

/* Writes content in pieces of `piece` bytes. */
static struct output make(const struct ww_snapshot_header *of, size_t sessions, size_t machine,
                          size_t piece, uint8_t seed)
{
    struct output output = {.room = 4096 + sessions + machine, .refuse = WW_ENOSPC};
    output.data = malloc(output.room);
    uint8_t *bytes = malloc(piece);
    struct ww_snapshot_writer writer;
    cr_assert_eq(ww_snapshot_begin(&writer, of, append, &output), WW_OK);
    for (size_t at = 0; at < sessions + machine;) {
        size_t until = at < sessions ? sessions : sessions + machine;
        size_t now = until - at < piece ? until - at : piece;
        for (size_t i = 0; i < now; i++)
            bytes[i] = content_byte(at + i, seed);
        cr_assert_eq(ww_snapshot_write(&writer, bytes, now), WW_OK);
        at += now;
        if (at == sessions)
            ww_snapshot_end_sessions(&writer);
    }
    cr_assert_eq(ww_snapshot_seal(&writer), WW_OK);
    memcpy(output.data, &writer.header, sizeof(writer.header));
    ww_snapshot_end(&writer);
    free(bytes);
    return output;
}

static void setup(void)
{
    small = make(&about, 8, 11, 4, 1);
    large = make(&about, WW_SNAPSHOT_CHUNK + 5, 2 * WW_SNAPSHOT_CHUNK, 10007, 1);
}

static void teardown(void)
{
    free(small.data);
    free(large.data);
}

TestSuite(snapshot, .init = setup, .fini = teardown);

static int check(const struct output *output, struct ww_error *error)
{
    struct ww_snapshot_blob blob = {output->data, output->bytes};
    return ww_snapshot_check(&blob, CLUSTER, GROUP, error);
}

/* After a header was changed as a wrong program would: with a right checksum. */
static void seal_again(struct ww_snapshot_header *header)
{
    header->crc32c = ww_crc32c(&header->magic, sizeof(*header) - sizeof(header->crc32c));
}

static void read_back(struct ww_snapshot_reader *reader, uint64_t at, uint64_t bytes, size_t piece)
{
    uint8_t *data = malloc(piece);
    uint64_t end = at + bytes;
    while (at < end) {
        int64_t got = ww_snapshot_read(reader, data, piece);
        cr_assert_eq(got, end - at < piece ? (int64_t)(end - at) : (int64_t)piece);
        for (int64_t i = 0; i < got; i++, at++)
            if (data[i] != content_byte(at, 1))
                cr_assert_fail("content byte %zu", (size_t)at);
    }
    cr_assert_eq(ww_snapshot_read(reader, data, piece), 0, "that was the end");
    free(data);
}

Test(snapshot, what_was_written_comes_back)
{
    struct output *outputs[] = {&small, &large};
    for (int i = 0; i < 2; i++) {
        struct ww_snapshot_blob blob = {outputs[i]->data, outputs[i]->bytes};
        cr_assert_eq(check(outputs[i], NULL), WW_OK);
        const struct ww_snapshot_header *header = ww_snapshot_header(&blob);
        cr_assert_eq(header->index, 100);
        cr_assert_eq(header->term, 7);
        cr_assert_eq(header->time_ns, 1234);
        cr_assert_eq(header->configuration.voters, 0xe);
        cr_assert_eq(header->configuration.learners, 0x10);
        uint64_t sessions = header->session_bytes;
        cr_assert_eq(sessions, i == 0 ? 8 : WW_SNAPSHOT_CHUNK + 5);
        cr_assert_eq(header->machine_bytes, i == 0 ? 11 : 2 * WW_SNAPSHOT_CHUNK);
        struct ww_snapshot_reader reader;
        for (size_t piece = 1; piece < 2 * WW_SNAPSHOT_CHUNK; piece = 37 * piece + 1) {
            ww_snapshot_open_sessions(&reader, &blob);
            read_back(&reader, 0, sessions, piece);
            ww_snapshot_open_machine(&reader, &blob);
            read_back(&reader, sessions, header->machine_bytes, piece);
        }
    }
}

Test(snapshot, the_pieces_it_is_written_in_do_not_show)
{
    size_t pieces[] = {1, 4096, WW_SNAPSHOT_CHUNK - 1, WW_SNAPSHOT_CHUNK, 4 * WW_SNAPSHOT_CHUNK};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct output same =
            make(&about, WW_SNAPSHOT_CHUNK + 5, 2 * WW_SNAPSHOT_CHUNK, pieces[i], 1);
        cr_assert_eq(same.bytes, large.bytes);
        cr_assert_eq(memcmp(same.data, large.data, same.bytes), 0);
        free(same.data);
    }
}

Test(snapshot, content_may_end_with_a_chunk_or_not_be_there)
{
    for (size_t machine = 0; machine <= 2 * WW_SNAPSHOT_CHUNK; machine += WW_SNAPSHOT_CHUNK) {
        struct output output = make(&about, 0, machine, 65536, 1);
        struct ww_snapshot_blob blob = {output.data, output.bytes};
        struct ww_snapshot_reader reader;
        cr_assert_eq(check(&output, NULL), WW_OK);
        cr_assert_eq(output.bytes, CHUNK_AT(machine / WW_SNAPSHOT_CHUNK));
        ww_snapshot_open_machine(&reader, &blob);
        read_back(&reader, 0, machine, 100000);
        free(output.data);
    }
}

static void flip(struct output *output, size_t at)
{
    struct ww_error error = {0};
    output->data[at] ^= 0x41;
    int status = check(output, &error);
    cr_assert(status == WW_EDAMAGED || status == WW_EVERSION, "byte %zu", at);
    cr_assert_neq(error.text[0], 0);
    output->data[at] ^= 0x41;
}

Test(snapshot, every_flipped_byte_is_found)
{
    for (size_t at = 0; at < small.bytes; at++)
        flip(&small, at);
    for (size_t chunk = 0; chunk <= 3; chunk++)
        for (size_t at = CHUNK_AT(chunk) - 2; at < CHUNK_AT(chunk) + 10; at++)
            flip(&large, at);
    for (size_t at = 0; at < large.bytes; at += 9973)
        flip(&large, at);
    cr_assert_eq(check(&small, NULL), WW_OK);
    cr_assert_eq(check(&large, NULL), WW_OK);
}

/* A copy of just so many bytes, so that a look behind them is seen by the sanitizers. */
static void cut(const struct output *output, size_t bytes)
{
    struct output part = {.data = malloc(bytes + 1), .bytes = bytes};
    memcpy(part.data, output->data, bytes);
    cr_assert_eq(check(&part, NULL), WW_EDAMAGED, "%zu bytes", bytes);
    free(part.data);
}

Test(snapshot, every_cut_and_what_is_behind_the_end_are_found)
{
    for (size_t bytes = 0; bytes < small.bytes; bytes++)
        cut(&small, bytes);
    for (size_t chunk = 1; chunk <= 3; chunk++)
        for (size_t bytes = CHUNK_AT(chunk) - 9; bytes < CHUNK_AT(chunk) + 9; bytes++)
            cut(&large, bytes);
    small.data[small.bytes++] = 0;
    cr_assert_eq(check(&small, NULL), WW_EDAMAGED);
    small.bytes--;
    cr_assert_eq(check(&small, NULL), WW_OK);
}

/* Puts a chunk of one into the other: the check finds it in chunk `found`. */
static void swap(struct output *to, size_t to_chunk, const struct output *from, size_t from_chunk,
                 size_t found)
{
    struct ww_error error;
    uint8_t *kept = malloc(CHUNK);
    memcpy(kept, to->data + CHUNK_AT(to_chunk), CHUNK);
    memcpy(to->data + CHUNK_AT(to_chunk), from->data + CHUNK_AT(from_chunk), CHUNK);
    cr_assert_eq(check(to, &error), WW_EDAMAGED);
    char where[32];
    snprintf(where, sizeof(where), "offset %zu:", (size_t)CHUNK_AT(found));
    cr_assert_not_null(strstr(error.text, where), "%s", error.text);
    memcpy(to->data + CHUNK_AT(to_chunk), kept, CHUNK);
    cr_assert_eq(check(to, NULL), WW_OK);
    free(kept);
}

Test(snapshot, a_whole_chunk_of_another_place_is_found)
{
    swap(&large, 0, &large, 1, 0);
    swap(&large, 1, &large, 0, 1);
    swap(&large, 2, &large, 1, 2);
    /* Of other content, and of the same content at another index. */
    struct ww_snapshot_header later = about;
    later.index++;
    struct output others[] = {make(&about, WW_SNAPSHOT_CHUNK + 5, 2 * WW_SNAPSHOT_CHUNK, 10007, 2),
                              make(&later, WW_SNAPSHOT_CHUNK + 5, 2 * WW_SNAPSHOT_CHUNK, 10007, 1)};
    for (int i = 0; i < 2; i++) {
        /* The first chunk of other content could stand there, but not in front of the second. */
        for (size_t chunk = 0; chunk < 3; chunk++)
            swap(&large, chunk, &others[i], chunk, i == 0 && chunk == 0 ? 1 : chunk);
        /* All chunks of the other fit each other, but not the header. */
        memcpy(others[i].data, large.data, sizeof(struct ww_snapshot_header));
        cr_assert_eq(check(&others[i], NULL), WW_EDAMAGED);
        free(others[i].data);
    }
}

Test(snapshot, of_another_cluster_group_or_version)
{
    struct ww_error error;
    struct ww_snapshot_header *header = (void *)small.data;
    header->cluster++;
    seal_again(header);
    cr_assert_eq(check(&small, &error), WW_EFOREIGN);
    cr_assert_not_null(strstr(error.text, "another cluster"));
    header->cluster--;
    header->group++;
    seal_again(header);
    cr_assert_eq(check(&small, &error), WW_EFOREIGN);
    cr_assert_not_null(strstr(error.text, "group 6, not 5"));
    header->group--;
    header->version++;
    seal_again(header);
    cr_assert_eq(check(&small, &error), WW_EVERSION);
    cr_assert_not_null(strstr(error.text, "version 3"));
}

Test(snapshot, a_right_checksum_over_what_cannot_be)
{
    struct ww_snapshot_header *header = (void *)small.data;
    struct ww_snapshot_header good = *header, bad[7];
    for (int i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].session_bytes = UINT64_MAX;
    bad[1].session_bytes = UINT64_MAX; /* the sum would be right */
    bad[1].machine_bytes = 20;
    bad[2].session_bytes++;
    bad[3].index = 0;
    bad[4].configuration.learners = 2; /* votes as well */
    bad[5].configuration = (struct ww_configuration){0};
    bad[6].content_crc32c++;
    for (int i = 0; i < 7; i++) {
        *header = bad[i];
        seal_again(header);
        cr_assert_eq(check(&small, NULL), WW_EDAMAGED, "header %d", i);
    }
    *header = good;
    seal_again(header);
    cr_assert_eq(check(&small, NULL), WW_OK);
}

Test(snapshot, it_grows_to_its_limit_and_not_beyond)
{
    struct output output = {.data = malloc(CHUNK_AT(1)), .room = CHUNK_AT(1)};
    struct ww_snapshot_writer writer;
    cr_assert_eq(ww_snapshot_begin(&writer, &about, append, &output), WW_OK);
    writer.content_bytes = WW_SNAPSHOT_MAX - 100;
    cr_assert_eq(ww_snapshot_write(&writer, small.data, 60), WW_OK);
    cr_assert_eq(ww_snapshot_write(&writer, small.data, 40), WW_OK);
    cr_assert_eq(ww_snapshot_write(&writer, NULL, 0), WW_OK);
    cr_assert_eq(ww_snapshot_write(&writer, small.data, 1), WW_ETOOBIG);
    cr_assert_eq(ww_snapshot_write(&writer, NULL, 0), WW_ETOOBIG, "it has a gap now");
    cr_assert_eq(ww_snapshot_seal(&writer), WW_ETOOBIG);
    ww_snapshot_end(&writer);
    free(output.data);
}

Test(snapshot, what_the_output_refuses_is_passed_on)
{
    uint8_t *bytes = calloc(1, WW_SNAPSHOT_CHUNK);
    struct output output = {.data = malloc(CHUNK_AT(1)), .room = 10, .refuse = WW_ENOSPC};
    struct ww_snapshot_writer writer;
    cr_assert_eq(ww_snapshot_begin(&writer, &about, append, &output), WW_ENOSPC);
    ww_snapshot_end(&writer);
    output.room = 100;
    cr_assert_eq(ww_snapshot_begin(&writer, &about, append, &output), WW_OK);
    cr_assert_eq(ww_snapshot_write(&writer, bytes, WW_SNAPSHOT_CHUNK - 1), WW_OK);
    output.refuse = WW_EIO;
    cr_assert_eq(ww_snapshot_write(&writer, bytes, 1), WW_EIO);
    size_t there = output.bytes;
    output.room = CHUNK_AT(1);
    cr_assert_eq(ww_snapshot_write(&writer, bytes, WW_SNAPSHOT_CHUNK), WW_EIO, "it has a gap now");
    cr_assert_eq(ww_snapshot_seal(&writer), WW_EIO);
    cr_assert_eq(output.bytes, there);
    ww_snapshot_end(&writer);
    free(output.data);
    free(bytes);
}
