/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

char test_asked[64];
_Atomic char test_refused;
_Atomic int test_refused_errno;

static int ask(char what)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    size_t length = strlen(test_asked);
    if (length + 1 < sizeof(test_asked))
        test_asked[length] = what;
    pthread_mutex_unlock(&mutex);
    errno = test_refused_errno;
    return what == test_refused ? -1 : 0;
}

int fdatasync(int fd)
{
    return ask('d') != 0 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    struct stat status;
    char what = fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? 'D' : 'f';
    return ask(what) != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int sync_file_range(int fd, off64_t from, off64_t bytes, unsigned int flags)
{
    return ask('s') != 0 ? -1 : (int)syscall(SYS_sync_file_range, fd, from, bytes, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return ask('r') != 0 ? -1 : (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
}

int (*test_completion)(uint64_t user_data, int result);
_Atomic int64_t test_unreadable;

unsigned int io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes,
                                     unsigned int count)
{
    unsigned int (*real)(struct io_uring *, struct io_uring_cqe **, unsigned int);
    *(void **)&real = dlsym(RTLD_NEXT, "io_uring_peek_batch_cqe");
    unsigned int got = real(ring, cqes, count);
    for (unsigned int i = 0; test_completion != NULL && i < got; i++)
        cqes[i]->res = test_completion(cqes[i]->user_data, cqes[i]->res);
    return got;
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
    int64_t bad = test_unreadable;
    if (bad != 0 && offset <= bad && bad < offset + (int64_t)bytes) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, data, bytes, offset);
}
