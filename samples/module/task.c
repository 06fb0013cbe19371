// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks: who watches what, and the queue of each.
 *
 * Memory is bounded: DUET_MAX_TASKS tasks, each with a ring and a table that
 * are allocated when it registers. A full ring drops the new item and counts
 * it, so a slow reader costs itself events and nobody else anything.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "duet.h"

/* Deeper paths are not there: PATH_MAX bytes hold no more components */
#define DUET_MAX_DEPTH	(PATH_MAX / 2)

/* Items copied to the reader at a time, on the stack */
#define DUET_CHUNK	8

LIST_HEAD(duet_tasks);
static DEFINE_MUTEX(duet_tasks_lock);
static unsigned int duet_ntasks;
static u32 duet_last_tid;

static void duet_task_wake(struct irq_work *work)
{
	struct duet_task *task = container_of(work, struct duet_task, wake);

	wake_up_interruptible(&task->readers);
}

struct duet_task *duet_task_alloc(void)
{
	struct duet_task *task = kzalloc(sizeof(*task), GFP_KERNEL);

	if (!task)
		return NULL;

	INIT_LIST_HEAD(&task->node);
	mutex_init(&task->mutex);
	init_waitqueue_head(&task->readers);
	init_irq_work(&task->wake, duet_task_wake);
	spin_lock_init(&task->lock);
	return task;
}

void duet_task_free(struct duet_task *task)
{
	duet_task_deregister(task);
	mutex_destroy(&task->mutex);
	kfree(task);
}

static int duet_task_add(struct duet_task *task)
{
	int err = -EUSERS;

	mutex_lock(&duet_tasks_lock);
	if (duet_ntasks < DUET_MAX_TASKS) {
		duet_ntasks++;
		task->tid = ++duet_last_tid;
		list_add_tail_rcu(&task->node, &duet_tasks);
		err = 0;
	}
	mutex_unlock(&duet_tasks_lock);
	return err;
}

int duet_task_register(struct duet_task *task, struct duet_register *reg)
{
	struct file *file;
	umode_t mode;
	int err;

	if (!reg->events || (reg->events & ~DUET_PAGE_ALL) || reg->reserved)
		return -EINVAL;

	file = fget(reg->fd);
	if (!file)
		return -EBADF;

	mutex_lock(&task->mutex);
	err = -EBUSY;
	if (task->ring)
		goto out;

	err = -ENOTDIR;
	mode = file_inode(file)->i_mode;
	if (!S_ISDIR(mode) && !S_ISREG(mode))
		goto out;

	err = -ENOMEM;
	task->seen = kvcalloc(DUET_SEEN, sizeof(*task->seen), GFP_KERNEL);
	task->ring = kvcalloc(duet_queue_len, sizeof(*task->ring), GFP_KERNEL);
	if (!task->seen || !task->ring)
		goto free;

	task->pid = task_tgid_nr(current);
	task->mask = reg->events;
	task->head = 0;
	task->tail = 0;
	task->lost = 0;
	strscpy(task->name, reg->name, sizeof(task->name));
	task->root = file->f_path;
	path_get(&task->root);

	err = duet_task_add(task);
	if (err) {
		path_put(&task->root);
		goto free;
	}
	reg->tid = task->tid;
	goto out;

free:
	kvfree(task->seen);
	kvfree(task->ring);
	task->seen = NULL;
	task->ring = NULL;
out:
	mutex_unlock(&task->mutex);
	fput(file);
	return err;
}

int duet_task_deregister(struct duet_task *task)
{
	mutex_lock(&task->mutex);
	if (!task->ring) {
		mutex_unlock(&task->mutex);
		return -ESRCH;
	}

	mutex_lock(&duet_tasks_lock);
	list_del_rcu(&task->node);
	duet_ntasks--;
	mutex_unlock(&duet_tasks_lock);

	/* No hook looks at the task after this, nor wakes its readers */
	synchronize_rcu();
	irq_work_sync(&task->wake);

	path_put(&task->root);
	kvfree(task->seen);
	kvfree(task->ring);
	task->seen = NULL;
	WRITE_ONCE(task->ring, NULL);
	mutex_unlock(&task->mutex);

	wake_up_interruptible(&task->readers);
	return 0;
}

/*
 * Whether the dentry is at or below the root, without any lock.
 *
 * is_subdir() is not for us: it waits for rename_lock, whose holder may be
 * interrupted by the end of a write that waits for the page cache lock which
 * our caller holds. Under RCU no dentry on the way up goes away; a rename in
 * the middle of the walk can make us answer for the old place or for the new
 * one, and both were right at some moment of the event.
 */
static bool duet_below(const struct dentry *dentry, const struct dentry *root)
{
	int depth;

	for (depth = 0; dentry && depth < DUET_MAX_DEPTH; depth++) {
		const struct dentry *parent = READ_ONCE(dentry->d_parent);

		if (dentry == root)
			return true;
		if (dentry == parent)
			return false;
		dentry = parent;
	}
	return false;
}

/*
 * Whether the inode is of the tree that the task watches. From a hook, under
 * RCU.
 *
 * The tree is decided here and not when the item is read, for by then a file
 * may be gone or renamed, and a queue of all the file system's events would be
 * full of what nobody asked for. inode->i_lock may be held by our caller, so
 * the aliases of the inode are not walked: the first one, which is the only
 * one but for hard links, is read as it is. Pages that leave the cache with
 * their inode find no dentry any more: for them the task remembers, in a table
 * that forgets by overwriting, which inodes it has had events of.
 */
bool duet_task_covers(struct duet_task *task, struct inode *inode)
{
	const struct dentry *root = task->root.dentry;
	const struct hlist_node *first;
	struct duet_seen *seen;
	unsigned long flags;
	bool covered;

	if (inode->i_sb != root->d_sb)
		return false;
	if (inode == d_inode(root))
		return true;
	if (!d_is_dir(root))
		return false;

	seen = &task->seen[hash_long(inode->i_ino, ilog2(DUET_SEEN))];
	first = READ_ONCE(inode->i_dentry.first);
	covered = first && duet_below(hlist_entry(first, struct dentry,
						  d_u.d_alias), root);

	spin_lock_irqsave(&task->lock, flags);
	if (covered) {
		seen->ino = inode->i_ino;
		seen->gen = inode->i_generation;
	} else if (!first) {
		covered = seen->ino == inode->i_ino &&
			  seen->gen == inode->i_generation;
	}
	spin_unlock_irqrestore(&task->lock, flags);
	return covered;
}

/* Appends an item to the task's queue. From a hook, under RCU. */
void duet_task_queue(struct duet_task *task, const struct duet_item *item)
{
	unsigned long flags;

	spin_lock_irqsave(&task->lock, flags);
	if (task->head - task->tail < duet_queue_len)
		task->ring[task->head++ & (duet_queue_len - 1)] = *item;
	else
		task->lost++;
	spin_unlock_irqrestore(&task->lock, flags);

	/* Waking takes the scheduler's locks: not under the page cache's */
	irq_work_queue(&task->wake);
}

/* Whether read() returns at once: with items, or because there is no task. */
bool duet_task_readable(struct duet_task *task)
{
	return !READ_ONCE(task->ring) ||
	       READ_ONCE(task->head) != READ_ONCE(task->tail);
}

/* Reads up to count items: their number, or an error. */
ssize_t duet_task_read(struct duet_task *task, struct duet_item __user *buf,
		       size_t count)
{
	struct duet_item chunk[DUET_CHUNK];
	ssize_t done = 0;

	if (mutex_lock_interruptible(&task->mutex))
		return -ERESTARTSYS;

	if (!task->ring)
		done = -ESRCH;

	while (done >= 0 && done < count) {
		size_t n = 0, max = min_t(size_t, count - done, DUET_CHUNK);

		spin_lock_irq(&task->lock);
		while (n < max && task->tail != task->head)
			chunk[n++] =
				task->ring[task->tail++ & (duet_queue_len - 1)];
		spin_unlock_irq(&task->lock);

		if (!n)
			break;
		if (copy_to_user(buf + done, chunk, n * sizeof(*chunk))) {
			spin_lock_irq(&task->lock);
			task->lost += n;
			spin_unlock_irq(&task->lock);
			done = done ?: -EFAULT;
			break;
		}
		done += n;
	}
	mutex_unlock(&task->mutex);
	return done;
}

void duet_tasks_status(struct duet_status *status)
{
	struct duet_task *task;

	mutex_lock(&duet_tasks_lock);
	list_for_each_entry(task, &duet_tasks, node) {
		struct duet_task_status *s = &status->tasks[status->ntasks++];

		s->tid = task->tid;
		s->pid = task->pid;
		s->mask = task->mask;
		strscpy(s->name, task->name, sizeof(s->name));
		spin_lock_irq(&task->lock);
		s->queued = task->head - task->tail;
		s->events = task->head;
		s->lost = task->lost;
		spin_unlock_irq(&task->lock);
	}
	mutex_unlock(&duet_tasks_lock);
}
