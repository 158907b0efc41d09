// SPDX-License-Identifier: GPL-2.0
/* The interface of the module, /dev/dmaloop and configfs: see loopdev.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loopdev.h"

#define CONFIGFS "/sys/kernel/config/dmaloop"

static const char *const outcome_names[] = { DMALOOP_OUTCOME_NAMES };

/**
 * fail - print an error on standard error
 * @format: of printf(), without a line feed; its arguments follow
 *
 * Return: EXIT_NOT_RUN.
 */
int fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "dmaloop: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_NOT_RUN;
}

/**
 * outcome_name - the name of an outcome
 * @outcome: enum dmaloop_outcome
 *
 * Return: a static string.
 */
const char *outcome_name(unsigned int outcome)
{
	return outcome < DMALOOP_NR_OUTCOMES ? outcome_names[outcome] : "unknown";
}

/**
 * open_control - open the control device, /dev/dmaloop
 *
 * Return: a file descriptor, or -1; standard error then says what to do.
 */
int open_control(void)
{
	int fd = open("/dev/dmaloop", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		fail("/dev/dmaloop is not there: load the module (insmod dmaloop.ko)");
	else if (errno == EACCES || errno == EPERM)
		fail("/dev/dmaloop: %s: run as root", strerror(errno));
	else
		fail("/dev/dmaloop: %s", strerror(errno));
	return -1;
}

/**
 * get_scenario - ask the module for one of its scenarios
 * @fd: the control device
 * @index: number of the scenario, from 0
 * @info: out: the scenario
 *
 * Return: 0; -ENOENT past the last one, of which standard error says nothing; another
 * negative errno.
 */
int get_scenario(int fd, unsigned int index, struct dmaloop_scenario_info *info)
{
	memset(info, 0, sizeof(*info));
	info->version = DMALOOP_ABI_VERSION;
	info->index = index;
	if (!ioctl(fd, DMALOOP_IOC_SCENARIO, info))
		return 0;
	if (errno == EPROTO)
		fail("the interface of the loaded module is version %u, that of this program %u: "
		     "build both from one tree",
		     info->version, DMALOOP_ABI_VERSION);
	else if (errno != ENOENT)
		fail("listing scenarios: %s", strerror(errno));
	return -errno;
}

/**
 * find_scenario - look a scenario up by name
 * @fd: the control device
 * @name: its name
 * @info: out: the scenario
 *
 * Return: 0, or a negative errno; standard error then says why.
 */
int find_scenario(int fd, const char *name, struct dmaloop_scenario_info *info)
{
	for (unsigned int i = 0;; i++) {
		int err = get_scenario(fd, i, info);

		if (err == -ENOENT)
			fail("no scenario '%s'; `dmaloop list' shows them", name);
		if (err)
			return err;
		if (!strcmp(info->name, name))
			return 0;
	}
}

volatile sig_atomic_t interrupted;

/* Directory of the device that exists, in configfs; "": there is none. */
static char config_name[DMALOOP_NAME_MAX];

/* Writes an attribute of the device. Returns 0 or an exit status. */
static int config_write(const char *attribute, const char *value)
{
	char path[256];
	size_t length = strlen(value);
	ssize_t written;
	int fd, err;

	snprintf(path, sizeof(path), CONFIGFS "/%s/%s", config_name, attribute);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	written = write(fd, value, length);
	err = errno;
	close(fd);
	if (written == (ssize_t)length)
		return 0;
	if (!strcmp(attribute, "live") && err == EOPNOTSUPP)
		return fail("this kernel or device cannot do it; dmesg says why "
			    "(bounce needs swiotlb=force, Linux 6.12 and 32 DMA bits)");
	return fail("%s: '%s' refused: %s", attribute, value, strerror(err));
}

/* Reads an attribute of the device, without its line feed. Returns 0 or an exit status. */
static int config_read(const char *attribute, char *value, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), CONFIGFS "/%s/%s", config_name, attribute);
	file = fopen(path, "re");
	if (!file || !fgets(value, size, file)) {
		int err = errno;

		if (file)
			fclose(file);
		return fail("%s: %s", path, strerror(err));
	}
	fclose(file);
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

/**
 * device_destroy - remove the device that device_create() made, if there is one
 */
void device_destroy(void)
{
	char path[256];

	if (!config_name[0])
		return;
	snprintf(path, sizeof(path), CONFIGFS "/%s", config_name);
	rmdir(path);
	config_name[0] = '\0';
}

/* Writes an attribute unless its value is NULL. Returns 0 or an exit status. */
static int configure(const char *attribute, const char *value)
{
	return value ? config_write(attribute, value) : 0;
}

/**
 * device_create - make a device
 * @settings: its configuration
 * @device: out: its name
 * @size: size of @device, in bytes
 *
 * There is one device at a time: device_destroy() comes before the next call.
 *
 * Return: 0, or EXIT_NOT_RUN when it could not be made or a signal came; there is then none.
 */
int device_create(const struct settings *settings, char *device, size_t size)
{
	static unsigned int serial;
	char path[256];

	if (interrupted)
		return EXIT_NOT_RUN;
	snprintf(config_name, sizeof(config_name), "run-%d-%u", getpid(), serial++);
	snprintf(path, sizeof(path), CONFIGFS "/%s", config_name);
	if (mkdir(path, 0700)) {
		config_name[0] = '\0';
		if (errno == ENOENT)
			return fail("%s is not there: mount -t configfs config /sys/kernel/config",
				    CONFIGFS);
		return fail("%s: %s", path, strerror(errno));
	}
	if (configure("coherency", settings->coherency) || configure("arch", settings->arch) ||
	    configure("maintenance", settings->maintenance) ||
	    configure("line_size", settings->line_size) || configure("evict", settings->evict) ||
	    configure("prefetch", settings->prefetch) ||
	    configure("neighbours", settings->neighbours) || configure("iommu", settings->iommu) ||
	    configure("dma_bits", settings->dma_bits) || config_write("live", "1") ||
	    config_read("device", device, size)) {
		device_destroy();
		return EXIT_NOT_RUN;
	}
	return 0;
}

/**
 * device_run - run a scenario once on the device that device_create() made
 * @fd: the control device
 * @settings: placements, offset, seed and cures
 * @info: the scenario
 * @run: out: what was observed
 *
 * Return: 0, or EXIT_NOT_RUN; standard error then says why.
 */
int device_run(int fd, const struct settings *settings, const struct dmaloop_scenario_info *info,
	       struct dmaloop_run *run)
{
	static char page[4096] __attribute__((aligned(4096)));
	const char *placement = settings->placement ?: info->placement;

	memset(page, 0, sizeof(page));
	memset(run, 0, sizeof(*run));
	run->version = DMALOOP_ABI_VERSION;
	run->seed = settings->seed;
	run->offset = strcmp(placement, "offset") ? 0 : settings->offset;
	run->user = strcmp(placement, "user") ? 0 : (unsigned long)page;
	run->cures = settings->cures;
	snprintf(run->config, sizeof(run->config), "%s", config_name);
	snprintf(run->scenario, sizeof(run->scenario), "%s", info->name);
	snprintf(run->placement, sizeof(run->placement), "%s", settings->placement ?: "");
	snprintf(run->descriptors, sizeof(run->descriptors), "%s", settings->descriptors ?: "");
	if (!ioctl(fd, DMALOOP_IOC_RUN, run))
		return 0;
	if (errno == EINVAL)
		return fail("%s: refused; is there a placement '%s'%s%s, and --offset below 256?",
			    info->name, placement, settings->descriptors ? " or " : "",
			    settings->descriptors ?: "");
	if (errno == EOPNOTSUPP)
		return fail("%s makes no sense with placement '%s'", info->name,
			    settings->descriptors ?: placement);
	return fail("%s: %s", info->name, strerror(errno));
}
