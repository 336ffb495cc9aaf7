// SPDX-License-Identifier: GPL-2.0-only
// lodge-net: the library by hand, for administrators, systemd units and tests: networks to be there
// before the first guest is, and an interface plugged without a guest.
#include "libnet.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: lodge-net nat [BRIDGE] [--address=10.77.0.1/24]   make a NAT network to stay\n"
    "       lodge-net bridge BRIDGE                           make a bridge\n"
    "       lodge-net remove BRIDGE                           take either away\n"
    "       lodge-net plug IFNAME [--mode=auto|bridge|nat|route] [--bridge=NAME] [--mac=MAC]\n"
    "                 [--ip=\"ADDRESS ...\"] [--gatewaydev=IFNAME] [--mtu=BYTES] [--no-filter]\n"
    "                 [--script=PATH] [--xenbus-path=PATH]\n"
    "       lodge-net unplug IFNAME\n"
    "Without BRIDGE, nat makes " NET_NAT_BRIDGE ". It prints the bridge and its address.\n";

static const struct option options[] = {
    {"address", required_argument, NULL, 'a'}, {"mode", required_argument, NULL, 'm'},
    {"bridge", required_argument, NULL, 'b'},  {"mac", required_argument, NULL, 'c'},
    {"ip", required_argument, NULL, 'i'},      {"gatewaydev", required_argument, NULL, 'g'},
    {"mtu", required_argument, NULL, 'u'},     {"no-filter", no_argument, NULL, 'n'},
    {"script", required_argument, NULL, 's'},  {"xenbus-path", required_argument, NULL, 'x'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static int refuse(const char *what)
{
    fprintf(stderr, "lodge-net: %s\n%s", what, usage);
    return 2;
}

static int parse(int argc, char **argv, struct net_plug *plug, const char **address)
{
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            *address = optarg;
            break;
        case 'm':
            if (net_mode_parse(optarg, &plug->mode)) {
                return refuse("--mode is one of auto, bridge, nat, route");
            }
            break;
        case 'b':
            plug->bridge = optarg;
            break;
        case 'c':
            plug->mac = optarg;
            break;
        case 'i':
            plug->ips = optarg;
            break;
        case 'g':
            plug->gatewaydev = optarg;
            break;
        case 'u':
            plug->mtu = (unsigned int)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            plug->filter = false;
            break;
        case 's':
            plug->script = optarg;
            break;
        case 'x':
            plug->xenbus_path = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            return refuse("see what it takes");
        }
    }
    return 0;
}

static bool is_command(const char *word)
{
    static const char *const commands[] = {"nat", "bridge", "remove", "plug", "unplug"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(word, commands[i]) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct net_plug plug = {.filter = true};
    struct net_plugged done;
    const char *address = NULL;
    char err[512] = "", made[64] = "";
    int rc = parse(argc, argv, &plug, &address);
    if (rc) {
        return rc;
    }
    const char *command = optind < argc ? argv[optind] : "";
    const char *name = optind + 1 < argc ? argv[optind + 1] : NULL;
    if (!is_command(command)) {
        return refuse(*command ? "there is no such command" : "a command is missing");
    }
    if (optind + 2 < argc) {
        return refuse("there is an argument too many");
    }
    if (strcmp(command, "nat") == 0) {
        rc = net_nat_create(name, address, made, sizeof(made), err, sizeof(err));
        if (rc == 0) {
            printf("%s %s\n", name ? name : NET_NAT_BRIDGE, made);
        }
    } else if (!name) {
        return refuse("a name is missing");
    } else if (strcmp(command, "bridge") == 0) {
        rc = net_bridge_create(name, err, sizeof(err));
    } else if (strcmp(command, "remove") == 0) {
        rc = net_bridge_remove(name, err, sizeof(err));
    } else if (strcmp(command, "plug") == 0) {
        plug.ifname = name;
        rc = net_plug(&plug, &done, err, sizeof(err));
        if (rc == 0) {
            printf("%s %s %s\n", name, net_mode_name(done.mode), done.bridge);
        }
    } else {
        rc = net_unplug(name, err, sizeof(err));
    }
    if (rc) {
        fprintf(stderr, "lodge-net: %s\n", err);
    }
    return rc ? 1 : 0;
}
