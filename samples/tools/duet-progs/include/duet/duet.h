/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libduet: page cache events from the Duet module.
 *
 * Functions return 0 or a count, or -1 with errno set; duet_strerror() says
 * what that errno means for Duet. A descriptor from open_duet_dev() stands for
 * one task, which ends when it is closed. They may be used from any thread, but
 * two threads that fetch from one descriptor share its events.
 */
#ifndef _DUET_DUET_H
#define _DUET_DUET_H

#include <stddef.h>
#include <stdint.h>

#include <duet/duet_ioctl.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the device: a descriptor that close_duet_dev() closes. */
int open_duet_dev(void);
void close_duet_dev(int duet_fd);

/*
 * Asks for events (a mask of DUET_PAGE_...) of a regular file, or of a
 * directory and all below it on its file system. The name is what the status
 * shows, cut to DUET_NAME_LEN - 1 bytes. The task's number goes to tid, which
 * may be NULL.
 */
int duet_register(int duet_fd, const char *path, uint32_t events,
		  const char *name, int *tid);

/* Ends the task and drops what was not fetched. */
int duet_deregister(int duet_fd);

/*
 * Waits up to timeout_ms milliseconds (0: not at all, -1: for ever) and takes
 * up to count items: how many there were, 0 when the time is up.
 */
int duet_fetch(int duet_fd, struct duet_item *items, size_t count,
	       int timeout_ms);

/*
 * Finds the name of an inode at or below path by reading directories, which
 * takes as long as the tree is large. ENOENT when it is not there (any more),
 * ERANGE when the buffer is too small.
 */
int duet_get_path(const char *path, uint64_t ino, char *buf, size_t len);

/* The service and its tasks. */
int duet_get_status(int duet_fd, struct duet_status *status);

/* Starting what runs, or stopping what does not, is no error. */
int duet_start(int duet_fd);
int duet_stop(int duet_fd);

/* "added", "removed" or "unknown". */
const char *duet_event_name(uint32_t event);

/* A line for an errno left by a function of this library. */
const char *duet_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif
