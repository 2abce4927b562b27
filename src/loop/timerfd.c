/* SPDX-License-Identifier: MIT */
/* Two calls of the seam to the kernel that only an embedded loop needs; they answer as those of base/sys.h do. */
#include <errno.h>
#include <sys/timerfd.h>
#include "loop/inner.h"

int wyi_sys_timerfd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int wyi_sys_timerfd_set(int fd, u64 at_ns)
{
	struct itimerspec spec = {0};
	if (at_ns != UINT64_MAX) {
		spec.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
	}
	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}
