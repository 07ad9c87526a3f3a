/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/local_files.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ww_error error;

static void put_file(const char *directory, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(local_files, a_fresh_directory_lies_below_tmpdir_and_is_removed_whole)
{
    char path[200], sockets[256];
    cr_assert_eq(ww_local_open_directory(NULL, 3, path, sizeof(path), &error), WW_OK, "%s",
                 error.text);
    snprintf(sockets, sizeof(sockets), "%s/sockets", path);
    cr_assert_eq(access(sockets, F_OK), 0);
    put_file(sockets, "file", "x");
    ww_local_remove(path);
    cr_assert_neq(access(path, F_OK), 0);
}

Test(local_files, a_directory_is_taken_again_for_the_same_size_only)
{
    char path[200], again[200];
    cr_assert_eq(ww_local_open_directory(NULL, 3, path, sizeof(path), &error), WW_OK);
    for (int id = 1; id <= 3; id++) {
        char name[32];
        snprintf(name, sizeof(name), "node%d.yaml", id);
        put_file(path, name, "");
    }
    cr_assert_eq(ww_local_open_directory(path, 3, again, sizeof(again), &error), WW_OK);
    cr_assert_str_eq(path, again);
    cr_assert_eq(ww_local_open_directory(path, 5, again, sizeof(again), &error), WW_EINVAL);
    cr_assert(strstr(error.text, "holds a cluster of 3 nodes, not 5") != NULL, "%s", error.text);
    ww_local_remove(path);
}

Test(local_files, a_directory_that_cannot_be_made_is_named)
{
    char path[200], long_name[120] = "/tmp/ww-test-";
    cr_assert_eq(ww_local_open_directory("/proc/nowhere/x", 3, path, sizeof(path), &error), WW_EIO);
    cr_assert(strstr(error.text, "/proc/nowhere/x") != NULL);
    memset(long_name + strlen(long_name), 'x', 100);
    long_name[113] = 0;
    cr_assert_eq(ww_local_open_directory(long_name, 3, path, sizeof(path), &error), WW_EINVAL);
    cr_assert(strstr(error.text, "too long") != NULL, "%s", error.text);
    rmdir(long_name);
}

Test(local_files, ports_are_free_and_differ)
{
    uint16_t ports[7];
    for (int udp = 0; udp < 2; udp++) {
        cr_assert_eq(ww_local_take_ports(udp, 0, ports, 7, &error), WW_OK, "%s", error.text);
        for (int i = 0; i < 7; i++)
            for (int j = 0; j < i; j++)
                cr_assert_neq(ports[i], ports[j]);
    }
}

Test(local_files, a_port_in_use_is_named)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    uint16_t port;
    char name[32];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(name, sizeof(name), "port %u ", ntohs(address.sin_port));
    cr_assert_eq(ww_local_take_ports(false, ntohs(address.sin_port), &port, 1, &error), WW_EIO);
    cr_assert(strstr(error.text, name) != NULL, "%s", error.text);
    close(fd);
}

Test(local_files, the_last_line_that_says_something)
{
    char path[200], file[256], line[64];
    cr_assert_eq(ww_local_open_directory(NULL, 1, path, sizeof(path), &error), WW_OK);
    snprintf(file, sizeof(file), "%s/log", path);
    ww_local_last_line(file, line, sizeof(line));
    cr_assert_str_eq(line, "nothing");
    put_file(path, "log", "first\nlast words\n\n");
    ww_local_last_line(file, line, sizeof(line));
    cr_assert_str_eq(line, "last words");
    ww_local_remove(path);
}
