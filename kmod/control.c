// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/dmaloop: the ioctls of dmaloop_uapi.h, and the module's init and exit. Everything that a
 * caller passes is checked here, because the code below relies on it.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "config.h"
#include "scenario.h"

static const char *const outcome_names[] = { DMALOOP_OUTCOME_NAMES };

static bool terminated(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static long ioctl_scenario(void __user *arg)
{
	struct dmaloop_scenario_info info;
	const struct scenario *scenario;
	u32 index;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	index = info.index;
	if (index >= nr_scenarios)
		return -ENOENT;
	scenario = &scenarios[array_index_nospec(index, nr_scenarios)];
	memset(&info, 0, sizeof(info));
	info.version = DMALOOP_ABI_VERSION;
	info.index = index;
	strscpy(info.name, scenario->name, sizeof(info.name));
	strscpy(info.placement, placement_name(scenario->where), sizeof(info.placement));
	if (scenario->desc != DESC_NONE)
		strscpy(info.descriptors, desc_placement_names[scenario->desc],
			sizeof(info.descriptors));
	strscpy(info.fault, scenario->fault, sizeof(info.fault));
	strscpy(info.twin, scenario->twin ?: "", sizeof(info.twin));
	strscpy(info.text, scenario->text, sizeof(info.text));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

struct run_request {
	struct dmaloop_run *run;
	const struct scenario *scenario;
	struct scenario_options options;
};

static int run_on_device(struct platform_device *pdev, void *data)
{
	struct run_request *request = data;
	struct dmaloop_run *run = request->run;
	struct scenario_result result = {};
	int err;

	err = scenario_run(request->scenario, &pdev->dev, dmaloop_device_engine(pdev),
			   &request->options, &result);
	if (err)
		return err;
	run->outcome = result.outcome;
	run->wrong = result.wrong;
	run->faults = result.faults;
	run->spared = result.spared;
	snprintf(run->text, sizeof(run->text), "%s: %s, %u wrong bytes, %u faults",
		 request->scenario->name, outcome_names[result.outcome], result.wrong,
		 result.faults);
	return 0;
}

static long ioctl_run(void __user *arg)
{
	struct run_request request = {};
	int err;

	struct dmaloop_run *run __free(kfree) = memdup_user(arg, sizeof(*run));

	if (IS_ERR(run))
		return PTR_ERR(no_free_ptr(run));
	if (!terminated(run->config, sizeof(run->config)) ||
	    !terminated(run->scenario, sizeof(run->scenario)) ||
	    !terminated(run->placement, sizeof(run->placement)) ||
	    !terminated(run->descriptors, sizeof(run->descriptors)) || run->reserved ||
	    run->cures & ~DMALOOP_CURES)
		return -EINVAL;
	request.run = run;
	request.options.seed = run->seed;
	request.options.offset = run->offset;
	request.options.user = run->user;
	request.options.cures = run->cures;
	request.options.where = NR_PLACEMENTS;
	if (run->placement[0] && !placement_find(run->placement, &request.options.where))
		return -EINVAL;
	if (run->descriptors[0]) {
		err = match_string(desc_placement_names, NR_DESC_PLACEMENTS, run->descriptors);
		if (err < 0)
			return err;
		request.options.desc = err;
	}
	request.scenario = scenario_find(run->scenario);
	if (!request.scenario)
		return -ESRCH;
	err = dmaloop_with_device(run->config, run_on_device, &request);
	if (err)
		return err;
	return copy_to_user(arg, run, sizeof(*run)) ? -EFAULT : 0;
}

static long control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	u32 version, ours = DMALOOP_ABI_VERSION;

	/* Check the type only: the size in the command may differ between versions. */
	if (_IOC_TYPE(cmd) != _IOC_TYPE(DMALOOP_IOC_RUN))
		return -ENOTTY;
	if (copy_from_user(&version, user, sizeof(version)))
		return -EFAULT;
	if (version != ours)
		return copy_to_user(user, &ours, sizeof(ours)) ? -EFAULT : -EPROTO;

	switch (cmd) {
	case DMALOOP_IOC_SCENARIO:
		return ioctl_scenario(user);
	case DMALOOP_IOC_RUN:
		return ioctl_run(user);
	}
	return -ENOTTY;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice control_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmaloop",
	.fops = &control_fops,
	.mode = 0600,
};

static int __init dmaloop_init(void)
{
	int err;

	err = dmaloop_driver_register();
	if (err)
		return err;
	err = dmaloop_configfs_register();
	if (err)
		goto out_driver;
	err = misc_register(&control_device);
	if (err)
		goto out_configfs;
	return 0;

out_configfs:
	dmaloop_configfs_unregister();
out_driver:
	dmaloop_driver_unregister();
	return err;
}

static void __exit dmaloop_exit(void)
{
	misc_deregister(&control_device);
	dmaloop_configfs_unregister();
	dmaloop_driver_unregister();
}

module_init(dmaloop_init);
module_exit(dmaloop_exit);

MODULE_DESCRIPTION("DMA loopback engine with configurable placement and coherency");
MODULE_LICENSE("GPL");
