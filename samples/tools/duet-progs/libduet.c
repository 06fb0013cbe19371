// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <duet/duet.h>

int open_duet_dev(void)
{
	return open(DUET_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

void close_duet_dev(int duet_fd)
{
	close(duet_fd);
}

int duet_register(int duet_fd, const char *path, uint32_t events,
		  const char *name, int *tid)
{
	struct duet_register reg = { .events = events };
	int ret, err;

	reg.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (reg.fd < 0)
		return -1;
	strncpy(reg.name, name, sizeof(reg.name) - 1);

	ret = ioctl(duet_fd, DUET_IOC_REGISTER, &reg);
	err = errno;
	close(reg.fd);
	errno = err;
	if (!ret && tid)
		*tid = reg.tid;
	return ret;
}

int duet_deregister(int duet_fd)
{
	return ioctl(duet_fd, DUET_IOC_DEREGISTER);
}

int duet_fetch(int duet_fd, struct duet_item *items, size_t count,
	       int timeout_ms)
{
	struct pollfd pfd = { .fd = duet_fd, .events = POLLIN };
	ssize_t n;
	int ready;

	ready = poll(&pfd, 1, timeout_ms);
	if (ready <= 0)
		return ready;

	n = read(duet_fd, items, count * sizeof(*items));
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	return n / sizeof(*items);
}

/* Looks through the directory that is open as dirfd, and closes it. */
static int find_inode(int dirfd, uint64_t ino, dev_t dev, char *buf, size_t len,
		      size_t used)
{
	struct dirent *entry;
	int found = -1, err;
	DIR *dir = fdopendir(dirfd);

	if (!dir) {
		close(dirfd);
		return -1;
	}

	while (found && (entry = readdir(dir))) {
		struct stat st;
		int n, fd;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    st.st_dev != dev)
			continue;
		if (st.st_ino != ino && !S_ISDIR(st.st_mode))
			continue;

		n = snprintf(buf + used, len - used, "/%s", entry->d_name);
		if (n < 0 || (size_t)n >= len - used) {
			errno = ERANGE;
			break;
		}
		if (st.st_ino == ino) {
			found = 0;
			break;
		}
		fd = openat(dirfd, entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		found = find_inode(fd, ino, dev, buf, len, used + n);
		if (found && errno == ERANGE)
			break;
	}
	if (found && errno != ERANGE)
		errno = ENOENT;

	err = errno;
	closedir(dir);
	errno = err;
	return found;
}

int duet_get_path(const char *path, uint64_t ino, char *buf, size_t len)
{
	struct stat st;
	size_t used = strlen(path);
	int fd;

	if (used >= len) {
		errno = ERANGE;
		return -1;
	}
	memcpy(buf, path, used + 1);

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st)) {
		close(fd);
		return -1;
	}
	if (st.st_ino == ino) {
		close(fd);
		return 0;
	}
	if (!S_ISDIR(st.st_mode)) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	while (used > 0 && buf[used - 1] == '/')
		buf[--used] = '\0';
	errno = 0;
	return find_inode(fd, ino, st.st_dev, buf, len, used);
}

int duet_get_status(int duet_fd, struct duet_status *status)
{
	if (ioctl(duet_fd, DUET_IOC_STATUS, status))
		return -1;
	if (status->abi != DUET_ABI) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int duet_start(int duet_fd)
{
	return ioctl(duet_fd, DUET_IOC_START);
}

int duet_stop(int duet_fd)
{
	return ioctl(duet_fd, DUET_IOC_STOP);
}

const char *duet_event_name(uint32_t event)
{
	switch (event) {
	case DUET_PAGE_ADDED:
		return "added";
	case DUET_PAGE_REMOVED:
		return "removed";
	default:
		return "unknown";
	}
}

const char *duet_strerror(int err)
{
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return "not there";
	case EACCES:
	case EPERM:
		return "permission denied, only root may do this";
	case EUSERS:
		return "too many tasks are registered, see `duet status`";
	case EBUSY:
		return "this descriptor is registered already";
	case ESRCH:
		return "not registered";
	case ENOTDIR:
		return "neither a directory nor a regular file";
	case EPROTO:
	case ENOTTY:
		return "the loaded module is of another version than libduet, build both again";
	default:
		return strerror(err);
	}
}
