# SPDX-License-Identifier: GPL-2.0-only
# What the Makefiles of programs and libraries below dom0-tools/ share. Each sets
# COMPONENT, its folder below build/, and includes this; then come its own objects and targets:
# `all` (the default) and `install`. A static library, which is linked into the programs and has
# nothing to put beside them, says LIBRARY := yes before, and has no more to say.

TOP      := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
OUT      := $(TOP)/build/$(COMPONENT)
PREFIX   ?= /usr
CFLAGS   ?= -O2 -g
WARN     := -std=gnu17 -Wall -Wextra -Werror
CPPFLAGS += -D_GNU_SOURCE -I$(TOP)/include -MMD -MP

.DEFAULT_GOAL := all
.PHONY: all clean install

$(OUT)/%.o: %.c
	@mkdir -p $(OUT)
	$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

# A library of another component.
$(TOP)/build/%.a:
	@echo "$@ is missing: run make at the top, which builds the components in their order" && false

ifdef LIBRARY
$(OUT)/$(COMPONENT).a: $(patsubst %.c,$(OUT)/%.o,$(wildcard *.c))
	rm -f $@
	$(AR) rcs $@ $^

all: $(OUT)/$(COMPONENT).a
install: all
endif

clean:
	rm -rf $(OUT)

-include $(wildcard $(OUT)/*.d)
