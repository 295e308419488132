#include "server/control.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/json.h"
#include "server/backup.h"
#include "server/store/store_journal.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

static void add_text(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, ",\"%s\":", name);
	json_add_string(out, str_of(text));
}

static void add_listeners(const struct control *k, struct buf *out)
{
	buf_adds(out, ",\"listen\":[");
	json_add_string(out, str_of(net_base_url(k->api->net)));
	for (unsigned i = 0; i < NET_EXTRA_MAX && *net_extra_url(k->api->net, i); i++) {
		buf_addc(out, ',');
		json_add_string(out, str_of(net_extra_url(k->api->net, i)));
	}
	buf_addc(out, ']');
}

static void info(void *ctx, struct buf *out)
{
	const struct control *k = ctx;
	unsigned n = journal_segments(k->journal);
	struct journal_segment first = journal_segment(k->journal, 0), last = journal_segment(k->journal, n - 1);
	char time[CLOCK_TEXT + 1];

	clock_format(k->started_ms, time);
	buf_addf(out, "\"pid\":%d,\"started_at\":\"%s\",\"uptime_s\":%" PRIu64, (int)getpid(), time,
		(clock_mono_us() - k->api->started_us) / 1000000);
	add_text(out, "data", k->config->data);
	add_listeners(k, out);
	buf_addf(out, ",\"messages\":%" PRIu64, store_journal_messages(k->api->store));
	buf_addf(out, ",\"journal\":{\"segments\":%u,\"bytes\":%" PRIu64 ",\"epoch\":\"%016" PRIx64 "\"}", n,
		last.end - first.base, journal_key(k->journal)->epoch);
}

static void config(void *ctx, struct buf *out)
{
	struct control *k = ctx;
	const struct options o = {config_table, k->config};
	char room[OPTION_DIGITS];

	pthread_mutex_lock(&k->lock);
	buf_addc(out, '{');
	for (const struct option *opt = o.table; opt->name; opt++) {
		const char *v = options_value(&o, opt, room);
		if (opt->flag_only)
			continue;
		buf_addf(out, "%s\"%s\":", opt == o.table ? "" : ",", opt->name);
		json_add_string(out, str_of(v ? v : ""));
	}
	buf_addc(out, '}');
	pthread_mutex_unlock(&k->lock);
}

/* Options that change while it serves: taken over from the fresh configuration, then put into force. */
static void take_registration(struct control *k, const struct config *fresh)
{
	k->config->registration = fresh->registration;
	k->api->config.registration = config_registration(k->config);
}

static void take_presence(struct control *k, const struct config *fresh)
{
	k->config->presence = fresh->presence;
	k->api->config.presence_contacts = config_presence_contacts(fresh);
}

static void take_log_level(struct control *k, const struct config *fresh)
{
	k->config->log_level = fresh->log_level;
	log_set_level((enum log_level)log_level_parse(fresh->log_level));
}

static void take_sends(struct control *k, const struct config *fresh)
{
	k->config->sends_per_s = fresh->sends_per_s;
	k->config->sends_burst = fresh->sends_burst;
	accounts_sends_default(k->api->accounts, (unsigned)fresh->sends_per_s, (unsigned)fresh->sends_burst);
}

static const struct {
	const char *name;
	void (*take)(struct control *k, const struct config *fresh);
} live[] = {
	{"registration", take_registration},
	{"presence", take_presence},
	{"log-level", take_log_level},
	{"sends-per-second", take_sends},
	{"sends-burst", take_sends},
};
enum { LIVE = sizeof live / sizeof *live };

static int live_index(const char *name)
{
	for (int i = 0; i < LIVE; i++)
		if (strcmp(live[i].name, name) == 0)
			return i;
	return -1;
}

/* Names of the options that differ and can change now, or cannot. *take: which of live[] are to be taken. */
static void add_differing(struct control *k, struct config *fresh, bool now, bool take[LIVE], struct buf *out)
{
	const struct options have = {config_table, k->config}, want = {config_table, fresh};
	char a[OPTION_DIGITS], b[OPTION_DIGITS];
	const char *comma = "";

	buf_addc(out, '[');
	for (const struct option *opt = config_table; opt->name; opt++) {
		const char *x = options_value(&have, opt, a), *y = options_value(&want, opt, b);
		int i = live_index(opt->name);
		if (strcmp(x ? x : "", y ? y : "") == 0 || (i >= 0) != now)
			continue;
		if (now)
			take[i] = true;
		buf_addf(out, "%s\"%s\"", comma, opt->name);
		comma = ",";
	}
	buf_addc(out, ']');
}

enum err control_reload(struct control *k, struct buf *out)
{
	struct config fresh;
	char why[256];
	bool take[LIVE] = {false};
	enum err e = ERR_OK;

	pthread_mutex_lock(&k->lock);
	if (config_load(&fresh, k->argc, k->argv, why)) {
		log_event(LOG_ERROR, "reload-refused", "error=\"%s\"", why);
		buf_adds(out, why);
		e = ERR_BAD_REQUEST;
	} else {
		buf_adds(out, "{\"changed\":");
		add_differing(k, &fresh, true, take, out);
		buf_adds(out, ",\"needs_restart\":");
		add_differing(k, &fresh, false, take, out);
		buf_addc(out, '}');
		for (int i = 0; i < LIVE; i++)
			if (take[i])
				live[i].take(k, &fresh);
		log_event(LOG_INFO, "reloaded", "registration=%s log-level=%s presence=%s", k->api->config.registration,
			k->config->log_level, k->config->presence);
	}
	config_release(&fresh);
	pthread_mutex_unlock(&k->lock);
	return e;
}

static enum err reload(void *ctx, struct buf *out)
{
	return control_reload(ctx, out);
}

static enum err backup(void *ctx, const char *to, struct buf *out)
{
	struct control *k = ctx;
	uint64_t began = clock_mono_us();
	struct backup b;
	char why[256], quoted[832];

	if (backup_take(k->journal, k->api->accounts, k->config->data, to, &b, why)) {
		log_event(LOG_ERROR, "backup-failed", "error=%s", log_quote(why, strlen(why), quoted));
		buf_adds(out, why);
		return errno == ENOSPC || errno == EDQUOT ? ERR_INSUFFICIENT_STORAGE : ERR_BAD_REQUEST;
	}
	uint64_t ms = (clock_mono_us() - began) / 1000;
	log_event(LOG_INFO, "backup", "to=%s files=%u bytes=%" PRIu64 " ms=%" PRIu64, log_quote(to, strlen(to), quoted),
		b.files, b.bytes, ms);
	buf_addf(out, "{\"files\":%u,\"bytes\":%" PRIu64 ",\"took_ms\":%" PRIu64 "}", b.files, b.bytes, ms);
	return ERR_OK;
}

static void drain(void *ctx)
{
	(void)ctx;
	kill(getpid(), SIGTERM);
}

struct api_control control_for_api(struct control *k)
{
	return (struct api_control){
		.info = info, .config = config, .reload = reload, .backup = backup, .drain = drain, .ctx = k};
}
