// SPDX-License-Identifier: GPL-2.0
/*
 * --exact loads dmasnoop_sync.ko for the run, so that the syncs of coherent devices are executed,
 * and unloads it afterwards. The module is searched in the distributions' module directories,
 * beside this program, and in kmod/ of a source tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attach/exact.h"
#include "options.h"

#define MODULE "dmasnoop_sync"

static bool loaded;

static int open_module(void)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 64];
	struct utsname uts = {};
	int fd;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/" MODULE ".ko", uts.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		/* Where modules_install puts it. */
		snprintf(path, sizeof(path), "/lib/modules/%s/updates/" MODULE "/" MODULE ".ko",
			 uts.release);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		fd = open("/lib/modules/" MODULE ".ko", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return fd;
	dirname(self);
	snprintf(path, sizeof(path), "%s/" MODULE ".ko", self);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(path, sizeof(path), "%s/../../kmod/" MODULE "/" MODULE ".ko", self);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

/**
 * exact_begin - make the syncs visible of the devices that -d and -D select
 *
 * If the module is loaded already, it is used unchanged and stays loaded.
 *
 * Return: 0, or an exit status.
 */
int exact_begin(void)
{
	char parameters[2 * PATH_MAX];
	int fd, err;

	if (!access("/sys/module/" MODULE, F_OK))
		return 0;
	fd = open_module();
	if (fd < 0)
		return fail("--exact needs " MODULE ".ko, which `make module' builds; without "
			    "it, boot with swiotlb=force");
	snprintf(parameters, sizeof(parameters), "%s%s %s%s", opts.device ? "devices=" : "",
		 opts.device ?: "", opts.driver ? "drivers=" : "", opts.driver ?: "");
	err = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	if (err == EEXIST)
		return 0;
	if (err == ENODEV)
		return fail("--exact: no device '%s'", opts.device ?: "");
	if (err)
		return fail("--exact: cannot load " MODULE ".ko: %s (dmesg says more)",
			    strerror(err));
	loaded = true;
	return 0;
}

/**
 * exact_end - unload the module that exact_begin() loaded
 *
 * Since Linux 6.16 a bound device keeps its syncs until it is bound again.
 */
void exact_end(void)
{
	if (loaded && syscall(SYS_delete_module, MODULE, O_NONBLOCK))
		fprintf(stderr, "dmasnoop: cannot unload " MODULE ": %s\n", strerror(errno));
	loaded = false;
}
