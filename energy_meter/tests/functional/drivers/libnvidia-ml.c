/* SPDX-License-Identifier: Apache-2.0
 *
 * Stub of NVIDIA's libnvidia-ml.so.1. The file $NVML_STUB has a line for each
 * GPU: UUID, NVML's error or 0, mJ or -1, mW or -1, MIG mode. A value of -1 is
 * not supported. Compiled with -DNO_ENERGY, it is an older library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define DRIVER_NOT_LOADED 9

static struct gpu { char uuid[96]; int error; long long mj, mw; int mig; } gpus[8];

static unsigned load(void)
{
    FILE *file = fopen(getenv("NVML_STUB"), "r");
    unsigned n = 0;
    struct gpu *g = gpus;
    if (!file) return 0;
    for (; fscanf(file, "%95s %d %lld %lld %d", g->uuid, &g->error, &g->mj, &g->mw, &g->mig) == 5; g++) n++;
    fclose(file);
    return n;
}

static int value(struct gpu *g, long long v, unsigned long long *to)
{
    if (g->error) return g->error;
    if (v == -1) return NOT_SUPPORTED;
    *to = v;
    return 0;
}

int nvmlInitWithFlags(unsigned flags) { return flags || !load() ? DRIVER_NOT_LOADED : 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = load(); return 0; }
const char *nvmlErrorString(int error) { return error == 999 ? "Unknown Error" : "other"; }

int nvmlDeviceGetHandleByIndex_v2(unsigned i, struct gpu **g)
{
    if (i >= load()) return NOT_FOUND;
    *g = &gpus[i];
    return (*g)->error;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, struct gpu **g)
{
    unsigned n = load();
    for (*g = gpus; *g < gpus + n; ++*g)
        if (!strcmp(uuid, (*g)->uuid)) return (*g)->error;
    return NOT_FOUND;
}

int nvmlDeviceGetIndex(struct gpu *g, unsigned *i) { *i = g - gpus; return g->error; }
int nvmlDeviceGetUUID(struct gpu *g, char *to, unsigned n) { strncpy(to, g->uuid, n); return g->error; }
int nvmlDeviceGetMigMode(struct gpu *g, int *now, int *next) { *now = *next = g->mig; return 0; }

#ifndef NO_ENERGY
int nvmlDeviceGetTotalEnergyConsumption(struct gpu *g, unsigned long long *mj)
{
    load();
    return value(g, g->mj, mj);
}
#endif

int nvmlDeviceGetPowerUsage(struct gpu *g, unsigned *mw)
{
    unsigned long long v;
    int error;
    load();
    error = value(g, g->mw, &v);
    if (!error) *mw = v;
    return error;
}
