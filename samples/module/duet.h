/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the module share: main.c, task.c, hook.c */
#ifndef _DUET_H
#define _DUET_H

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "duet_ioctl.h"

/* Inodes that a task remembers to be its own, see duet_task_covers() */
#define DUET_SEEN		1024

struct duet_seen {
	unsigned long ino;
	u32 gen;
};

/*
 * An open file of the device.
 *
 * @node:	in duet_tasks while registered: read under RCU, changed under
 *		duet_tasks_lock
 * @mutex:	serializes register, deregister and read
 * @wake:	wakes readers up, out of the tracepoint's context
 * @lock:	the queue and what is seen; taken with interrupts off
 * @ring:	duet_queue_len items, a power of two; NULL while not registered
 * @head:	items ever queued
 * @tail:	items ever read
 */
struct duet_task {
	struct list_head node;
	struct mutex mutex;
	wait_queue_head_t readers;
	struct irq_work wake;

	u32 tid;
	pid_t pid;
	u32 mask;
	char name[DUET_NAME_LEN];
	struct path root;

	spinlock_t lock;
	struct duet_item *ring;
	struct duet_seen *seen;
	u64 head;
	u64 tail;
	u64 lost;
};

/* task.c */
extern unsigned int duet_queue_len;
extern struct list_head duet_tasks;

struct duet_task *duet_task_alloc(void);
void duet_task_free(struct duet_task *task);
int duet_task_register(struct duet_task *task, struct duet_register *reg);
int duet_task_deregister(struct duet_task *task);
bool duet_task_readable(struct duet_task *task);
ssize_t duet_task_read(struct duet_task *task, struct duet_item __user *buf,
		       size_t count);
bool duet_task_covers(struct duet_task *task, struct inode *inode);
void duet_task_queue(struct duet_task *task, const struct duet_item *item);
void duet_tasks_status(struct duet_status *status);

/* hook.c */
int duet_start(void);
void duet_stop(void);
bool duet_online(void);
void duet_handle_event(struct inode *inode, pgoff_t index, unsigned int pages,
		       u32 event);

#endif
