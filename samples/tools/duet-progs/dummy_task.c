// SPDX-License-Identifier: GPL-2.0
/*
 * dummy_task: the smallest task there is. Registers for a path, makes events
 * there by writing, dropping and reading files of its own, and prints what it
 * gets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <duet/duet.h>

#define MAX_FILES	64
#define BATCH		128
#define QUIET_MS	500

struct touched {
	char path[PATH_MAX];
	uint64_t ino;
};

static const char usage[] =
	"Usage: dummy_task [OPTION]... PATH\n"
	"\n"
	"Registers for PATH, a directory or a file, touches files there and prints the\n"
	"events, one a line. Files it makes in a directory are removed at the end; a\n"
	"file is only read.\n"
	"\n"
	"  -f, --files=N     files to make in a directory, 1 to 64 (default 3)\n"
	"  -s, --size=N      pages in each (default 4)\n"
	"  -n, --count=N     stop after N events (default: when no more come)\n"
	"  -t, --time=SEC    stop after SEC seconds (default 10)\n"
	"  -w, --watch       touch nothing, print the events of others until -n or -t\n"
	"  -h, --help        this text\n"
	"\n"
	"Exits with 0 when there were events, 1 when there were none or it failed,\n"
	"2 when asked wrongly.\n";

static struct touched touched[MAX_FILES];
static int ntouched;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "dummy_task: cannot %s %s: %s\n", what, path,
		strerror(errno));
	return -1;
}

/* Out of the page cache, and back into it */
static int drop_and_read(int fd, const char *path)
{
	char buf[65536];
	ssize_t n;

	if (fsync(fd) && errno != EINVAL && errno != EROFS)
		return fail("sync", path);
	errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (errno)
		return fail("drop", path);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail("seek in", path);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	return n < 0 ? fail("read", path) : 0;
}

static int touch_file(struct touched *file, int flags, long pages)
{
	long page_size = sysconf(_SC_PAGESIZE);
	struct stat st;
	char *page;
	int fd, ret = -1;

	fd = open(file->path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(flags & O_CREAT ? "create" : "open", file->path);
	ntouched++;
	if (fstat(fd, &st)) {
		fail("stat", file->path);
		goto out;
	}
	file->ino = st.st_ino;

	page = calloc(1, page_size);
	if (!page) {
		fail("write", file->path);
		goto out;
	}
	for (; pages > 0; pages--) {
		if (write(fd, page, page_size) != page_size) {
			fail("write", file->path);
			break;
		}
	}
	free(page);
	if (!pages)
		ret = drop_and_read(fd, file->path);
out:
	close(fd);
	return ret;
}

static int touch_path(const char *path, const struct stat *st, int nfiles,
		      long pages)
{
	int i;

	if (!S_ISDIR(st->st_mode)) {
		snprintf(touched[0].path, PATH_MAX, "%s", path);
		return touch_file(&touched[0], O_RDONLY, 0);
	}
	for (i = 0; i < nfiles; i++) {
		int n = snprintf(touched[i].path, PATH_MAX,
				 "%s/dummy_task.%d.%d", path, getpid(), i);

		if (n >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return fail("create a file in", path);
		}
		if (touch_file(&touched[i], O_RDWR | O_CREAT | O_EXCL, pages))
			return -1;
	}
	return 0;
}

static void remove_touched(const struct stat *st)
{
	int i;

	if (S_ISDIR(st->st_mode))
		for (i = 0; i < ntouched; i++)
			unlink(touched[i].path);
}

static void print_item(const char *root, const struct duet_item *item)
{
	long page_size = sysconf(_SC_PAGESIZE);
	char found[PATH_MAX];
	const char *path = NULL;
	int i;

	for (i = 0; i < ntouched && !path; i++)
		if (touched[i].ino == item->ino)
			path = touched[i].path;
	if (!path && !duet_get_path(root, item->ino, found, sizeof(found)))
		path = found;

	printf("%s inode %llu offset %llu pages %u path %s\n",
	       duet_event_name(item->event), (unsigned long long)item->ino,
	       (unsigned long long)item->index * page_size, item->pages,
	       path ? path : "(gone)");
}

/* Prints events until there are enough, time is up, or it stays quiet. */
static long print_events(int fd, const char *root, long count,
			 long long deadline, int quiet_ms)
{
	struct duet_item items[BATCH];
	long seen = 0;

	while (!interrupted && (!count || seen < count)) {
		long long left = deadline - now_ms();
		int i, n, wait;

		if (left <= 0)
			break;
		wait = quiet_ms && quiet_ms < left ? quiet_ms : (int)left;
		n = duet_fetch(fd, items, BATCH, wait);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "dummy_task: cannot fetch events: %s\n",
				duet_strerror(errno));
			return -1;
		}
		if (!n && quiet_ms)
			break;
		for (i = 0; i < n && (!count || seen < count); i++, seen++)
			print_item(root, &items[i]);
		fflush(stdout);
	}
	return seen;
}

static long number(const char *option, const char *text, long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < min || value > max) {
		fprintf(stderr, "dummy_task: --%s expects a number from %ld to %ld, not '%s'\n",
			option, min, max, text);
		exit(2);
	}
	return value;
}

static int open_and_register(const char *path)
{
	struct duet_status status;
	int fd = open_duet_dev();

	if (fd < 0) {
		fprintf(stderr, "dummy_task: %s: %s%s\n", DUET_DEVICE,
			duet_strerror(errno), errno == ENOENT ?
			", load the module with `modprobe duet`" : "");
		return -1;
	}
	if (duet_get_status(fd, &status)) {
		fprintf(stderr, "dummy_task: %s: %s\n", DUET_DEVICE,
			duet_strerror(errno));
	} else if (!status.online) {
		fprintf(stderr, "dummy_task: the service is stopped, start it with `duet start`\n");
	} else if (duet_register(fd, path, DUET_PAGE_ALL, "dummy_task", NULL)) {
		fprintf(stderr, "dummy_task: cannot register for %s: %s\n",
			path, duet_strerror(errno));
	} else {
		return fd;
	}
	close_duet_dev(fd);
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "files", required_argument, NULL, 'f' },
		{ "size", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'n' },
		{ "time", required_argument, NULL, 't' },
		{ "watch", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct sigaction action = { .sa_handler = on_signal };
	long files = 3, size = 4, count = 0, seconds = 10, seen = -1;
	const char *path;
	long long deadline;
	struct stat st;
	int c, fd, watch = 0, failed = 0;

	while ((c = getopt_long(argc, argv, "f:s:n:t:wh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			files = number("files", optarg, 1, MAX_FILES);
			break;
		case 's':
			size = number("size", optarg, 1, 65536);
			break;
		case 'n':
			count = number("count", optarg, 1, LONG_MAX);
			break;
		case 't':
			seconds = number("time", optarg, 1, 86400);
			break;
		case 'w':
			watch = 1;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind != argc - 1) {
		fprintf(stderr, "dummy_task: expected one PATH; see dummy_task --help\n");
		return 2;
	}
	path = argv[optind];
	if (stat(path, &st)) {
		fail("stat", path);
		return 1;
	}

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	deadline = now_ms() + seconds * 1000LL;

	fd = open_and_register(path);
	if (fd < 0)
		return 1;

	if (!watch)
		failed = touch_path(path, &st, files, size);
	if (!failed)
		seen = print_events(fd, path, count, deadline,
				    watch ? 0 : QUIET_MS);
	remove_touched(&st);
	close_duet_dev(fd);

	if (!seen)
		fprintf(stderr, "dummy_task: no event came for %s: is it on a disk's file system?\n",
			path);
	return seen > 0 ? 0 : 1;
}
