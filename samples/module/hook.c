// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks: page cache tracepoints in, items in the tasks' queues out.
 *
 * The tracepoints are not exported to modules, so they are looked up by name.
 */
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/rculist.h>
#include <linux/tracepoint.h>
#include <linux/version.h>

#include "duet.h"

/* What the tracepoints hand over: a folio since Linux 5.16, a page before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
typedef struct folio duet_cached;
#define duet_nr_pages folio_nr_pages
#else
typedef struct page duet_cached;
#define duet_nr_pages compound_nr
#endif

struct duet_hook {
	const char *name;
	u32 event;
	struct tracepoint *tp;
};

static struct duet_hook duet_hooks[] = {
	{ "mm_filemap_add_to_page_cache", DUET_PAGE_ADDED },
	{ "mm_filemap_delete_from_page_cache", DUET_PAGE_REMOVED },
};

static DEFINE_MUTEX(duet_online_lock);
static bool duet_is_online;

/*
 * One event of one file, offered to every task: the place for a breakpoint.
 *
 * We are called with the page cache's lock held, interrupts off, and at times
 * with inode->i_lock held too: nothing here may sleep, take a lock that is
 * ever held outside of this module, or spin on a sequence count.
 *
 * It is a function of its own, with external linkage, for gdb to find it under
 * this name whatever the compiler makes of its callers.
 */
noinline void duet_handle_event(struct inode *inode, pgoff_t index,
				unsigned int pages, u32 event)
{
	unsigned long ino = inode->i_ino;
	const struct duet_item item = {
		.ino = ino,
		.index = index,
		.gen = inode->i_generation,
		.pages = pages,
		.event = event,
	};
	struct duet_task *task;

	rcu_read_lock();
	list_for_each_entry_rcu(task, &duet_tasks, node)
		if ((task->mask & event) && duet_task_covers(task, inode))
			duet_task_queue(task, &item);
	rcu_read_unlock();
}

static void duet_probe(void *data, duet_cached *cached)
{
	const struct duet_hook *hook = data;
	struct address_space *mapping = cached->mapping;

	if (!mapping || !mapping->host || !S_ISREG(mapping->host->i_mode))
		return;

	duet_handle_event(mapping->host, cached->index, duet_nr_pages(cached),
			  hook->event);
}

static void duet_find_hook(struct tracepoint *tp, void *priv)
{
	struct duet_hook *hook = priv;

	if (!strcmp(tp->name, hook->name))
		hook->tp = tp;
}

static int duet_attach(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(duet_hooks); i++) {
		struct duet_hook *hook = &duet_hooks[i];

		for_each_kernel_tracepoint(duet_find_hook, hook);
		if (hook->tp) {
			err = tracepoint_probe_register(hook->tp, duet_probe,
							hook);
		} else {
			pr_err("duet: this kernel has no tracepoint %s\n",
			       hook->name);
			err = -ENOENT;
		}
		if (err)
			goto detach;
	}
	return 0;

detach:
	while (i--)
		tracepoint_probe_unregister(duet_hooks[i].tp, duet_probe,
					    &duet_hooks[i]);
	tracepoint_synchronize_unregister();
	return err;
}

/* Starts the service; starting it twice is harmless. */
int duet_start(void)
{
	int err = 0;

	mutex_lock(&duet_online_lock);
	if (!duet_is_online) {
		err = duet_attach();
		WRITE_ONCE(duet_is_online, !err);
	}
	mutex_unlock(&duet_online_lock);
	return err;
}

/* Stops the service; when it returns, no hook is running any more. */
void duet_stop(void)
{
	int i;

	mutex_lock(&duet_online_lock);
	if (duet_is_online) {
		for (i = 0; i < ARRAY_SIZE(duet_hooks); i++)
			tracepoint_probe_unregister(duet_hooks[i].tp,
						    duet_probe, &duet_hooks[i]);
		tracepoint_synchronize_unregister();
		WRITE_ONCE(duet_is_online, false);
	}
	mutex_unlock(&duet_online_lock);
}

bool duet_online(void)
{
	return READ_ONCE(duet_is_online);
}
