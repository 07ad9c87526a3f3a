/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of /proc are those of proc(5). */
#include "bench/witness.h"

#include "bench/json.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_THREAD 0x00200000ul /* PF_KTHREAD in the flags of stat */
#define OTHERS_SHOWN 3

/* What /proc/PID/stat and /proc/PID/task/TID/stat say. */
struct stat_line {
    char name[WW_WITNESS_NAME];
    unsigned long flags;
    uint64_t ticks;
    unsigned core;
};

static bool read_stat(const char *path, struct stat_line *line)
{
    char text[1024];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = 0;
    const char *open = strchr(text, '('), *close = strrchr(text, ')'); /* names may hold both */
    unsigned long user, system;
    if (open == NULL || close == NULL || close < open ||
        sscanf(close + 1,
               " %*c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u"
               " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %u",
               &line->flags, &user, &system, &line->core) != 4)
        return false;
    line->ticks = user + system;
    snprintf(line->name, sizeof(line->name), "%.*s", (int)(close - open - 1), open + 1);
    return true;
}

/* Times that a core or package slowed down because of its heat; 0 where the kernel does not say. */
static uint64_t read_throttled(void)
{
    static const char *const files[] = {"core_throttle_count", "package_throttle_count"};
    uint64_t sum = 0;
    for (unsigned core = 0; core < WW_WITNESS_CORES_MAX; core++) {
        char path[128];
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", core);
        if (access(path, F_OK) != 0)
            break;
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
            unsigned long count;
            snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle/%s", core,
                     files[i]);
            FILE *file = fopen(path, "r");
            if (file != NULL && fscanf(file, "%lu", &count) == 1)
                sum += count;
            if (file != NULL)
                fclose(file);
        }
    }
    return sum;
}

/* ---- ours ---- */

void ww_witness_ours(struct ww_witness *witness, pid_t pid, const char *title)
{
    for (uint32_t i = 0; i < witness->process_count; i++)
        if (witness->processes[i].pid == pid)
            return;
    if (pid <= 0 || witness->process_count == WW_WITNESS_PROCESSES_MAX)
        return;
    struct ww_witness_process *process = &witness->processes[witness->process_count++];
    process->pid = pid;
    snprintf(process->title, sizeof(process->title), "%s", title);
}

static const char *title_of(const struct ww_witness *witness, pid_t pid)
{
    for (uint32_t i = 0; i < witness->process_count; i++)
        if (witness->processes[i].pid == pid)
            return witness->processes[i].title;
    return NULL;
}

static struct ww_witness_thread *thread_of(struct ww_witness *witness, pid_t process, pid_t id)
{
    for (uint32_t i = 0; i < witness->thread_count; i++)
        if (witness->threads[i].id == id)
            return &witness->threads[i];
    if (witness->thread_count == WW_WITNESS_THREADS_MAX)
        return NULL;
    struct ww_witness_thread *thread = &witness->threads[witness->thread_count++];
    *thread = (struct ww_witness_thread){.process = process, .id = id};
    return thread;
}

static void read_status(const char *path, struct ww_witness_thread *thread, uint64_t *preempted)
{
    char line[256];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        unsigned long count;
        sscanf(line, "Cpus_allowed_list: %63s", thread->allowed);
        if (sscanf(line, "nonvoluntary_ctxt_switches: %lu", &count) == 1)
            *preempted = count;
    }
    if (file != NULL)
        fclose(file);
}

static void look_at_thread(struct ww_witness *witness, pid_t process, pid_t id, bool begin)
{
    char path[64];
    struct stat_line line;
    uint64_t preempted = 0;
    struct ww_witness_thread *thread = thread_of(witness, process, id);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", process, id);
    if (thread == NULL || !read_stat(path, &line))
        return;
    snprintf(thread->name, sizeof(thread->name), "%s", line.name);
    if (line.core < WW_WITNESS_CORES_MAX)
        thread->cores[line.core / 8] |= (uint8_t)(1u << line.core % 8);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", process, id);
    read_status(path, thread, &preempted);
    if (begin) {
        thread->begin_ticks = line.ticks;
        thread->begin_preempted = preempted;
    } else if (thread->begun) {
        thread->ticks += line.ticks - thread->begin_ticks;
        thread->preempted += preempted - thread->begin_preempted;
    }
    thread->begun = begin;
}

/* Calls for every entry of a directory that is a number. */
static void for_numbers(const char *path, struct ww_witness *witness, pid_t process, bool begin,
                        void (*each)(struct ww_witness *, pid_t, pid_t, bool))
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return; /* the process has ended */
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]))
            each(witness, process, atoi(entry->d_name), begin);
    closedir(directory);
}

/* ---- others ---- */

static struct ww_witness_other *other_of(struct ww_witness *witness, pid_t id)
{
    for (uint32_t i = 0; i < witness->other_count; i++)
        if (witness->others[i].id == id)
            return &witness->others[i];
    if (witness->other_count == WW_WITNESS_OTHERS_MAX)
        return NULL;
    struct ww_witness_other *other = &witness->others[witness->other_count++];
    *other = (struct ww_witness_other){.id = id};
    return other;
}

/* One that began within the slice has done all that it did in it. */
static void look_at_process(struct ww_witness *witness, pid_t unused, pid_t id, bool begin)
{
    (void)unused;
    char path[64];
    struct stat_line line;
    snprintf(path, sizeof(path), "/proc/%d/stat", id);
    struct ww_witness_other *other = NULL;
    if (title_of(witness, id) == NULL && read_stat(path, &line))
        other = other_of(witness, id);
    if (other == NULL)
        return;
    snprintf(other->name, sizeof(other->name), "%s", line.name);
    other->kernel = (line.flags & KERNEL_THREAD) != 0;
    if (!begin)
        other->ticks += line.ticks - other->begin_ticks;
    other->begin_ticks = line.ticks;
}

static void look(struct ww_witness *witness, bool begin)
{
    for_numbers("/proc", witness, 0, begin, look_at_process);
    for (uint32_t i = 0; i < witness->process_count; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/task", witness->processes[i].pid);
        for_numbers(path, witness, witness->processes[i].pid, begin, look_at_thread);
    }
}

void ww_witness_begin(struct ww_witness *witness)
{
    look(witness, true);
    witness->begin_throttled = read_throttled();
    witness->begin = ww_cpu_time();
}

void ww_witness_end(struct ww_witness *witness)
{
    struct ww_cpu_time now = ww_cpu_time();
    witness->sum.total += now.total - witness->begin.total;
    witness->sum.busy += now.busy - witness->begin.busy;
    witness->throttled += read_throttled() - witness->begin_throttled;
    witness->slices++;
    look(witness, false);
}

/* ---- what came of it ---- */

double ww_witness_others(const struct ww_witness *witness)
{
    uint64_t known = 0, seen = 0;
    for (uint32_t i = 0; i < witness->thread_count; i++)
        known += witness->threads[i].ticks;
    for (uint32_t i = 0; i < witness->other_count; i++)
        *(witness->others[i].kernel ? &known : &seen) += witness->others[i].ticks;
    uint64_t rest = witness->sum.busy > known ? witness->sum.busy - known : 0;
    /* The sum is sampled by the clock interrupt, what a process took is exact. */
    uint64_t others = rest > seen ? rest : seen;
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    return witness->sum.total == 0 ? 0 : cores * (double)others / (double)witness->sum.total;
}

static int by_ticks(const void *a, const void *b)
{
    const struct ww_witness_other *left = a, *right = b;
    return left->ticks > right->ticks ? -1 : left->ticks < right->ticks;
}

/* Those that took most, kernel threads left out. */
static struct json_object *others_json(const struct ww_witness *witness)
{
    struct json_object *list = json_object_new_array();
    struct ww_witness_other *sorted = malloc(sizeof(witness->others));
    if (sorted == NULL)
        return list;
    memcpy(sorted, witness->others, sizeof(witness->others));
    qsort(sorted, witness->other_count, sizeof(sorted[0]), by_ticks);
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    size_t shown = 0;
    for (uint32_t i = 0; i < witness->other_count && shown < OTHERS_SHOWN; i++) {
        if (sorted[i].kernel || sorted[i].ticks == 0)
            continue;
        struct json_object *other = json_object_new_object();
        ww_json_put_text(other, "name", sorted[i].name);
        ww_json_put_count(other, "pid", (uint64_t)sorted[i].id);
        ww_json_put_number(other, "cores",
                           cores * (double)sorted[i].ticks / (double)witness->sum.total);
        json_object_array_add(list, other);
        shown++;
    }
    free(sorted);
    return list;
}

void ww_witness_put_cpu(const struct ww_witness *witness, struct json_object *cpu)
{
    if (witness->sum.total == 0)
        return;
    ww_json_put_number(cpu, "others_cores", ww_witness_others(witness));
    json_object_object_add(cpu, "others", others_json(witness));
    ww_json_put_count(cpu, "throttle_events", witness->throttled);
}

struct json_object *ww_witness_placement(const struct ww_witness *witness)
{
    struct json_object *list = json_object_new_array();
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    for (uint32_t i = 0; i < witness->thread_count; i++) {
        const struct ww_witness_thread *thread = &witness->threads[i];
        if (thread->ticks == 0)
            continue;
        struct json_object *object = json_object_new_object(), *cores = json_object_new_array();
        for (unsigned core = 0; core < WW_WITNESS_CORES_MAX; core++)
            if ((thread->cores[core / 8] >> core % 8 & 1) != 0)
                json_object_array_add(cores, json_object_new_int64(core));
        ww_json_put_text(object, "process", title_of(witness, thread->process));
        ww_json_put_text(object, "thread", thread->name);
        ww_json_put_text(object, "allowed", thread->allowed);
        json_object_object_add(object, "cores", cores);
        ww_json_put_number(object, "cpu_s", (double)thread->ticks / ticks_per_s);
        ww_json_put_count(object, "preempted", thread->preempted);
        json_object_array_add(list, object);
    }
    return list;
}
