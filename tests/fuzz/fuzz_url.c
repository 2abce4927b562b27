/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target (libFuzzer, so clang): any bytes up to the first 0, as a URL; what must hold is in
 * url_oracle.h.
 *
 *     clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -Iinclude \
 *         tests/fuzz/fuzz_url.c src/base/[a-z]*.c -o fuzz_url
 */
#include "url_oracle.h"

#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text; /* of its own size, so that the sanitizer sees one byte too far */

	if (size > TEXT_MAX)
		return 0;
	text = wyi_zalloc(size + 1);
	wyi_assert(text);
	if (size > 0)
		memcpy(text, data, size);
	url_holds(text);
	wyi_free(text);
	return 0;
}
