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

/*
 * In nanoseconds: the wall clock, and the clocks that count running time. From
 * since to until, on the kernel's monotonic clock, all of them pass faster, by
 * factor, unless that is 0.
 */
struct control {
    int64_t wall;
    int64_t running;
    int64_t unsynced;
    int64_t since;
    int64_t until;
    int64_t factor;
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

static int64_t now(clockid_t clock)
{
    struct timespec time;

    REAL(clock_gettime)(clock, &time);
    return time.tv_sec * (int64_t) NANOSECONDS + time.tv_nsec;
}

/* By how much the clocks have run ahead, because they pass faster. */
static int64_t advance(void)
{
    int64_t passed;

    if (control->factor == 0)
        return 0;
    passed = now(CLOCK_MONOTONIC);
    if (passed > control->until)
        passed = control->until;
    passed -= control->since;
    return passed > 0 ? passed * (control->factor - 1) : 0;
}

static int64_t adjustment(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        return control->wall + advance();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        return control->running + advance();
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

/* Return when the clock of the kernel shows that a deadline has come. */
static struct timespec to_kernel(clockid_t clock,
                                 const struct timespec *deadline)
{
    struct timespec right = add(deadline, -adjustment(clock));
    int64_t started = now(CLOCK_MONOTONIC), left;

    if (control->factor == 0 || started < control->since ||
        started >= control->until)
        return right;
    started = now(clock);
    left = right.tv_sec * (int64_t) NANOSECONDS + right.tv_nsec - started;
    return add(&right, left / control->factor - left);
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
    struct timespec real = to_kernel(clock, deadline);

    return REAL(sem_clockwait)(semaphore, clock, &real);
}

/* CPython waits on the monotonic clock for its interpreter lock. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition,
                           pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline)
{
    struct timespec real = to_kernel(CLOCK_MONOTONIC, deadline);

    return REAL(pthread_cond_timedwait)(condition, mutex, &real);
}

int clock_nanosleep(clockid_t clock, int flags,
                    const struct timespec *request,
                    struct timespec *remaining)
{
    struct timespec real = *request;

    if (flags & TIMER_ABSTIME)
        real = to_kernel(clock, request);
    return REAL(clock_nanosleep)(clock, flags, &real, remaining);
}
