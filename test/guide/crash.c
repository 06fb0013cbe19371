/*
 * Crashes of the sample module that the guide asks for, each at a line that it looks for in the report:
 * echo NAME >/sys/module/duet/parameters/crash
 */
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

struct duet_seed {
	const char *name;
	int number;
	int *nowhere;
};

static DEFINE_MUTEX(duet_seed_lock);

static noinline void duet_seed_oops(struct duet_seed *seed)
{
	WRITE_ONCE(*seed->nowhere, seed->number); /* line of oops */
}

static noinline void duet_seed_panic(struct duet_seed *seed)
{
	panic("duet: asked for with the number %d", seed->number); /* line of panic */
}

static noinline void duet_seed_free(struct duet_seed *seed)
{
	int *gone = kmalloc(sizeof(*gone), GFP_KERNEL);

	kfree(gone);
	OPTIMIZER_HIDE_VAR(gone);
	WRITE_ONCE(*gone, seed->number); /* line of free */
}

static noinline void duet_seed_deadlock(struct duet_seed *seed)
{
	mutex_lock(&duet_seed_lock);
	mutex_lock(&duet_seed_lock); /* line of deadlock */
	seed->number++;
}

static int duet_seed_set(const char *value, const struct kernel_param *param)
{
	struct duet_seed seed = { .name = value, .number = 4711 };

	if (sysfs_streq(value, "oops"))
		duet_seed_oops(&seed);
	else if (sysfs_streq(value, "panic"))
		duet_seed_panic(&seed);
	else if (sysfs_streq(value, "free"))
		duet_seed_free(&seed);
	else if (sysfs_streq(value, "deadlock"))
		duet_seed_deadlock(&seed);
	else
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops duet_seed_ops = { .set = duet_seed_set };

module_param_cb(crash, &duet_seed_ops, NULL, 0200);
