/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/environment.h"

#include "bench/json.h"

#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

/* The first line of a small file, without its newline; false when there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool got = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (got)
        line[strcspn(line, "\n")] = 0;
    return got;
}

/* The value behind "NAME   : value" or "NAME:  value kB" in a file of /proc. */
static bool read_field(const char *path, const char *name, char *value, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon == NULL || strncmp(line, name, strlen(name)) != 0)
            continue;
        char *text = colon + 1 + strspn(colon + 1, " \t");
        text[strcspn(text, "\n")] = 0;
        snprintf(value, size, "%s", text);
        found = true;
    }
    fclose(file);
    return found;
}

/* Type and source of the file system that holds `device`, from mountinfo (proc(5)). */
static bool find_mount(dev_t device, char type[64], char source[256])
{
    FILE *file = fopen("/proc/self/mountinfo", "r");
    if (file == NULL)
        return false;
    char line[4096];
    bool found = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        unsigned device_major, device_minor;
        const char *dash = strstr(line, " - ");
        found = dash != NULL && sscanf(line, "%*u %*u %u:%u", &device_major, &device_minor) == 2 &&
                makedev(device_major, device_minor) == device &&
                sscanf(dash, " - %63s %255s", type, source) == 2;
    }
    fclose(file);
    return found;
}

/* A partition has no queue of its own: its disk's counts. */
static bool read_queue(dev_t device, const char *name, char *line, size_t size)
{
    char path[PATH_MAX];
    static const char *const places[] = {"queue", "../queue"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(device), minor(device),
                 places[i], name);
        if (read_line(path, line, size))
            return true;
    }
    return false;
}

static void put_storage(struct json_object *object, const char *directory)
{
    struct stat about;
    char type[64], source[256], line[128];
    if (stat(directory, &about) != 0)
        return;
    if (find_mount(about.st_dev, type, source)) {
        ww_json_put_text(object, "filesystem", type);
        ww_json_put_text(object, "device", source);
    }
    if (read_queue(about.st_dev, "write_cache", line, sizeof(line)))
        ww_json_put_text(object, "device_write_cache", line);
    if (read_queue(about.st_dev, "fua", line, sizeof(line)))
        json_object_object_add(object, "device_fua", json_object_new_boolean(line[0] == '1'));
}

/* How many cores, which, and who governs their frequency: the first that does not fix it. */
static void put_cores(struct json_object *object)
{
    cpu_set_t allowed;
    char path[PATH_MAX], line[64], governor[64] = "";
    if (read_field("/proc/self/status", "Cpus_allowed_list", line, sizeof(line)))
        ww_json_put_text(object, "cores_allowed", line);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return;
    json_object_object_add(object, "cores", json_object_new_int(CPU_COUNT(&allowed)));
    for (int core = 0; core < CPU_SETSIZE; core++) {
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor",
                 core);
        if (CPU_ISSET(core, &allowed) && read_line(path, line, sizeof(line)) &&
            (governor[0] == 0 || strcmp(governor, "performance") == 0))
            snprintf(governor, sizeof(governor), "%s", line);
    }
    if (governor[0] != 0)
        ww_json_put_text(object, "cpu_governor", governor);
}

struct json_object *ww_environment_json(const char *directory)
{
    struct json_object *object = json_object_new_object();
    char text[256];
    struct utsname kernel;
    if (read_field("/proc/cpuinfo", "model name", text, sizeof(text)))
        ww_json_put_text(object, "cpu", text);
    put_cores(object);
    if (uname(&kernel) == 0)
        ww_json_put_text(object, "kernel", kernel.release);
    if (read_field("/proc/meminfo", "HugePages_Total", text, sizeof(text)))
        json_object_object_add(object, "hugepages", json_object_new_int(atoi(text)));
    put_storage(object, directory);
    ww_json_put_text(object, "dpdk", WW_DPDK_VERSION);
    ww_json_put_text(object, "liburing", WW_LIBURING_VERSION);
    return object;
}

bool ww_environment_in_memory(const char *directory)
{
    struct statfs about;
    return statfs(directory, &about) == 0 &&
           (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC);
}

struct ww_cpu_time ww_cpu_time(void)
{
    struct ww_cpu_time time = {0};
    char line[512];
    if (!read_line("/proc/stat", line, sizeof(line)))
        return time;
    /* cpu user nice system idle iowait irq softirq steal guest guest_nice; guest is in user. */
    char *at = line + strcspn(line, " ");
    for (int field = 1; field <= 8; field++) {
        uint64_t ticks = strtoull(at, &at, 10);
        time.total += ticks;
        time.steal = ticks;
        time.busy += field <= 3 ? ticks : 0;
    }
    return time;
}
