// SPDX-License-Identifier: GPL-2.0
/*
 * A sample Duet module: tasks register for a directory or file, and are told
 * which of its pages enter and leave the page cache.
 *
 * This file is the device, /dev/duet; task.c has the queues, hook.c the
 * tracepoints.
 */
#include <linux/capability.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "duet.h"

unsigned int duet_queue_len = 4096;
module_param_named(queue_len, duet_queue_len, uint, 0444);
MODULE_PARM_DESC(queue_len, "Items that each task's queue holds, 64 to 65536, rounded up to a power of two (default 4096)");

static bool duet_autostart = true;
module_param_named(autostart, duet_autostart, bool, 0444);
MODULE_PARM_DESC(autostart, "Start the service when the module is loaded (default Y)");

static int duet_open(struct inode *inode, struct file *file)
{
	struct duet_task *task = duet_task_alloc();

	if (!task)
		return -ENOMEM;
	file->private_data = task;
	return nonseekable_open(inode, file);
}

static int duet_release(struct inode *inode, struct file *file)
{
	duet_task_free(file->private_data);
	return 0;
}

static ssize_t duet_read(struct file *file, char __user *buf, size_t len,
			 loff_t *ppos)
{
	struct duet_task *task = file->private_data;
	size_t count = len / sizeof(struct duet_item);
	ssize_t n;

	if (!count)
		return -EINVAL;

	while (!(n = duet_task_read(task, (void __user *)buf, count))) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(task->readers,
					     duet_task_readable(task)))
			return -ERESTARTSYS;
	}
	return n < 0 ? n : n * sizeof(struct duet_item);
}

static __poll_t duet_poll(struct file *file, poll_table *wait)
{
	struct duet_task *task = file->private_data;

	poll_wait(file, &task->readers, wait);
	return duet_task_readable(task) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long duet_ioctl_register(struct duet_task *task, void __user *arg)
{
	struct duet_register reg;
	int err;

	if (copy_from_user(&reg, arg, sizeof(reg)))
		return -EFAULT;
	reg.name[DUET_NAME_LEN - 1] = '\0';

	err = duet_task_register(task, &reg);
	if (err)
		return err;

	if (copy_to_user(arg, &reg, sizeof(reg))) {
		duet_task_deregister(task);
		return -EFAULT;
	}
	return 0;
}

static long duet_ioctl_status(void __user *arg)
{
	struct duet_status *status = kzalloc(sizeof(*status), GFP_KERNEL);
	long err = 0;

	if (!status)
		return -ENOMEM;

	status->abi = DUET_ABI;
	status->online = duet_online();
	status->queue_len = duet_queue_len;
	duet_tasks_status(status);
	if (copy_to_user(arg, status, sizeof(*status)))
		err = -EFAULT;
	kfree(status);
	return err;
}

static long duet_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct duet_task *task = file->private_data;

	switch (cmd) {
	case DUET_IOC_REGISTER:
		return duet_ioctl_register(task, (void __user *)arg);
	case DUET_IOC_DEREGISTER:
		return duet_task_deregister(task);
	case DUET_IOC_START:
		return capable(CAP_SYS_ADMIN) ? duet_start() : -EPERM;
	case DUET_IOC_STOP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		duet_stop();
		return 0;
	case DUET_IOC_STATUS:
		return duet_ioctl_status((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations duet_fops = {
	.owner = THIS_MODULE,
	.open = duet_open,
	.release = duet_release,
	.read = duet_read,
	.poll = duet_poll,
	.unlocked_ioctl = duet_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* Events tell of files that a user may not even list: for root only */
static struct miscdevice duet_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "duet",
	.fops = &duet_fops,
	.mode = 0600,
};

static int __init duet_init(void)
{
	int err;

	duet_queue_len = roundup_pow_of_two(clamp(duet_queue_len, 64U, 65536U));

	if (duet_autostart) {
		err = duet_start();
		if (err)
			return err;
	}

	err = misc_register(&duet_device);
	if (err) {
		duet_stop();
		return err;
	}
	pr_info("duet: loaded, service %s\n",
		duet_online() ? "started" : "stopped");
	return 0;
}

/* No file is open here, as each holds the module: so there are no tasks */
static void __exit duet_exit(void)
{
	misc_deregister(&duet_device);
	duet_stop();
	pr_info("duet: unloaded\n");
}

module_init(duet_init);
module_exit(duet_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample of Duet: page cache events for tasks that ask");
MODULE_VERSION("0.1.0");
