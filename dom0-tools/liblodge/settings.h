// SPDX-License-Identifier: GPL-2.0-only
/*
 * settings.h: what a config tells the hypervisor.
 */
#ifndef LODGE_SETTINGS_H
#define LODGE_SETTINGS_H

#include "domcfg.h"
#include "session.h"

struct builder_config;
/* What the domain is made with. It points into the config. */
void lodge_settings_for_builder(const struct domcfg *dc, struct builder_config *bc);
/* Refuses what this machine's hypervisor would refuse of a config that is as it should be. */
int lodge_settings_check(struct lodge_session *l, const struct domcfg *dc);
/* What is set once there is a domain: affinity, shares, clocks. */
int lodge_settings_apply(struct lodge_session *l, const struct domcfg *dc, uint16_t domid);

#endif
