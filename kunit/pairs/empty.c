// SPDX-License-Identifier: GPL-2.0
/*
 * Attach the programs of empty.bpf.o whose hooks the running kernel has, and wait to be killed.
 * With "two", attach two programs to each hook.
 *
 * usage: empty OBJECT [two]
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

static bool has(const struct btf *btf, const char *format, const char *name, __u32 kind)
{
	char text[96];

	snprintf(text, sizeof(text), format, name);
	return btf__find_by_name_kind(btf, text, kind) > 0;
}

int main(int argc, char **argv)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_object *object = argc > 1 ? bpf_object__open_file(argv[1], NULL) : NULL;
	bool two = argc > 2 && !strcmp(argv[2], "two"), tracepoints;
	struct bpf_program *program;
	int nr = 0;

	if (!btf || !object)
		return 2;
	tracepoints = has(btf, "btf_trace_%s", "dma_map_page", BTF_KIND_TYPEDEF) ||
		      has(btf, "btf_trace_%s", "dma_map_phys", BTF_KIND_TYPEDEF);
	bpf_object__for_each_program(program, object) {
		const char *section = bpf_program__section_name(program);
		const char *name = bpf_program__name(program);
		const char *target = strchr(section, '/') + 1;
		bool function = section[0] == 'f', wanted;

		wanted = function ? has(btf, "%s", target, BTF_KIND_FUNC) :
				    has(btf, "btf_trace_%s", target, BTF_KIND_TYPEDEF);
		if (function && tracepoints && !strstr(name, "alloc") && !strstr(name, "free"))
			wanted = false;
		if (!two && strstr(name, "_second"))
			wanted = false;
		bpf_program__set_autoload(program, wanted);
	}
	if (bpf_object__load(object))
		return 2;
	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program))
			continue;
		if (!bpf_program__attach(program))
			return 2;
		nr++;
	}
	printf("%d programs attached\n", nr);
	fflush(stdout);
	pause();
	return 0;
}
