/* SPDX-License-Identifier: MIT */
/**
 * What may be asked of a running logwatch, and done by hand: /api/v1, /healthz,
 * /readyz; see logwatch-control(7).
 */
#ifndef LOGWATCH_SERVE_API_H
#define LOGWATCH_SERVE_API_H

struct api;
struct loop;
struct pipeline;

/** Reads the rules again; returns NULL where it follows the new ones soon, or
 * why it does not, in words that the caller frees. */
typedef char *api_reload_fn(void *ctx);

/** socket: it listens, and is taken over; who can connect may ask.  pipeline is
 * lent, and follows already.  Free with api_free(). */
struct api *api_new(struct loop *l, int socket, struct pipeline *pipeline,
    api_reload_fn *reload, void *ctx);
/** Another one is in its place. */
void api_follow(struct api *a, struct pipeline *pipeline);
void api_free(struct api *a); /* NULL does nothing */

#endif
