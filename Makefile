# SPDX-License-Identifier: MIT
# The front door. The work is done by cmake (CMakePresets.json) and scripts/.
#
#   make            build/wye, build/libwye.so, build/libwye.a (release)
#   make run        the same, then `wye --demo`
#   make test       all tests of the release build
#   make asan tsan  the tests under the sanitizers, long loads cut to a twentieth
#   make check      clang-format, clang-tidy, cppcheck
#   make bench      the benches
#   make install    PREFIX=/usr/local DESTDIR=

PREFIX ?= /usr/local

.PHONY: all run test asan tsan check format bench install clean
.DEFAULT_GOAL := all

all:
	@scripts/deps run
	@scripts/build release

run: all
	@exec build/wye --demo

test:
	@scripts/test release

asan tsan:
	@WYE_SCALE=$${WYE_SCALE:-20} scripts/test $@

check:
	@scripts/deps run check
	@scripts/check

format:
	@scripts/deps check
	@git ls-files '*.c' '*.h' | xargs clang-format -i

bench: all
	@scripts/deps bench
	@bench/run

install: all
	@DESTDIR='$(DESTDIR)' cmake --install build --prefix '$(PREFIX)'

clean:
	@rm -rf build build-*
