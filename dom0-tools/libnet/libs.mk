# SPDX-License-Identifier: GPL-2.0-only
# What a program that links libnet.a links behind it.
LIBNET_LIBS := -l:libnl-route-3.a -l:libnl-3.a -lnftables -lm -lpthread
