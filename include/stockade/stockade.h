/* The stable whole: all a plugin needs, without the drafts (<stockade/ext/draft/...>). */
#ifndef STOCKADE_STOCKADE_H
#define STOCKADE_STOCKADE_H

#include <stockade/entry.h>
#include <stockade/event.h>
#include <stockade/ext/authorize.h>
#include <stockade/ext/clock.h>
#include <stockade/ext/config.h>
#include <stockade/ext/discovery.h>
#include <stockade/ext/fd.h>
#include <stockade/ext/feed.h>
#include <stockade/ext/kv.h>
#include <stockade/ext/listings.h>
#include <stockade/ext/log.h>
#include <stockade/ext/metrics.h>
#include <stockade/ext/offers.h>
#include <stockade/ext/orders.h>
#include <stockade/ext/secret.h>
#include <stockade/ext/sink.h>
#include <stockade/ext/submit.h>
#include <stockade/ext/thread.h>
#include <stockade/ext/timer.h>
#include <stockade/ext/webhook.h>
#include <stockade/host.h>
#include <stockade/manifest.h>
#include <stockade/message.h>
#include <stockade/plugin.h>
#include <stockade/status.h>
#include <stockade/types.h>
#include <stockade/version.h>

#endif
