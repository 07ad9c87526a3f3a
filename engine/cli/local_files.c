/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/local_files.h"

#include "engine/base/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_size(const char *directory, uint32_t nodes, struct ww_error *error)
{
    uint32_t found = 0;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/node%u.yaml", directory, id);
        found += access(path, F_OK) == 0;
    }
    if (found != 0 && found != nodes)
        return ww_fail(error, WW_EINVAL, "%s holds a cluster of %u nodes, not %u", directory, found,
                       nodes);
    return WW_OK;
}

static int make_directory(const char *wanted, char *made, size_t size, struct ww_error *error)
{
    const char *base = getenv("TMPDIR");
    if (wanted != NULL) {
        snprintf(made, size, "%s", wanted);
        if (mkdir(made, 0755) != 0 && errno != EEXIST)
            return ww_fail_errno(error, WW_EIO, "cannot make the directory %s", wanted);
        return WW_OK;
    }
    snprintf(made, size, "%s/ww-XXXXXX", base != NULL && *base != 0 ? base : "/tmp");
    if (mkdtemp(made) == NULL)
        return ww_fail_errno(error, WW_EIO, "cannot make the directory %s", made);
    return WW_OK;
}

int ww_local_open_directory(const char *wanted, uint32_t nodes, char *path, size_t size,
                            struct ww_error *error)
{
    char made[PATH_MAX], absolute[PATH_MAX], sockets[PATH_MAX + 16];
    int status = make_directory(wanted, made, sizeof(made), error);
    if (status != WW_OK)
        return status;
    if (realpath(made, absolute) == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", made);
    if (strlen(absolute) > WW_LOCAL_DIRECTORY_MAX || strlen(absolute) >= size) {
        if (wanted == NULL)
            rmdir(made);
        return ww_fail(error, WW_EINVAL,
                       "the path %.300s is too long for the sockets in it; at most %u characters",
                       absolute, WW_LOCAL_DIRECTORY_MAX);
    }
    status = check_size(absolute, nodes, error);
    if (status != WW_OK)
        return status;
    snprintf(path, size, "%s", absolute);
    snprintf(sockets, sizeof(sockets), "%s/sockets", absolute);
    if (mkdir(sockets, 0755) != 0 && errno != EEXIST)
        return ww_fail_errno(error, WW_EIO, "cannot make the directory %s", sockets);
    return WW_OK;
}

static int bind_port(bool udp, uint32_t wanted, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)wanted),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    /* As the node does: a port in TIME_WAIT is free, one that is listened on is not. */
    if (!udp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int ww_local_take_ports(bool udp, uint32_t first, uint16_t *ports, uint32_t count,
                        struct ww_error *error)
{
    int fds[WW_NODES_MAX];
    int status = WW_OK;
    uint32_t held = 0;
    /* All are held until all are found, so that they differ. */
    for (; held < count && status == WW_OK; held++) {
        uint32_t wanted = first == 0 ? 0 : first + held;
        fds[held] = bind_port(udp, wanted, &ports[held]);
        if (fds[held] < 0)
            status = ww_fail_errno(error, WW_EIO, "port %u of 127.0.0.1 cannot be had", wanted);
    }
    while (held > 0)
        if (fds[--held] >= 0)
            close(fds[held]);
    return status;
}

void ww_local_last_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    snprintf(line, size, "nothing");
    while (file != NULL && getline(&text, &room, file) > 0) {
        text[strcspn(text, "\n")] = 0;
        if (*text != 0)
            snprintf(line, size, "%s", text);
    }
    free(text);
    if (file != NULL)
        fclose(file);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

void ww_local_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
