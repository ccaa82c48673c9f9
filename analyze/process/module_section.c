/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_section.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/inflate.h"

/* deflate's blocks of one symbol are the densest: 1032 bytes in one. Zstandard's may be denser,
 * real sections never are. */
#define RATIO_MAX 2048
#define BYTES_MAX ((uint64_t)1 << 32)

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

static bool is_sane(uint64_t packed, uint64_t size)
{
	return size && size <= BYTES_MAX && size / RATIO_MAX <= packed;
}

static bool read_zstd(const Elf_Data *data, size_t header, uint64_t size,
		      struct module_section *ret)
{
	ret->owned = malloc(size);
	if (!ret->owned)
		return false;
	if (ruchy_inflate_zstd((const uint8_t *)data->d_buf + header, data->d_size - header,
			       ret->owned, size)) {
		free(ret->owned);
		ret->owned = NULL;
		return false;
	}
	ret->bytes = ret->owned;
	ret->size = size;
	return true;
}

/* ".zdebug_…": "ZLIB" and the size, big-endian. */
static bool inflate_gnu(Elf_Scn *section, const Elf_Data *data)
{
	const uint8_t *p = data->d_buf;
	uint64_t size = 0;

	if (data->d_size < 12 || memcmp(p, "ZLIB", 4))
		return false;
	for (size_t i = 4; i < 12; i++)
		size = size << 8 | p[i];
	return is_sane(data->d_size, size) && elf_compress_gnu(section, 0, 0) >= 0;
}

bool module_section_read(Elf_Scn *section, const char *name, struct module_section *ret)
{
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Chdr ch;

	*ret = (struct module_section){ 0 };
	if (!gelf_getshdr(section, &sh) || sh.sh_type == SHT_NOBITS)
		return false;
	data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf)
		return false;
	if (sh.sh_flags & SHF_COMPRESSED) {
		if (!gelf_getchdr(section, &ch) || !is_sane(data->d_size, ch.ch_size))
			return false;
		if (ch.ch_type == ELFCOMPRESS_ZSTD)
			return data->d_size > sizeof(Elf64_Chdr) &&
			       read_zstd(data, sizeof(Elf64_Chdr), ch.ch_size, ret);
		if (elf_compress(section, 0, 0) < 0)
			return false;
	} else if (!strncmp(name, ".zdebug_", 8) && !inflate_gnu(section, data)) {
		return false;
	}
	data = elf_getdata(section, NULL);
	if (!data || !data->d_buf)
		return false;
	ret->bytes = data->d_buf;
	ret->size = data->d_size;
	return true;
}
