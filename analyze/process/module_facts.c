/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_facts.h"

#include <gelf.h>
#include <string.h>

#include "analyze/process/module_dwarf.h"
#include "analyze/process/module_dwfl.h"

/* The section of that name that has content. */
static bool has_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(section, &sh) || sh.sh_type == SHT_NOBITS || !sh.sh_size)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && !strcmp(name, wanted))
			return true;
	}
	return false;
}

static const char *symbols_of(Elf *elf, Elf *debug)
{
	if (has_section(elf, ".symtab"))
		return ".symtab";
	if (has_section(debug, ".symtab"))
		return "debug file";
	if (has_section(elf, ".gnu_debugdata"))
		return ".gnu_debugdata";
	return has_section(elf, ".dynsym") ? ".dynsym" : NULL;
}

void module_facts(const struct module *m, struct module_facts *ret)
{
	const char *debug_path;
	Elf *elf, *debug;

	*ret = (struct module_facts){ .elf = m->kind == MODULE_FILE || m->kind == MODULE_VDSO };
	if (!m->elf)
		return;
	elf = module_elf_handle(m->elf);
	debug = module_dwarf_separate(module_elf_dwarf(m->elf), &debug_path);
	if (has_section(elf, ".eh_frame"))
		ret->unwind = ".eh_frame";
	else if (has_section(elf, ".debug_frame") || has_section(debug, ".debug_frame"))
		ret->unwind = ".debug_frame";
	ret->symbols = symbols_of(elf, debug);
	if (has_section(elf, ".debug_info") || has_section(elf, ".zdebug_info"))
		ret->debug_info = "in the file";
	else if (has_section(debug, ".debug_info"))
		ret->debug_info = debug_path;
}
