/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What the Duet module and its library say to each other through /dev/duet.
 *
 * A task is an open file of the device: it registers once, reads struct
 * duet_item, and is forgotten when the file is closed.
 *
 * The tools carry a copy of this file: change both.
 */
#ifndef _DUET_IOCTL_H
#define _DUET_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DUET_DEVICE		"/dev/duet"
#define DUET_ABI		1

/* Events, as a mask when registering and singly in an item */
#define DUET_PAGE_ADDED		0x0001
#define DUET_PAGE_REMOVED	0x0002
#define DUET_PAGE_ALL		(DUET_PAGE_ADDED | DUET_PAGE_REMOVED)

#define DUET_NAME_LEN		16
#define DUET_MAX_TASKS		16

/*
 * What read() returns, whole items only: pages that entered or left the page
 * cache.
 *
 * @ino:	inode number, in the file system of the registered path
 * @index:	first page within the file, in pages
 * @gen:	inode generation, which tells reused inode numbers apart
 * @pages:	number of consecutive pages
 * @event:	DUET_PAGE_ADDED or DUET_PAGE_REMOVED
 */
struct duet_item {
	__u64 ino;
	__u64 index;
	__u32 gen;
	__u32 pages;
	__u32 event;
	__u32 reserved;
};

/*
 * @fd:		the directory (with all below it) or regular file to watch, open
 *		for reading
 * @events:	mask of events that are wanted
 * @name:	shown by the status, terminated by a null byte
 * @tid:	returned: the task's number
 */
struct duet_register {
	__s32 fd;
	__u32 events;
	char name[DUET_NAME_LEN];
	__u32 tid;
	__u32 reserved;
};

/*
 * @queued:	items waiting to be read
 * @events:	items queued since the registration
 * @lost:	items dropped since then because the queue was full
 */
struct duet_task_status {
	__u32 tid;
	__s32 pid;
	__u32 mask;
	__u32 queued;
	__u64 events;
	__u64 lost;
	char name[DUET_NAME_LEN];
};

struct duet_status {
	__u32 abi;
	__u32 online;
	__u32 queue_len;
	__u32 ntasks;
	struct duet_task_status tasks[DUET_MAX_TASKS];
};

#define DUET_IOC_MAGIC		0xD7
#define DUET_IOC_REGISTER	_IOWR(DUET_IOC_MAGIC, 1, struct duet_register)
#define DUET_IOC_DEREGISTER	_IO(DUET_IOC_MAGIC, 2)
#define DUET_IOC_START		_IO(DUET_IOC_MAGIC, 3)
#define DUET_IOC_STOP		_IO(DUET_IOC_MAGIC, 4)
#define DUET_IOC_STATUS		_IOR(DUET_IOC_MAGIC, 5, struct duet_status)

#endif
