// SPDX-License-Identifier: GPL-2.0
/*
 * Engine devices are platform devices with a bound driver, like hardware, because the DMA API,
 * dmaengine and tracers all look at dev->driver. Called by config.c (configfs) and KUnit.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "chardev.h"
#include "device.h"
#include "dma_ops.h"
#include "dmaengine.h"

/* Numbers are never reused, so that a name in a log means one device. */
static atomic_t next_id = ATOMIC_INIT(0);

const struct dmaloop_config dmaloop_config_default = {
	.coherency = COHERENCY_NONCOHERENT,
	.caches = {
		.arch = &handover_archs[HANDOVER_ARM64],
		.line_size = 64,
		.evict = EVICT_NONE,
	},
	.dma_bits = 64,
	.channels = 1,
	.coalesce_count = 1,
	.memory = 16,
};

/* Platform data: the configuration and, during the probe, where to store the probe's error. */
struct device_platdata {
	struct dmaloop_config config;
	int *error;
};

/**
 * struct device_state - what the drvdata of a device points to
 * @engine: must be first: drvdata is also used as a pointer to the engine
 * @pdev: the device
 * @users: references by the configuration and by each client; the device goes with the last
 * @orphan: the configuration is gone, so new clients are refused
 * @destroy: destroys the device after its last client, which cannot unregister a device that it
 *	uses
 */
struct device_state {
	struct engine engine;
	struct platform_device *pdev;
	refcount_t users;
	bool orphan;
	struct work_struct destroy;
};

struct workqueue_struct *dmaloop_queue;

static int attach_dmaengine(struct device *dev, const struct dmaloop_config *config)
{
	return dmaloop_dmaengine_attach(dev, config->client == CLIENT_ASYNC_TX);
}

static int attach_chardev(struct device *dev, const struct dmaloop_config *config)
{
	return dmaloop_chardev_attach(dev, config->memory);
}

static const struct {
	int (*attach)(struct device *dev, const struct dmaloop_config *config);
	void (*detach)(struct device *dev);
} clients[NR_CLIENTS] = {
	[CLIENT_DMAENGINE] = { attach_dmaengine, dmaloop_dmaengine_detach },
	[CLIENT_ASYNC_TX] = { attach_dmaengine, dmaloop_dmaengine_detach },
	[CLIENT_CHARDEV] = { attach_chardev, dmaloop_chardev_detach },
};

/**
 * dmaloop_device_tune - apply the settings that a live device can change
 * @engine: the device's engine
 * @config: the mode, the priorities and the coalescing are applied, and the CPU's load
 *
 * Context: any.
 * Return: 0, or -EINVAL if a value is out of range; the values before it have been applied.
 */
int dmaloop_device_tune(struct engine *engine, const struct dmaloop_config *config)
{
	u32 i;

	for (i = 0; i < engine->nr_channels; i++) {
		struct engine_channel *channel = &engine->channels[i];
		int err = engine_channel_share(channel, config->mode, config->priorities[i]);

		err = err   ?:
			      engine_channel_coalesce(channel, config->coalesce_count,
						      config->coalesce_usecs);
		if (err)
			return err;
	}
	return engine_load(engine, config->cpu_load);
}

static void destroy_work(struct work_struct *work)
{
	struct device_state *state = container_of(work, struct device_state, destroy);

	/* This frees @state, and with it the running work item. */
	platform_device_unregister(state->pdev);
}

static int probe(struct platform_device *pdev, const struct dmaloop_config *config)
{
	u64 mask = DMA_BIT_MASK(config->dma_bits);
	struct device_state *state = kzalloc(sizeof(*state), GFP_KERNEL);
	struct engine *engine;
	int err;

	if (!state)
		return -ENOMEM;
	engine = &state->engine;
	state->pdev = pdev;
	refcount_set(&state->users, 1);
	INIT_WORK(&state->destroy, destroy_work);
	err = mapping_space_init(&engine->space, &pdev->dev, config->coherency, &config->caches,
				 config->iommu, mask);
	if (err)
		goto out_free;
	platform_set_drvdata(pdev, state);
	err = dmaloop_dma_install(&pdev->dev, &engine->space, mask);
	if (err)
		goto out_space;
	err = engine_init(engine, &pdev->dev, config->channels, config->cpu_load);
	if (err)
		goto out_uninstall;
	err = dmaloop_device_tune(engine, config);
	if (err)
		goto out_engine;
	err = clients[config->client].attach ? clients[config->client].attach(&pdev->dev, config) :
					       0;
	if (err)
		goto out_engine;
	engine->client = config->client;
	return 0;

out_engine:
	engine_destroy(engine);
out_uninstall:
	dmaloop_dma_uninstall(&pdev->dev);
out_space:
	mapping_space_destroy(&engine->space);
out_free:
	kfree(state);
	return err;
}

static int dmaloop_probe(struct platform_device *pdev)
{
	const struct device_platdata *data = dev_get_platdata(&pdev->dev);

	int err = probe(pdev, &data->config);

	if (data->error)
		*data->error = err;
	return err;
}

static void dmaloop_remove(struct platform_device *pdev)
{
	struct device_state *state = platform_get_drvdata(pdev);
	struct engine *engine = &state->engine;

	if (clients[engine->client].detach)
		clients[engine->client].detach(&pdev->dev);
	engine_destroy(engine);
	dmaloop_dma_uninstall(&pdev->dev);
	if (engine->space.live)
		dev_warn(&pdev->dev, "%u mappings were never unmapped\n", engine->space.live);
	mapping_space_destroy(&engine->space);
	kfree(state);
}

static struct platform_driver dmaloop_driver = {
	.driver = {
		.name = "dmaloop",
		/* The configuration creates and destroys devices; nobody may unbind one by hand. */
		.suppress_bind_attrs = true,
		/* dmaloop_device_create() needs the result of the probe. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
	.probe = dmaloop_probe,
	.remove_new = dmaloop_remove,
};

/**
 * dmaloop_driver_register - register the platform driver, at module load
 *
 * Return: 0 or a negative errno.
 */
int dmaloop_driver_register(void)
{
	int err;

	dmaloop_queue = alloc_workqueue("dmaloop", WQ_UNBOUND, 0);
	if (!dmaloop_queue)
		return -ENOMEM;
	err = platform_driver_register(&dmaloop_driver);
	if (err)
		destroy_workqueue(dmaloop_queue);
	return err;
}

/**
 * dmaloop_driver_unregister - undo dmaloop_driver_register()
 */
void dmaloop_driver_unregister(void)
{
	/* Finish the work of requests, and of devices whose last client left just now. */
	destroy_workqueue(dmaloop_queue);
	platform_driver_unregister(&dmaloop_driver);
}

/**
 * dmaloop_device_create - create one engine device
 * @config: the configuration, which is copied
 *
 * Context: may sleep.
 * Return: the device with its driver bound, or an ERR_PTR(). With -EOPNOTSUPP this kernel does not
 * support the mode, and the log has the reason.
 */
struct platform_device *dmaloop_device_create(const struct dmaloop_config *config)
{
	struct device_platdata data = { .config = *config }, *kept;
	struct platform_device *pdev;
	/* Stays if no driver matched, which can only happen during module unload. */
	int error = -ENODEV;

	if (!config->caches.arch || !cache_line_size_valid(config->caches.line_size) ||
	    config->dma_bits < 24 || config->dma_bits > 64 ||
	    (unsigned int)config->client >= NR_CLIENTS || !config->memory ||
	    config->memory > DMALOOP_MEMORY_MAX)
		return ERR_PTR(-EINVAL);

	/* The only probe runs inside this call, while @error exists. */
	data.error = &error;
	pdev = platform_device_register_data(NULL, "dmaloop", atomic_fetch_inc(&next_id) & INT_MAX,
					     &data, sizeof(data));
	if (IS_ERR(pdev))
		return pdev;
	kept = dev_get_platdata(&pdev->dev);
	kept->error = NULL;
	if (!error)
		return pdev;
	platform_device_unregister(pdev);
	return ERR_PTR(error);
}

/**
 * dmaloop_device_destroy - undo dmaloop_device_create()
 * @pdev: the device
 *
 * A device that a client still has open lives on, refuses new clients, and goes with the last one.
 *
 * Context: may sleep.
 */
void dmaloop_device_destroy(struct platform_device *pdev)
{
	struct device_state *state = platform_get_drvdata(pdev);

	WRITE_ONCE(state->orphan, true);
	/* Nobody can change the load any more, and no transfer may wait for the modelled CPU. */
	engine_load(&state->engine, 0);
	/* Do not touch @state after this: the last client may free it. */
	if (refcount_dec_and_test(&state->users))
		platform_device_unregister(pdev);
}

/**
 * dmaloop_device_destroy_idle - destroy a device, unless a client has it open
 * @pdev: the device
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY if the device is in use; it then stays as it is.
 */
int dmaloop_device_destroy_idle(struct platform_device *pdev)
{
	struct device_state *state = platform_get_drvdata(pdev);

	if (!refcount_dec_if_one(&state->users))
		return -EBUSY;
	platform_device_unregister(pdev);
	return 0;
}

/**
 * dmaloop_device_use - open the device for a client
 * @dev: the device
 *
 * Context: process.
 * Return: false if the device is about to be destroyed.
 */
bool dmaloop_device_use(struct device *dev)
{
	struct device_state *state = dev_get_drvdata(dev);

	return !READ_ONCE(state->orphan) && refcount_inc_not_zero(&state->users);
}

/**
 * dmaloop_device_unuse - undo dmaloop_device_use()
 * @dev: the device
 *
 * Context: process.
 */
void dmaloop_device_unuse(struct device *dev)
{
	struct device_state *state = dev_get_drvdata(dev);

	/* The last reference: before dmaloop_device_destroy() the configuration holds one too. */
	if (refcount_dec_and_test(&state->users))
		queue_work(dmaloop_queue, &state->destroy);
}

/**
 * dmaloop_device_engine - get the engine of a device
 * @pdev: the device
 *
 * Return: the engine, which is valid for as long as the device exists.
 */
struct engine *dmaloop_device_engine(struct platform_device *pdev)
{
	struct device_state *state = platform_get_drvdata(pdev);

	return &state->engine;
}
