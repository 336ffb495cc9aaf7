# SPDX-License-Identifier: GPL-2.0-only
# The one Makefile a user calls. Each component has its own, and builds into build/<component>/;
# this one knows their order and what is done with the results. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := all
BUILD   := build
DESTDIR ?=
PREFIX  ?= /usr
export PYTHONDONTWRITEBYTECODE := 1

# In the order in which they need each other; what is not there yet is left out.
COMPONENTS := hypervisor \
    $(addprefix dom0-tools/,libxenstore xenstored xenstore-clients libctl builder cli consoled monitor) \
    tests/guests
PRESENT := $(patsubst %/Makefile,%,$(wildcard $(addsuffix /Makefile,$(COMPONENTS))))
HYPERVISOR := $(filter hypervisor,$(PRESENT))

# The targets below follow each other in the order in which they are written; the components'
# own Makefiles use -j.
.NOTPARALLEL:
.PHONY: all build deps kernel image xen demo run check lint bench soak fuzz install clean distclean read help

all: deps build image

deps:
	@./build-deps.sh build-deps.txt

build: deps
	@set -e; for part in $(PRESENT); do $(MAKE) --no-print-directory -C $$part; done

# Debian's newest generic kernel, as vmlinuz and, once our tool for it is built, as ELF.
kernel: deps
	@python3 dom0-tools/image/fetch.py --cache $(BUILD)/cache --out $(BUILD)/kernel \
	    --extract $(BUILD)/builder/extract-kernel

# The initramfs archives of dom0 and of the demo's guest.
image: kernel
	@python3 dom0-tools/image/mkimage.py --kernel $(BUILD)/kernel --root . --out $(BUILD)/image

# Debian's Xen beside it, unpacked under build/ and not installed, for tests that compare.
xen: image
	@python3 dom0-tools/image/fetch.py --cache $(BUILD)/cache --xen $(BUILD)/xen
	@python3 dom0-tools/image/mkimage.py --xen $(BUILD)/xen --out $(BUILD)/image

ifneq ($(HYPERVISOR),)
demo: all
	@python3 tests/boot/demo.py

run: all
	@python3 tests/boot/demo.py --shell
else
demo run:
	@echo "make $@: hypervisor/ is not there yet, so there is nothing to show"; exit 1
endif

check: deps
	@python3 tests/boot/check.py --make "$(MAKE)" --components "$(PRESENT)" $(if $(ONLY),--only "$(ONLY)")

lint: deps
	@python3 tests/lint/lint.py

clean:
	rm -rf $(filter-out $(BUILD)/cache,$(wildcard $(BUILD)/*))

distclean:
	rm -rf $(BUILD)

help:
	@echo "make             build everything (missing Debian packages are installed, and named)"
	@echo "make check       all tests; ONLY=word runs those whose name has the word in it"
	@echo "make lint        layout, sizes, includes, clang-tidy"
	@echo "make deps        only install the packages that build-deps.txt lists"
	@echo "make kernel      only fetch and unpack Debian's newest kernel"
	@echo "make image       only make the initramfs images"
	@echo "make clean       remove what was built, keep downloads (make distclean: those too)"
