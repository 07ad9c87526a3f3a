/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key-value machine: per group a named database of LMDB. It is a cache of what snapshot and log
 * say, emptied at each start and built again, so nothing of it is ever synced. The apply thread is
 * the one writer; its transaction stays open over several runs, and what reads on that thread reads
 * through it. Views are read transactions, which any thread may read.
 */
#include "engine/machine/machine_kv.h"

#include "engine/base/error.h"
#include "engine/base/units.h"
#include "engine/wire/batch.h"
#include "engine/wire/checksum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READERS_SPARE 8u /* beside a view of every group */

int ww_kv_status(const struct ww_kv_machine *machine, int result)
{
    char size[32];
    switch (result) {
    case MDB_SUCCESS:
        return WW_OK;
    case MDB_MAP_FULL:
        fprintf(stderr, "ww: kv: node.kv_map (%s) is full: give more, and start the node again\n",
                ww_format_bytes(machine->map_bytes, size, sizeof(size)));
        return WW_ENOSPC;
    case ENOSPC:
        fprintf(stderr, "ww: kv: no room on the disk of %s\n", machine->directory);
        return WW_ENOSPC;
    case ENOMEM:
        return WW_ENOMEM;
    case MDB_KEYEXIST: /* appended in a wrong order */
        return WW_EDAMAGED;
    default:
        fprintf(stderr, "ww: kv: %s: %s\n", machine->directory, mdb_strerror(result));
        return WW_EIO;
    }
}

int ww_kv_begin(struct ww_kv_machine *machine)
{
    if (machine->write != NULL)
        return WW_OK;
    machine->writes = 0;
    return ww_kv_status(machine, mdb_txn_begin(machine->env, NULL, 0, &machine->write));
}

int ww_kv_commit(struct ww_kv_machine *machine)
{
    MDB_txn *write = machine->write;
    machine->write = NULL; /* also when it fails: then it is gone */
    return write == NULL ? WW_OK : ww_kv_status(machine, mdb_txn_commit(write));
}

/* A large transaction would hold up the thread when it ends. */
static int count_write(struct ww_kv_machine *machine)
{
    return ++machine->writes < WW_KV_COMMIT_WRITES ? WW_OK : ww_kv_commit(machine);
}

int ww_kv_put(struct ww_kv_machine *machine, const struct ww_kv_group *group, MDB_val key,
              uint64_t revision, const void *value, size_t value_bytes, unsigned flags)
{
    MDB_val place = {.mv_size = sizeof(revision) + value_bytes};
    int status = ww_kv_begin(machine);
    if (status != WW_OK)
        return status;
    int result = mdb_put(machine->write, group->dbi, &key, &place, flags | MDB_RESERVE);
    if (result != MDB_SUCCESS)
        return ww_kv_status(machine, result);
    size_t used = ww_kv_write(place.mv_data, 0, &revision, sizeof(revision));
    ww_kv_write(place.mv_data, used, value, value_bytes);
    return count_write(machine);
}

int ww_kv_get(const struct ww_kv_machine *machine, MDB_txn *txn, MDB_dbi dbi, MDB_val key,
              uint64_t *revision, MDB_val *value)
{
    int result = mdb_get(txn, dbi, &key, value);
    if (result == MDB_NOTFOUND)
        return WW_ENOTFOUND;
    if (result == MDB_SUCCESS)
        *revision = ww_kv_split(value);
    return ww_kv_status(machine, result);
}

struct operation {
    enum ww_kv_operation operation;
    uint64_t revision;
    MDB_val key, value;
};

static bool decode(const uint8_t *data, size_t size, struct operation *operation)
{
    struct ww_kv_operation_head head;
    if (size < sizeof(head))
        return false;
    memcpy(&head, data, sizeof(head));
    data += sizeof(head);
    size -= sizeof(head);
    if (head.operation == WW_KV_PUT_IF) {
        if (size < sizeof(operation->revision))
            return false;
        memcpy(&operation->revision, data, sizeof(operation->revision));
        data += sizeof(operation->revision);
        size -= sizeof(operation->revision);
    }
    if (head.operation < WW_KV_PUT || head.operation > WW_KV_PUT_IF || head.reserved != 0 ||
        head.key_bytes == 0 || head.key_bytes > WW_KV_KEY_MAX || head.key_bytes > size ||
        (head.operation == WW_KV_DELETE && head.key_bytes != size))
        return false;
    operation->operation = (enum ww_kv_operation)head.operation;
    operation->key = (MDB_val){head.key_bytes, (void *)data};
    operation->value = (MDB_val){size - head.key_bytes, (void *)(data + head.key_bytes)};
    return true;
}

static int delete_key(struct ww_kv_machine *machine, const struct ww_kv_group *group, MDB_val key,
                      enum ww_kv_outcome *outcome)
{
    int status = ww_kv_begin(machine);
    if (status != WW_OK)
        return status;
    int result = mdb_del(machine->write, group->dbi, &key, NULL);
    *outcome = result == MDB_NOTFOUND ? WW_KV_ABSENT : WW_KV_DONE;
    return result == MDB_NOTFOUND  ? WW_OK
           : result != MDB_SUCCESS ? ww_kv_status(machine, result)
                                   : count_write(machine);
}

static int apply_entry(struct ww_kv_machine *machine, const struct ww_kv_group *group,
                       uint64_t index, const void *data, size_t size, enum ww_kv_outcome *outcome)
{
    struct operation operation = {0};
    uint64_t revision = 0;
    MDB_val old;
    *outcome = WW_KV_MALFORMED;
    if (!decode(data, size, &operation))
        return WW_OK;
    if (operation.operation == WW_KV_DELETE)
        return delete_key(machine, group, operation.key, outcome);
    if (operation.operation == WW_KV_PUT_IF) {
        int status = ww_kv_begin(machine);
        if (status == WW_OK)
            status = ww_kv_get(machine, machine->write, group->dbi, operation.key, &revision, &old);
        *outcome = WW_KV_NOT_MET;
        if (status != WW_OK && status != WW_ENOTFOUND)
            return status;
        if (revision != operation.revision)
            return WW_OK;
    }
    *outcome = WW_KV_DONE;
    return ww_kv_put(machine, group, operation.key, index, operation.value.mv_data,
                     operation.value.mv_size, 0);
}

static void note_outcome(struct ww_kv_state *state, uint64_t index, enum ww_kv_outcome outcome)
{
    state->outcomes[index % WW_KV_OUTCOMES] = (uint8_t)outcome;
    state->counts[outcome] += outcome != WW_KV_NONE;
}

/* A run that does not continue the log means that this replica missed or repeats an entry. */
static int apply(void *self, const struct ww_apply_run *run)
{
    struct ww_kv_machine *machine = self;
    if (run->group >= machine->group_count)
        return WW_ENOTFOUND;
    struct ww_kv_group *group = &machine->groups[run->group];
    struct ww_kv_state *state = &group->state;
    if (run->first_index != state->applied + 1)
        return WW_EDAMAGED;
    uint32_t cursor = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        enum ww_kv_outcome outcome = WW_KV_NONE;
        const void *data;
        size_t size;
        uint8_t type;
        int status = WW_OK;
        if (ww_apply_next(run, &cursor, &data, &size, &type) && type == WW_ENTRY_DATA)
            status = apply_entry(machine, group, run->first_index + i, data, size, &outcome);
        if (status != WW_OK)
            return status;
        note_outcome(state, run->first_index + i, outcome);
    }
    state->applied += run->count;
    state->digest = ww_crc64_extend(state->digest, run->entries, run->entries_bytes);
    return WW_OK;
}

static uint64_t digest(void *self, uint32_t group)
{
    const struct ww_kv_machine *machine = self;
    return group < machine->group_count ? machine->groups[group].state.digest : 0;
}

static void remove_files(const struct ww_kv_machine *machine)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[sizeof(machine->directory) + 16];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", machine->directory, names[i]);
        unlink(path);
    }
}

static void destroy(void *self)
{
    struct ww_kv_machine *machine = self;
    if (machine->write != NULL)
        mdb_txn_abort(machine->write);
    if (machine->env != NULL)
        mdb_env_close(machine->env);
    if (machine->temporary) {
        remove_files(machine);
        rmdir(machine->directory);
    }
    free(machine);
}

/* Empty: what an earlier process left there is of no use. */
static int make_directory(struct ww_kv_machine *machine, const char *wanted, struct ww_error *error)
{
    const char *base = getenv("TMPDIR");
    if (wanted == NULL) {
        snprintf(machine->directory, sizeof(machine->directory), "%.250s/ww-kv-XXXXXX",
                 base != NULL && *base != 0 ? base : "/tmp");
        machine->temporary = mkdtemp(machine->directory) != NULL;
        return machine->temporary
                   ? WW_OK
                   : ww_fail_errno(error, WW_EIO, "cannot make a directory %s", machine->directory);
    }
    if (strlen(wanted) >= sizeof(machine->directory))
        return ww_fail(error, WW_EINVAL, "the path is too long: %s", wanted);
    snprintf(machine->directory, sizeof(machine->directory), "%s", wanted);
    if (mkdir(wanted, 0700) != 0 && errno != EEXIST)
        return ww_fail_errno(error, WW_EIO, "cannot make the directory %s", wanted);
    remove_files(machine);
    return WW_OK;
}

static int open_databases(struct ww_kv_machine *machine)
{
    int result = mdb_env_create(&machine->env);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_mapsize(machine->env, machine->map_bytes);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_maxdbs(machine->env, machine->group_count);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_maxreaders(machine->env, machine->group_count + READERS_SPARE);
    if (result == MDB_SUCCESS)
        result = mdb_env_open(machine->env, machine->directory,
                              MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOTLS, 0600);
    if (result == MDB_SUCCESS)
        result = mdb_txn_begin(machine->env, NULL, 0, &machine->write);
    for (uint32_t i = 0; i < machine->group_count && result == MDB_SUCCESS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", i);
        result = mdb_dbi_open(machine->write, name, MDB_CREATE, &machine->groups[i].dbi);
        machine->groups[i].state.magic = WW_KV_MAGIC;
        machine->groups[i].state.version = WW_KV_VERSION;
    }
    return result == MDB_SUCCESS ? ww_kv_commit(machine) : ww_kv_status(machine, result);
}

int ww_machine_kv_create(const struct ww_kv_options *options, struct ww_state_machine *machine,
                         struct ww_error *error)
{
    struct ww_kv_machine *self =
        calloc(1, sizeof(*self) + options->groups * sizeof(self->groups[0]));
    if (self == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the kv machine");
    self->group_count = options->groups;
    self->map_bytes = options->map_bytes;
    int status = make_directory(self, options->directory, error);
    if (status == WW_OK) {
        status = open_databases(self);
        if (status != WW_OK)
            ww_fail(error, status, "cannot open the databases of the kv machine in %s",
                    self->directory);
    }
    if (status != WW_OK) {
        destroy(self);
        return status;
    }
    *machine = (struct ww_state_machine){
        .name = "kv",
        .self = self,
        .apply = apply,
        .digest = digest,
        .view = ww_kv_view,
        .save = ww_kv_save,
        .end_view = ww_kv_end_view,
        .restore = ww_kv_restore,
        .query = ww_kv_query,
        .destroy = destroy,
    };
    return WW_OK;
}
