/*
 * SPDX-License-Identifier: Apache-2.0
 */

/*
 * Module for ipmi_sim of OpenIPMI that adds the commands of DCMI, Dell and
 * Active Energy Manager. The option of loadlib is a directory. The file
 * <netfn>-<command>-<request> in it contains the response to this request:
 * completion code and data, in hexadecimal like the file name. Without this
 * file, the command fails as invalid.
 */

#include <stdint.h>
#include <stdio.h>

#include <OpenIPMI/serv.h>
#include <OpenIPMI/mcserv.h>

#define GROUP_DCMI 0xdc
#define IANA_IBM 0x4f4d
#define IANA_LENOVO 0x4a66
#define NETFN_IANA 0x2e
#define NETFN_DELL 0x30

static const char *directory;

static void respond(lmc_data_t *mc, msg_t *msg, unsigned char *rdata,
                    unsigned int *rdata_len, void *cb_data)
{
    char path[4096];
    size_t end;
    unsigned int i, byte;
    FILE *file;

    (void) cb_data;
    end = snprintf(path, sizeof(path), "%s/%02x-%02x-", directory,
                   msg->netfn, msg->cmd);
    /* ipmi_sim removes the IANA enterprise number from the request. */
    for (i = 0; msg->netfn == NETFN_IANA && i < 3; i++)
        end += snprintf(path + end, sizeof(path) - end, "%02x",
                        msg->iana >> 8 * i & 0xff);
    for (i = 0; i < msg->len; i++)
        end += snprintf(path + end, sizeof(path) - end, "%02x",
                        msg->data[i]);
    file = fopen(path, "r");
    if (!file) {
        handle_invalid_cmd(mc, rdata, rdata_len);
        return;
    }
    for (i = 0; fscanf(file, "%2x", &byte) == 1; i++)
        rdata[i] = byte;
    *rdata_len = i;
    fclose(file);
}

int ipmi_sim_module_print_version(sys_data_t *sys, char *options)
{
    (void) sys;
    (void) options;
    return 0;
}

int ipmi_sim_module_init(sys_data_t *sys, const char *options)
{
    (void) sys;
    directory = options;
    ipmi_emu_register_group_extension_handler(GROUP_DCMI, respond, NULL);
    return ipmi_emu_register_iana_handler(IANA_IBM, respond, NULL)
        || ipmi_emu_register_iana_handler(IANA_LENOVO, respond, NULL)
        || ipmi_emu_register_cmd_handler(NETFN_DELL, 0xb3, respond, NULL)
        || ipmi_emu_register_cmd_handler(NETFN_DELL, 0x9c, respond, NULL);
}
