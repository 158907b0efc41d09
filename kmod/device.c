// SPDX-License-Identifier: GPL-2.0
/*
 * Engine devices are platform devices with a bound driver, as any hardware's
 * are: the DMA API, dmaengine and tracers all look at dev->driver.
 * Called by config.c (configfs) and KUnit.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"
#include "dma_ops.h"

/* Never reused, so that a name in a log means one device. */
static atomic_t next_id = ATOMIC_INIT(0);

const struct dmaloop_config dmaloop_config_default = {
	.coherency = COHERENCY_NONCOHERENT,
	.caches = {
		.arch = &handover_archs[1], /* arm64 */
		.line_size = 64,
		.evict = EVICT_NONE,
	},
	.dma_bits = 64,
};

/* Platform data: the configuration, and where the probe leaves its verdict. */
struct device_platdata {
	struct dmaloop_config config;
	int *error;
};

static int probe(struct platform_device *pdev, const struct dmaloop_config *config)
{
	u64 mask = DMA_BIT_MASK(config->dma_bits);
	struct engine *engine;
	int err;

	engine = kzalloc(sizeof(*engine), GFP_KERNEL);
	if (!engine)
		return -ENOMEM;
	err = mapping_space_init(&engine->space, &pdev->dev, config->coherency, &config->caches,
				 mask);
	if (err)
		goto out_free;
	platform_set_drvdata(pdev, engine);
	err = dmaloop_dma_install(&pdev->dev, &engine->space, mask);
	if (err)
		goto out_space;
	err = engine_init(engine, &pdev->dev);
	if (err)
		goto out_uninstall;
	return 0;

out_uninstall:
	dmaloop_dma_uninstall(&pdev->dev);
out_space:
	mapping_space_destroy(&engine->space);
out_free:
	kfree(engine);
	return err;
}

static int dmaloop_probe(struct platform_device *pdev)
{
	const struct device_platdata *data = dev_get_platdata(&pdev->dev);

	*data->error = probe(pdev, &data->config);
	return *data->error;
}

static void dmaloop_remove(struct platform_device *pdev)
{
	struct engine *engine = platform_get_drvdata(pdev);

	engine_destroy(engine);
	dmaloop_dma_uninstall(&pdev->dev);
	if (engine->space.live)
		dev_warn(&pdev->dev, "%u mappings were never unmapped\n", engine->space.live);
	mapping_space_destroy(&engine->space);
	kfree(engine);
}

static struct platform_driver dmaloop_driver = {
	.driver = {
		.name = "dmaloop",
		/* A device lives and dies with its configuration, not by hand. */
		.suppress_bind_attrs = true,
		/* dmaloop_device_create() waits for the probe's verdict. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
	.probe = dmaloop_probe,
	.remove_new = dmaloop_remove,
};

/**
 * dmaloop_driver_register - make the driver known, at module load
 *
 * Return: 0 or a negative errno.
 */
int dmaloop_driver_register(void)
{
	return platform_driver_register(&dmaloop_driver);
}

/**
 * dmaloop_driver_unregister - end dmaloop_driver_register()
 */
void dmaloop_driver_unregister(void)
{
	platform_driver_unregister(&dmaloop_driver);
}

/**
 * dmaloop_device_create - make one engine device
 * @config: how; copied
 *
 * Context: may sleep.
 * Return: the device with its driver bound, or an ERR_PTR() of what went wrong
 * (-EOPNOTSUPP: this kernel cannot do the mode; the reason is in the log).
 */
struct platform_device *dmaloop_device_create(const struct dmaloop_config *config)
{
	struct device_platdata data = { .config = *config };
	struct platform_device *pdev;
	/* Stays so when no driver matched, which only a module unload can do. */
	int error = -ENODEV;

	if (!config->caches.arch || !cache_line_size_valid(config->caches.line_size) ||
	    config->dma_bits < 24 || config->dma_bits > 64)
		return ERR_PTR(-EINVAL);

	/* The probe runs inside this call, while @error exists; there is no other. */
	data.error = &error;
	pdev = platform_device_register_data(NULL, "dmaloop", atomic_fetch_inc(&next_id) & INT_MAX,
					     &data, sizeof(data));
	if (IS_ERR(pdev) || !error)
		return pdev;
	platform_device_unregister(pdev);
	return ERR_PTR(error);
}

/**
 * dmaloop_device_destroy - end dmaloop_device_create()
 * @pdev: the device; no client uses it
 *
 * Context: may sleep.
 */
void dmaloop_device_destroy(struct platform_device *pdev)
{
	platform_device_unregister(pdev);
}

/**
 * dmaloop_device_engine - the registers of a device
 * @pdev: the device
 *
 * Return: its engine, for as long as the device exists.
 */
struct engine *dmaloop_device_engine(struct platform_device *pdev)
{
	return platform_get_drvdata(pdev);
}
