/* SPDX-License-Identifier: GPL-2.0 */
/* `dmasnoop devices': how each device does DMA on this machine. */
#ifndef DMASNOOP_DEVICES_H
#define DMASNOOP_DEVICES_H

int list_devices(void);

#endif
