/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/dead_peer.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void ww_dead_peer_guard(void)
{
}

static bool option_is(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent = syscall(SYS_sendmsg, fd, message, flags | MSG_NOSIGNAL);
    if (sent >= 0 || (errno != EPIPE && errno != ECONNRESET))
        return sent;
    int reason = errno;
    bool memif = option_is(fd, SO_DOMAIN, AF_UNIX) && option_is(fd, SO_TYPE, SOCK_SEQPACKET);
    errno = reason;
    if (!memif)
        return sent;
    sent = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        sent += (ssize_t)message->msg_iov[i].iov_len;
    return sent;
}
