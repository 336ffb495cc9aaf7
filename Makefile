# SPDX-License-Identifier: GPL-2.0-only
# The one Makefile a user calls. Each component has its own; they are made in the order in which
# they depend on each other. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := all
BUILD := build
PY    := PYTHONDONTWRITEBYTECODE=1 python3

.PHONY: kernel image
# Debian's newest generic kernel, unpacked.
kernel: $(wildcard $(BUILD)/builder/extract-kernel)
	@$(PY) dom0-tools/image/fetch.py --cache $(BUILD)/cache --out $(BUILD)/kernel \
	    $(if $(wildcard $(BUILD)/builder/extract-kernel),--extract $(BUILD)/builder/extract-kernel)

# The initramfs archives of dom0 and of the demo's guest.
image: kernel
	@$(PY) dom0-tools/image/mkimage.py --kernel $(BUILD)/kernel --root . --out $(BUILD)/image
