// SPDX-License-Identifier: GPL-2.0
/*
 * Is a received buffer the CPU's when a USB driver gets its URB back? The host controller is never
 * registered; one device is behind it, and one bulk transfer comes from that device.
 */
#include <linux/usb.h>
#include <linux/usb/hcd.h>

#include "bench.h"

struct bus {
	struct usb_hcd *hcd;
	struct usb_device *hub;
	struct usb_device *stick;
};

static void transfer_complete(struct urb *urb)
{
}

/* A controller with its own way to unmap, which forgets to do it. */
static void unmap_nothing(struct usb_hcd *hcd, struct urb *urb)
{
}

static const struct hc_driver forgetful_controller = {
	.description = "dmabench",
	.flags = HCD_DMA | HCD_USB2,
	.unmap_urb_for_dma = unmap_nothing,
};

static const struct hc_driver controller = {
	.description = "dmabench",
	.flags = HCD_DMA | HCD_USB2,
};

static void bus_put(struct bus *bus)
{
	kfree(bus->stick);
	kfree(bus->hub);
	usb_put_hcd(bus->hcd);
}

static int bus_get(struct device *dev, struct bus *bus, const struct hc_driver *driver)
{
	bus->hcd = usb_create_hcd(driver, dev, "dmabench");
	bus->hub = kzalloc(sizeof(*bus->hub), GFP_KERNEL);
	bus->stick = kzalloc(sizeof(*bus->stick), GFP_KERNEL);
	if (!bus->hcd || !bus->hub || !bus->stick) {
		bus_put(bus);
		return -ENOMEM;
	}
	bus->stick->bus = &bus->hcd->self;
	bus->stick->parent = bus->hub;
	bus->stick->ep0.desc.bmAttributes = USB_ENDPOINT_XFER_BULK;
	return 0;
}

static int read_over_usb(struct device *dev, const struct hc_driver *driver)
{
	struct bus bus;
	struct urb *urb;
	void *to;
	int err;

	if (!IS_REACHABLE(CONFIG_USB))
		return -EOPNOTSUPP;
	err = bus_get(dev, &bus, driver);
	if (err)
		return err;
	to = kzalloc(SIZE, GFP_KERNEL);
	urb = usb_alloc_urb(0, GFP_KERNEL);
	if (!to || !urb) {
		err = -ENOMEM;
		goto out_free;
	}
	usb_fill_bulk_urb(urb, bus.stick, usb_rcvbulkpipe(bus.stick, 0), to, SIZE,
			  transfer_complete, NULL);
	urb->ep = &bus.stick->ep0;
	urb->transfer_flags = URB_DIR_IN;
	err = usb_hcd_map_urb_for_dma(bus.hcd, urb, GFP_KERNEL);
	if (err)
		goto out_free;
	/* The state that usb_submit_urb() leaves, and the controller once the data is there. */
	usb_get_urb(urb);
	atomic_inc(&urb->use_count);
	urb->hcpriv = bus.hcd;
	urb->actual_length = SIZE;
	usb_hcd_giveback_urb(bus.hcd, urb, 0);
	/* The driver has its buffer. The faulty controller unmaps only now. */
	usb_hcd_unmap_urb_for_dma(bus.hcd, urb);
out_free:
	usb_free_urb(urb);
	kfree(to);
	bus_put(&bus);
	return err;
}

static int usb_read_mapped(struct device *dev)
{
	return read_over_usb(dev, &forgetful_controller);
}

static int usb_read_unmapped(struct device *dev)
{
	return read_over_usb(dev, &controller);
}

const struct bench_case usb_cases[] = { { "usb-read-mapped", usb_read_mapped, .syncs = true },
					{ "usb-read-unmapped", usb_read_unmapped, .syncs = true },
					{} };
