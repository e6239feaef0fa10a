/* SPDX-License-Identifier: MIT */
/**
 * The one libuv loop, and what hangs on it in one line each: signals,
 * descriptors that are ours, "call me again next turn".  Also the clocks.
 * Callbacks run on the loop's thread and must return soon.
 */
#ifndef LOGWATCH_IO_LOOP_H
#define LOGWATCH_IO_LOOP_H

#include <stdint.h>

struct loop;
struct uv_loop_s;

/** Never NULL: a machine that has no loop to give ends the program. */
struct loop *loop_new(void);
/** Runs what is still closing, then frees; free all that hangs on it before. */
void loop_free(struct loop *l); /* NULL does nothing */
/** Runs until loop_stop(), also where nothing hangs on it. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
struct uv_loop_s *loop_uv(struct loop *l);

/** Monotonic milliseconds (counts suspend: CLOCK_BOOTTIME). */
int64_t clock_now_ms(void);
/** Milliseconds since 1970, UTC. */
int64_t clock_wall_ms(void);

/** Calls fn at each arrival of a signal. */
struct on_signal;
typedef void signal_fn(int signum, void *ctx);
struct on_signal *on_signal_new(
    struct loop *l, int signum, signal_fn *fn, void *ctx);
void on_signal_free(struct on_signal *s); /* NULL does nothing */

/** Calls fn while a descriptor is readable, closed by its other end, or in
 * error.  The descriptor becomes non-blocking, stays the caller's, and must
 * stay open until on_readable_free() returned. */
struct on_readable;
typedef void readable_fn(int fd, void *ctx);
struct on_readable *on_readable_new(
    struct loop *l, int fd, readable_fn *fn, void *ctx);
void on_readable_free(struct on_readable *r); /* NULL does nothing */

/** Calls fn once, on the next turn of the loop, after it was asked to. */
struct turn;
typedef void turn_fn(void *ctx);
struct turn *turn_new(struct loop *l, turn_fn *fn, void *ctx);
void turn_ask(struct turn *t);  /* asked already: nothing more */
void turn_stop(struct turn *t); /* takes it back */
void turn_free(struct turn *t); /* NULL does nothing */

/** Calls fn in loop_free(), for what its owner let go of and the loop still has
 * to finish; fn frees it, and this too. */
struct at_end;
typedef void at_end_fn(void *ctx);
struct at_end *at_end_new(struct loop *l, at_end_fn *fn, void *ctx);
void at_end_free(struct at_end *e); /* NULL does nothing */

#endif
