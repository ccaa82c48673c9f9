/* SPDX-License-Identifier: MIT */
#include "analyze/process/module_section.h"

#include <elf.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "ruchy/inflate.h"

/* deflate's blocks of one symbol are the densest: 1032 bytes in one. Zstandard's may be denser,
 * real sections never are. */
#define RATIO_MAX 2048
#define BYTES_MAX ((uint64_t)1 << 32)

#define GNU_HEADER_BYTES 12 /* "ZLIB" and the size, big-endian */

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/* What follows a header of `header` bytes is packed, and becomes `size` bytes. */
static bool set_packed(struct module_section *s, enum module_packing packing, size_t header,
		       uint64_t size)
{
	if (s->size <= header || !size || size > BYTES_MAX || size / RATIO_MAX > s->size)
		return false;
	s->bytes += header;
	s->size -= header;
	s->packing = packing;
	s->inflated_size = size;
	return true;
}

static bool set_gnu(struct module_section *s)
{
	uint64_t size = 0;

	if (s->size < GNU_HEADER_BYTES || memcmp(s->bytes, "ZLIB", 4))
		return false;
	for (size_t i = 4; i < GNU_HEADER_BYTES; i++)
		size = size << 8 | s->bytes[i];
	return set_packed(s, MODULE_ZLIB, GNU_HEADER_BYTES, size);
}

bool module_section_find(Elf_Scn *section, const char *name, struct module_section *ret)
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
	ret->bytes = data->d_buf;
	ret->size = data->d_size;
	if (!(sh.sh_flags & SHF_COMPRESSED))
		return strncmp(name, ".zdebug_", 8) || set_gnu(ret);
	if (!gelf_getchdr(section, &ch) ||
	    (ch.ch_type != ELFCOMPRESS_ZLIB && ch.ch_type != ELFCOMPRESS_ZSTD))
		return false;
	return set_packed(ret, ch.ch_type == ELFCOMPRESS_ZSTD ? MODULE_ZSTD : MODULE_ZLIB,
			  sizeof(Elf64_Chdr), ch.ch_size);
}

static bool inflate_zlib(const struct module_section *s, uint8_t *to)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	bool ok = d && libdeflate_zlib_decompress(d, s->bytes, s->size, to, s->inflated_size,
						  NULL) == LIBDEFLATE_SUCCESS;

	libdeflate_free_decompressor(d);
	return ok;
}

bool module_section_inflate(struct module_section *s)
{
	uint8_t *to;
	bool ok;

	if (s->packing == MODULE_PLAIN)
		return true;
	to = malloc(s->inflated_size);
	if (!to)
		return false;
	ok = s->packing == MODULE_ZSTD
		     ? !ruchy_inflate_zstd(s->bytes, s->size, to, s->inflated_size)
		     : inflate_zlib(s, to);
	if (!ok) {
		free(to);
		return false;
	}
	*s = (struct module_section){ .bytes = to, .size = s->inflated_size, .owned = to };
	return true;
}
