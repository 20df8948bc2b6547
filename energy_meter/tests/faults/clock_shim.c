/*
 * SPDX-License-Identifier: Apache-2.0
 */

/*
 * Library to preload into a process whose clocks are wrong. The process maps
 * the file named by CLOCK_SHIM, which clock_shim.py writes, so its clocks
 * change while it runs. The adjustments are added to what the kernel returns.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000

/* The next function of this name: that of the C library. */
#define REAL(name)                                                           \
    ({                                                                       \
        static __typeof__(&name) real;                                       \
        if (real == NULL)                                                    \
            real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name);              \
        real;                                                                \
    })

/* In nanoseconds: the wall clock, and the clocks that count running time. */
struct control {
    int64_t wall;
    int64_t running;
    int64_t unsynced;
};

static struct control none;
static volatile struct control *control = &none;

__attribute__((constructor)) static void map_control(void)
{
    const char *path = getenv("CLOCK_SHIM");
    int descriptor = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *mapped;

    if (descriptor < 0)
        return;
    mapped = mmap(NULL, sizeof(*control), PROT_READ, MAP_SHARED, descriptor,
                  0);
    close(descriptor);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static int64_t adjustment(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        return control->wall;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        return control->running;
    default:
        return 0;
    }
}

static struct timespec add(const struct timespec *time, int64_t nanoseconds)
{
    int64_t sum = time->tv_sec * (int64_t) NANOSECONDS + time->tv_nsec +
                  nanoseconds;

    return (struct timespec) {sum / NANOSECONDS, sum % NANOSECONDS};
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int status = REAL(clock_gettime)(clock, time);

    if (status == 0)
        *time = add(time, adjustment(clock));
    return status;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;

    (void) zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval) {now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *result)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL)
        *result = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *buffer)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->status = control->unsynced ? STA_UNSYNC : STA_PLL;
    return control->unsynced ? TIME_ERROR : TIME_OK;
}

/*
 * Deadlines are computed from the clocks above, but the kernel compares them
 * with its own. Without these functions, no wait would last after a pause.
 */

int sem_clockwait(sem_t *restrict semaphore, clockid_t clock,
                  const struct timespec *restrict deadline)
{
    struct timespec real = add(deadline, -adjustment(clock));

    return REAL(sem_clockwait)(semaphore, clock, &real);
}

/* CPython waits on the monotonic clock for its interpreter lock. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition,
                           pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline)
{
    struct timespec real = add(deadline, -adjustment(CLOCK_MONOTONIC));

    return REAL(pthread_cond_timedwait)(condition, mutex, &real);
}

int clock_nanosleep(clockid_t clock, int flags,
                    const struct timespec *request,
                    struct timespec *remaining)
{
    struct timespec real = *request;

    if (flags & TIMER_ABSTIME)
        real = add(request, -adjustment(clock));
    return REAL(clock_nanosleep)(clock, flags, &real, remaining);
}
