// SPDX-License-Identifier: GPL-2.0
/* The words of all reports, whatever their format. */
#include <ctype.h>
#include <string.h>

#include "output/report.h"

const struct check_info check_infos[NR_CHECKS] = {
#define CHECK_INFO(id, name, level, headline, elsewhere, fix) \
	[CHECK_##id] = { name, LEVEL_##level, headline, elsewhere, fix },
	CHECKS(CHECK_INFO)
#undef CHECK_INFO
};

const char *const level_names[NR_LEVELS] = {
	[LEVEL_NOTE] = "note",
	[LEVEL_HAZARD] = "hazard",
	[LEVEL_VIOLATION] = "violation",
	[LEVEL_CORRUPTION] = "corruption",
};

const char *const dir_names[] = { "BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE" };

/**
 * clean_text - make a text safe to print
 * @text: text of the kernel, a task or a file; its last byte is set to 0
 * @size: size of @text, bytes
 *
 * Control characters and non-ASCII characters become question marks.
 */
void clean_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if (!isascii(*text) || !isprint(*text))
			*text = '?';
}

/**
 * driver_format - format a driver's name as `virtio-pci/virtio_net'
 * @driver: driver of the device; empty: none
 * @function_driver: see struct device_state
 * @text: buffer for the name
 * @size: size of the buffer, bytes
 */
void driver_format(const char *driver, const char *function_driver, char *text, size_t size)
{
	snprintf(text, size, "%.*s%s%.*s", NAME_SIZE, driver[0] ? driver : "none",
		 function_driver[0] ? "/" : "", NAME_SIZE, function_driver);
}

/* For each family of functions, one that maps memory, and one that unmaps it. */
static const struct {
	const char *map;
	const char *unmap;
} kind_calls[NR_KINDS] = {
	[KIND_SINGLE] = { "dma_map_single", "dma_unmap_single" },
	[KIND_SG] = { "dma_map_sg", "dma_unmap_sg" },
	[KIND_RESOURCE] = { "dma_map_resource", "dma_unmap_resource" },
	[KIND_COHERENT] = { "dma_alloc_coherent", "dma_free_coherent" },
	[KIND_PAGES] = { "dma_alloc_pages", "dma_free_pages" },
	[KIND_IOVA] = { "dma_iova_link", "dma_iova_unlink" },
	[KIND_TABLE] = { "dma_alloc_noncontiguous", "dma_free_noncontiguous" },
};

static const char *const detail_names[NR_DETAILS] = {
	[DETAIL_STACK] = "the task's own stack",
	[DETAIL_TEXT] = "the kernel's code or read-only data",
	[DETAIL_DATA] = "the kernel's static data",
	[DETAIL_FREE] = "a page that is free",
	[DETAIL_RAM] = "RAM, given to dma_map_resource()",
	[DETAIL_OTHER_DEVICE] = "wrong device: another one of its family has mapped it",
	[DETAIL_CPU_ADDRESS] = "freed with another CPU address than was allocated",
	[DETAIL_TOO_LONG] = "longer than the device states (dma_set_max_seg_size())",
	[DETAIL_BOUNDARY] = "crosses the boundary the device states (dma_set_seg_boundary())",
	[DETAIL_NET] = "passed to the network stack",
	[DETAIL_BLOCK] = "passed to the block layer",
	[DETAIL_USB] = "passed to the URB's owner",
	[DETAIL_SPI] = "passed to the SPI message's owner",
	[DETAIL_I2C] = "passed to the I2C message's owner",
	[DETAIL_NOT_HANDED_BACK] =
		"the CPU owned it then, and takes it again; no sync for the device is between",
};

/**
 * finding_detail - return the details that the check does not tell
 * @finding: the finding
 *
 * Return: some words; NULL: there are no details.
 */
const char *finding_detail(const struct finding *finding)
{
	return detail_names[finding->detail];
}

/**
 * finding_mapped_by - return the function that made the mapping
 * @finding: the finding
 *
 * Return: name of the function, or of another one of its family; NULL: there is no mapping.
 */
const char *finding_mapped_by(const struct finding *finding)
{
	return finding->has_map ? kind_calls[finding->map.kind].map : NULL;
}

/**
 * finding_call - return the call that broke the rule
 * @finding: the finding
 *
 * Return: name of the function, or of another one of its family; NULL: it is not of the DMA API.
 */
const char *finding_call(const struct finding *finding)
{
	switch (finding->op) {
	case OP_MAP:
	case OP_ALLOC:
		return kind_calls[finding->kind].map;
	case OP_UNMAP:
	case OP_FREE:
		return kind_calls[finding->kind].unmap;
	case OP_SYNC_FOR_CPU:
		return finding->kind == KIND_SG ? "dma_sync_sg_for_cpu" : "dma_sync_single_for_cpu";
	case OP_SYNC_FOR_DEVICE:
		return finding->kind == KIND_SG ? "dma_sync_sg_for_device" :
						  "dma_sync_single_for_device";
	default:
		return NULL;
	}
}

/**
 * finding_beside - find locks and reference counts on the cache lines of a buffer
 * @finding: the finding
 * @context: the settings of the report, with the function that finds them
 * @beside: out; the locks and reference counts
 *
 * Return: true if there are any.
 */
bool finding_beside(const struct finding *finding, const struct report_context *context,
		    struct beside *beside)
{
	return (finding->check == CHECK_LINE_SHARED_OBJECT ||
		finding->check == CHECK_LINE_NEIGHBOUR_WRITE) &&
	       context->beside && context->beside(finding, context->line_size, beside);
}

/**
 * finding_headline - return the mistake, in one line
 * @finding: the finding
 */
const char *finding_headline(const struct finding *finding)
{
	if (finding->live)
		return "a call site maps more and more that is not unmapped";
	if (finding->detail == DETAIL_NOT_HANDED_BACK)
		return "CPU wrote a buffer, and did not hand it back to the device";
	return check_infos[finding->check].headline;
}
