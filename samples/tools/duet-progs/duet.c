// SPDX-License-Identifier: GPL-2.0
/* duet: state of the Duet service, its start and its stop */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <duet/duet.h>

static const char usage[] =
	"Usage: duet status|start|stop\n"
	"\n"
	"  status     whether the service runs, and its tasks\n"
	"  start      start the service, if it does not run\n"
	"  stop       stop the service, if it runs; tasks stay registered\n"
	"  --help     this text\n"
	"\n"
	"Exits with 0 when done, 1 when it failed, 2 when asked wrongly.\n";

static int status(int fd)
{
	struct duet_status st;
	unsigned int i;

	if (duet_get_status(fd, &st))
		return -1;

	printf("service: %s\n", st.online ? "started" : "stopped");
	printf("queue: %u items a task\n", st.queue_len);
	printf("tasks: %u of %u\n", st.ntasks, DUET_MAX_TASKS);
	for (i = 0; i < st.ntasks; i++) {
		const struct duet_task_status *t = &st.tasks[i];

		printf("task %u: %s, pid %d, events%s%s, %llu queued, %u unread, %llu lost\n",
		       t->tid, t->name, t->pid,
		       t->mask & DUET_PAGE_ADDED ? " added" : "",
		       t->mask & DUET_PAGE_REMOVED ? " removed" : "",
		       (unsigned long long)t->events, t->queued,
		       (unsigned long long)t->lost);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int fd);
} commands[] = {
	{ "status", status },
	{ "start", duet_start },
	{ "stop", duet_stop },
};

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	size_t i, n = sizeof(commands) / sizeof(commands[0]);
	int fd, failed;

	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		fputs(usage, stdout);
		return 0;
	}
	/* Duet's own spelling: duet status report|start|stop */
	if (argc == 3 && !strcmp(name, "status")) {
		argc = 2;
		name = strcmp(argv[2], "report") ? argv[2] : "status";
	}
	for (i = 0; i < n && strcmp(name, commands[i].name); i++)
		;
	if (argc != 2 || i == n) {
		fprintf(stderr, "duet: expected one of status, start, stop; see duet --help\n");
		return 2;
	}

	fd = open_duet_dev();
	if (fd < 0) {
		fprintf(stderr, "duet: %s: %s%s\n", DUET_DEVICE,
			duet_strerror(errno), errno == ENOENT ?
			", load the module with `modprobe duet`" : "");
		return 1;
	}
	failed = commands[i].run(fd);
	if (failed)
		fprintf(stderr, "duet: %s failed: %s\n", name,
			duet_strerror(errno));
	close_duet_dev(fd);
	return failed ? 1 : 0;
}
