#include "cli/bench/run.h"
#include "cli/bench/drive.h"
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>

/* What stands in the way of a load run, and which of chatd's keys moves it. */
static const struct {
	const char *word, *advice;
} hints[] = {
	{"rate-limited", "the server limits how much one user or address may do: raise login-rate and the user-… and "
			 "address-… keys of "
			 "chatd.conf(5) on a server that is loaded on purpose"},
	{"4409", "the server limits the sockets of a user or address: raise its keys in chatd.conf(5)"},
	{"429", "the server limits the connections of an address: raise its keys in chatd.conf(5)"},
	{"overloaded", "the server is overloaded: this rate is more than it takes"},
	{"Too many open files", "too few file descriptors: ulimit -n here, LimitNOFILE= and max-connections there"},
	{"Cannot assign requested address", "no local ports left: widen net.ipv4.ip_local_port_range"},
	{"closed the connection",
		"the server closed connections: max-connections and the limits by address in chatd.conf(5) bound them"},
};

bool bench_was_interrupted(void)
{
	return drive_interrupted > 0;
}

static void hint(const struct cli *c, const char *about)
{
	for (size_t i = 0; i < sizeof hints / sizeof *hints && *about; i++)
		if (strstr(about, hints[i].word)) {
			cli_note(c, "%s", hints[i].advice);
			return;
		}
}

static void interrupted(int sig)
{
	(void)sig;
	drive_interrupted++;
}

static void raise_files(unsigned sockets)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= sockets + 600u)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

static int make_parts(
	struct drive *d, struct pairing *pairs, struct ledger *ledger, struct payload *payload, const char *folder)
{
	char why[256] = "out of memory";

	d->pairs = pairs;
	d->ledger = ledger;
	d->payload = payload;
	d->r->run = randombytes_random() & 0xffffffff;
	if (pairing_init(pairs, d->s) || ledger_init(ledger, pairs) ||
		payload_init(payload, d->s, folder, d->r->run, why))
		return cli_fail(EXIT_USAGE, "%s", why);
	return EXIT_DONE;
}

static int drive(struct cli *c, struct drive *d)
{
	char why[256] = "";
	struct sigaction act = {.sa_handler = interrupted}, before_int, before_term;

	drive_interrupted = 0;
	sigaction(SIGINT, &act, &before_int);
	sigaction(SIGTERM, &act, &before_term);
	int rc = drive_run(d, c->profile.url, cli_switch(c, "i-own-this-server"), why);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	if (rc)
		rc = cli_fail(EXIT_NETWORK, "%s", why);
	else if (d->refusal[0])
		cli_note(c, "the first refusal: %s", d->refusal);
	if (d->trouble[0] && !rc)
		cli_note(c, "the first trouble with a connection: %s", d->trouble);
	if (d->overrun)
		cli_note(c, "ended early: more sends were waiting than are kept; the server is far behind this rate");
	hint(c, d->refusal);
	hint(c, *why ? why : d->trouble);
	return rc;
}

int bench_drive(struct cli *c, const struct scenario *s, const char *folder, struct results *r)
{
	struct accounts people = {0};
	struct pairing pairs = {0};
	struct ledger ledger = {0};
	struct payload payload = {0};
	struct drive d = {.s = s, .r = r, .people = &people};

	if (!c->profile.url[0])
		return cli_fail(EXIT_USAGE, "which server? give --url, or a context with -c");
	if (results_init(r, s))
		return cli_fail(EXIT_FAILED, "out of memory");
	raise_files(s->ws);
	progress_init(&d.progress, c->quiet);
	int rc = make_parts(&d, &pairs, &ledger, &payload, folder);
	if (rc == EXIT_DONE)
		rc = accounts_get(c, &people, cli_option(c, "accounts"), s->prefix, s->users);
	if (rc == EXIT_DONE)
		rc = drive(c, &d);
	int gone = accounts_release(c, &people);
	payload_release(&payload);
	ledger_release(&ledger);
	pairing_release(&pairs);
	if (rc) {
		results_release(r);
		return rc;
	}
	results_finish(r);
	return gone;
}

void bench_quick(struct scenario *s, unsigned pairs, double rate, uint64_t us)
{
	uint64_t warm = us / 10 < 5000000 ? us / 10 : 5000000;

	scenario_defaults(s);
	strcpy(s->name, "quick");
	s->users = s->ws = pairs;
	s->pairs = PAIRS_RING;
	s->contacts = 1;
	s->phases[0] = (struct phase){PHASE_WARMUP, 0, warm, rate, rate, ARRIVALS_POISSON};
	s->phases[1] = (struct phase){PHASE_STEADY, warm, us, rate, rate, ARRIVALS_POISSON};
	s->phases[2] = (struct phase){PHASE_DRAIN, warm + us, 30000000, 0, 0, ARRIVALS_POISSON};
	s->n_phases = 3;
}
