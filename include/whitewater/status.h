/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Status codes of every fallible call: WW_OK or one negative value. A call that can explain itself
 * also takes a struct ww_error and leaves there a sentence that names what is wrong and where.
 */
#ifndef WHITEWATER_STATUS_H
#define WHITEWATER_STATUS_H

enum ww_status {
    WW_OK = 0,
    WW_EINVAL = -1,     /* an argument, key, flag or unit is wrong */
    WW_ENOMEM = -2,     /* memory, mbufs or descriptors could not be had */
    WW_EIO = -3,        /* the disk or the network failed */
    WW_EBUSY = -4,      /* a bounded queue or window is full; try again */
    WW_ENOTLEADER = -5, /* ask the leader */
    WW_EDAMAGED = -6,   /* stored or received bytes fail their check */
    WW_EVERSION = -7,   /* written by a newer format than this program knows */
    WW_EFOREIGN = -8,   /* belongs to another node or another cluster */
    WW_ELOCKED = -9,    /* another process holds the directory */
    WW_ETIMEOUT = -10,  /* no answer within the time given */
    WW_ETOOBIG = -11,   /* larger than the limit that the message names */
    WW_ENOSPC = -12,    /* no room on the disk */
    WW_ECLOSED = -13,   /* stopped, or fenced after a failure */
    WW_EGONE = -14,     /* the index is outside what is kept */
    WW_ENOTFOUND = -15, /* no such file, group or peer */
};

/** A failure in words. `text` is always terminated; `code` is the status that the call returned. */
struct ww_error {
    int code;
    char text[512];
};

/** The name of a status, such as "WW_EBUSY"; never NULL. */
const char *ww_status_name(int status);

#endif
