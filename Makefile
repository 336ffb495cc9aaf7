# SPDX-License-Identifier: GPL-2.0-only
# The one Makefile a user calls. Each component has its own, and builds into build/<component>/;
# this one knows their order and what is done with the results. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := all
BUILD   := build
DESTDIR ?=
PREFIX  ?= /usr/local
export PYTHONDONTWRITEBYTECODE := 1

# In the order in which they need each other; what is not there yet is left out.
COMPONENTS := hypervisor \
    $(addprefix dom0-tools/,libxenstore libdaemon xenstored xenstore-clients libctl libstore libnet \
        builder liblodge cli consoled monitor libworker backends nbd blkback netback) \
    tests/guests
PRESENT := $(patsubst %/Makefile,%,$(wildcard $(addsuffix /Makefile,$(COMPONENTS))))
HYPERVISOR := $(filter hypervisor,$(PRESENT))

# The targets below follow each other in the order in which they are written; the components'
# own Makefiles use -j.
.NOTPARALLEL:
.PHONY: all build deps deps-build kernel image guest-image xen demo run check lint bench soak kernels guest-kernel guest-kernel-each guest-kernel-debian fuzz install uninstall clean distclean read help

all: deps build image

deps:
	@./build-deps.sh build-deps.txt

# What a machine needs that only builds and installs: no QEMU, no clang.
deps-build:
	@./build-deps.sh build-deps.txt build

build: deps-build
	@failed=; for part in $(PRESENT); do \
	    $(MAKE) --no-print-directory -C $$part || failed="$$failed $$part"; done; \
	if [ -n "$$failed" ]; then echo "make: did not build:$$failed"; exit 1; fi

# Debian's newest generic kernel, as vmlinuz and, once our tool for it is built, as ELF.
kernel: deps
	@python3 dom0-tools/image/fetch.py --cache $(BUILD)/cache --out $(BUILD)/kernel \
	    --extract $(BUILD)/builder/extract-kernel

# The initramfs archives of dom0 and of the demo's guest.
image: kernel
	@python3 dom0-tools/image/mkimage.py --kernel $(BUILD)/kernel --root . --out $(BUILD)/image

# The disk of a Debian guest, made once from Debian's packages and kept in build/cache.
guest-image: kernel
	@python3 dom0-tools/image/guest_image.py --kernel $(BUILD)/kernel --cache $(BUILD)/cache \
	    --out $(BUILD)/image/debian.ext4

# Debian's Xen beside it, unpacked under build/ and not installed, for tests that compare.
xen: image
	@python3 dom0-tools/image/fetch.py --cache $(BUILD)/cache --xen $(BUILD)/xen
	@python3 dom0-tools/image/mkimage.py --xen $(BUILD)/xen --out $(BUILD)/image

ifneq ($(HYPERVISOR),)
demo: all guest-image
	@python3 tests/boot/demo.py

run: all
	@python3 tests/boot/demo.py --shell
else
demo run:
	@echo "make $@: hypervisor/ is not there yet, so there is nothing to show"; exit 1
endif

check: $(if $(LIST),,deps)
	@python3 tests/check.py --make "$(MAKE)" --components "$(PRESENT)" $(if $(ONLY),--only "$(ONLY)") \
	    $(if $(LIST),--list)

lint: deps
	@python3 tests/lint/lint.py $(if $(DEEP),--deep)

# Long runs, for a night: guests created and destroyed over and over, and every fuzzer.
soak: all fuzz guest-image
	@./build-deps.sh build-deps.txt test soak
	@tests/boot/run.py --debian 1 --smp 2 --options dom0_mem=900M --limit 1200 --name block-fio \
	    --script tests/soak/block-fio.sh
	@python3 tests/soak/soak.py lives
	@tests/boot/run.py --guest --smp 2 --options dom0_mem=1400M --set REGIONS=64 \
	    --limit 3600 --name soak-block --script tests/boot/cases/block-restart.sh
	@python3 tests/soak/soak.py load
	@python3 tests/soak/kernel.py

# Debian's kernel source with our patches (guest-patches/README.md), configured small: to
# build/guest-kernel; from build/cache where nothing that it is made of has changed.
guest-kernel: deps
	@guest-patches/build.py --build $(BUILD)

# The same built and booted after every single patch, each patch checked by the kernel's own tool.
guest-kernel-each: all
	@python3 tests/boot/kernel_each.py

# The patches on Debian's own configuration, as a .deb: takes hours.
guest-kernel-debian: kernel
	@./build-deps.sh build-deps.txt test debian-kernel
	@guest-patches/build.py --build $(BUILD) --debian

# Debian's kernels of other releases and flavours as dom0 and as guests; each is fetched first.
kernels: all
	@python3 tests/boot/kernels.py

fuzz: deps
	@set -e; for part in $(wildcard tests/fuzz/*/Makefile); do \
	    $(MAKE) --no-print-directory -C $$(dirname $$part) fuzz; done

bench: all xen
	@python3 tests/bench/bench.py

# Onto this machine, beside Linux in GRUB's menu; or below DESTDIR, for a package. Everything is put
# together in build/stage first, so that there is a list of it, by which it can be taken away.
STAGE := $(abspath $(BUILD)/stage)
SETUP := dom0-tools/grub/install.sh
# The tests' guests are not part of it.
install: PRESENT := $(filter-out tests/%,$(PRESENT))
install: build
	@rm -rf $(STAGE)
	@set -e; for part in $(PRESENT) dom0-tools/grub; do \
	    if grep -q '^install:' $$part/Makefile; then \
	        $(MAKE) --no-print-directory -s -C $$part install DESTDIR=$(STAGE) PREFIX="$(PREFIX)"; \
	    fi; done
	@$(SETUP) install $(STAGE) "$(PREFIX)" "$(DESTDIR)"

uninstall:
	@$(SETUP) uninstall "$(PREFIX)" "$(DESTDIR)"

# The order in which the code makes sense, as the README gives it.
read:
	@sed -n '/^## Reading order/,/^## /p' README.md | sed '$$d'

clean:
	rm -rf $(filter-out $(BUILD)/cache,$(wildcard $(BUILD)/*))

distclean:
	rm -rf $(BUILD)

help:
	@echo "make             build everything (missing Debian packages are installed, and named)"
	@echo "make demo        boot Lodge and dom0 in QEMU, and show a guest's life there"
	@echo "make run         the same machine, with a shell for you"
	@echo "make check       all tests; ONLY=\"word word\": those with such a word in their name; LIST=1: names"
	@echo "make lint        licence lines, layout, sizes, includes, clang-tidy"
	@echo "make bench       instructions per operation, beside Debian's Xen and the bare machine"
	@echo "make fuzz soak   long runs: every fuzzer; guests made and unmade over and over"
	@echo "make kernels     Debian's other kernels (5.10 to 6.12, cloud) as dom0 and as guests"
	@echo "make guest-kernel  Debian's kernel source with guest-patches/, small, as dom0 and as guests"
	@echo "make guest-kernel-each    the same after every single patch, built, checked and booted"
	@echo "make guest-kernel-debian  the patches on Debian's configuration, as a .deb (hours)"
	@echo "make install     beside Linux in this machine's GRUB menu (DESTDIR=, PREFIX=/usr/local)"
	@echo "make uninstall   takes away what make install put there (DESTDIR=, PREFIX= as then)"
	@echo "make read        the order in which to read the code"
	@echo "make deps        only install the packages that build-deps.txt lists (deps-build: to build)"
	@echo "make kernel      only fetch and unpack Debian's newest kernel"
	@echo "make image       only make the initramfs images"
	@echo "make guest-image only make the Debian guest's disk"
	@echo "make clean       remove what was built, keep downloads (make distclean: those too)"
