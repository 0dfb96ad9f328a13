/*
 * Another time and another disk for the processes of a soak (LD_PRELOAD). For them all, every clock runs `speed` times
 * as fast and every wait is as much shorter, so a process cannot tell; on top of that the wall clock may jump and
 * syncs may take long. What holds just now stands in a file that all of them map: $SOAK_WORLD, written by world.ts.
 */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

/* All in nanoseconds but the speed; both beginnings by the clocks of this machine. */
struct world {
  double speed;
  int64_t monotonic_start, wall_start;
  volatile int64_t wall_jump, sync_delay;
};
static struct world still = {.speed = 1};
static struct world *world = &still;

__attribute__((constructor)) static void enter(void) {
  const char *path = getenv("SOAK_WORLD");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(struct world), PROT_READ, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) world = mapped;
  close(file);
}

static int64_t in_ns(const struct timespec *t) { return t->tv_sec * SECOND + t->tv_nsec; }
static struct timespec of_ns(int64_t ns) {
  return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}
static int64_t real_ns(clockid_t clock) {
  struct timespec t;
  syscall(SYS_clock_gettime, clock, &t);
  return in_ns(&t);
}
/* Since the world began. */
static int64_t passed_ns(void) {
  return (int64_t)((real_ns(CLOCK_MONOTONIC) - world->monotonic_start) * world->speed);
}
static int64_t now_ns(clockid_t clock) {
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)
    return world->wall_start + passed_ns() + world->wall_jump;
  return world->monotonic_start + passed_ns();
}
static int64_t shorter(int64_t ns) { return (int64_t)(ns / world->speed); }
/* Rounded up: a wait of nothing would spin. */
static int shorter_ms(int ms) {
  if (ms <= 0) return ms;
  int real = (int)(ms / world->speed);
  return real > 0 ? real : 1;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
  if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID || clock < 0)
    return (int)syscall(SYS_clock_gettime, clock, t);
  *t = of_ns(now_ns(clock));
  return 0;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  (void)zone;
  int64_t ns = now_ns(CLOCK_REALTIME);
  *t = (struct timeval){.tv_sec = ns / SECOND, .tv_usec = ns % SECOND / 1000};
  return 0;
}
/* Without the file in which the system says how long it is up, libuv asks the clock. */
int open(const char *path, int flags, ...) {
  if (strcmp(path, "/proc/uptime") == 0) {
    errno = ENOENT;
    return -1;
  }
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *, int, ...) __attribute__((alias("open")));
time_t time(time_t *t) {
  time_t now = now_ns(CLOCK_REALTIME) / SECOND;
  if (t) *t = now;
  return now;
}

static int rest(int64_t ns) {
  struct timespec t = of_ns(ns);
  return (int)syscall(SYS_nanosleep, &t, NULL);
}
int nanosleep(const struct timespec *t, struct timespec *left) {
  if (left) *left = (struct timespec){0};
  return rest(shorter(in_ns(t)));
}
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left) {
  if (left) *left = (struct timespec){0};
  int64_t ns = in_ns(t) - (flags & TIMER_ABSTIME ? now_ns(clock) : 0);
  if (ns > 0) rest(shorter(ns));
  return 0;
}
int usleep(useconds_t us) { return rest(shorter(us * 1000LL)); }
unsigned sleep(unsigned seconds) {
  rest(shorter(seconds * SECOND));
  return 0;
}

int ppoll(struct pollfd *files, nfds_t count, const struct timespec *wait, const sigset_t *mask) {
  struct timespec t = of_ns(wait ? shorter(in_ns(wait)) : 0);
  return (int)syscall(SYS_ppoll, files, count, wait ? &t : NULL, mask, 8);
}
int poll(struct pollfd *files, nfds_t count, int ms) {
  struct timespec t = of_ns(ms * 1000000LL);
  return ppoll(files, count, ms < 0 ? NULL : &t, NULL);
}
int __poll_chk(struct pollfd *files, nfds_t count, int ms, size_t size) {
  (void)size;
  return poll(files, count, ms);
}
int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *wait, const sigset_t *mask,
                size_t size) {
  (void)size;
  return ppoll(files, count, wait, mask);
}
int epoll_pwait(int epoll, struct epoll_event *events, int most, int ms, const sigset_t *mask) {
  return (int)syscall(SYS_epoll_pwait, epoll, events, most, shorter_ms(ms), mask, 8);
}
int epoll_wait(int epoll, struct epoll_event *events, int most, int ms) {
  return epoll_pwait(epoll, events, most, ms, NULL);
}
int select(int count, fd_set *in, fd_set *out, fd_set *bad, struct timeval *wait) {
  struct timespec t = of_ns(wait ? shorter(wait->tv_sec * SECOND + wait->tv_usec * 1000LL) : 0);
  return (int)syscall(SYS_pselect6, count, in, out, bad, wait ? &t : NULL, NULL);
}

/* The size tells which clock a deadline is of: one counts from 1970, the other from the start of this machine. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
  static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  /* The version of before 2002 lies under the same name on x86-64. */
  if (!wait) *(void **)&wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!wait) *(void **)&wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  clockid_t clock = until->tv_sec > 500000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
  struct timespec real = of_ns(real_ns(clock) + shorter(in_ns(until) - now_ns(clock)));
  return wait(condition, mutex, &real);
}

int fsync(int file) {
  if (world->sync_delay > 0) rest(shorter(world->sync_delay));
  return (int)syscall(SYS_fsync, file);
}
int fdatasync(int file) {
  if (world->sync_delay > 0) rest(shorter(world->sync_delay));
  return (int)syscall(SYS_fdatasync, file);
}
