// SPDX-License-Identifier: GPL-2.0-only
/*
 * liblodge.h: guests' lives, for programs: `lodge` and lodge-monitor are made of it.
 *
 * A program opens a session (session.h), reads a config into a struct domcfg (cfg.h, domcfg.h;
 * disk.h and vif.h for its devices, devclass.h for what these have in common), and makes a guest of
 * it (domain.h). Devices of living guests
 * are attached and detached by splitdev.h. What the library writes down to be right however it is
 * interrupted: configs of guests (saved.h), guests in the making (pending.h), and what is being
 * done to one that went down (intent.h). names.h and layout.h know where things are in xenstore.
 *
 * All that a program may use begins with lodge_. One thread; a session is not shared. A daemon that
 * needs no more than a session includes session.h alone, and links without the domain builder.
 */
#ifndef LODGE_LIBLODGE_H
#define LODGE_LIBLODGE_H

#include "cfg.h"
#include "devclass.h"
#include "disk.h"
#include "domain.h"
#include "domcfg.h"
#include "intent.h"
#include "layout.h"
#include "names.h"
#include "pending.h"
#include "saved.h"
#include "session.h"
#include "settings.h"
#include "size.h"
#include "splitdev.h"
#include "stats.h"
#include "vif.h"

#endif
