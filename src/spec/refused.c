/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/refused.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMED_IN_A_SENTENCE 3

#define ALLOW(c)
#define ALLOW_IF(c, i, m, v)
#define ALLOW_SOCKET(family, protocol)
#define QUIET(c, e, reason)

static const struct {
	const char *call, *label;
} rows[] = {
#define REFUSE(c, e, reason)                    { #c, NULL },
#define REFUSE_IF(c, e, i, m, v, label, reason) { #c, label },
#define REFUSE_FAMILIES(c, e, reason)
#include "spec/syscalls.def"
#undef REFUSE
#undef REFUSE_IF
#undef REFUSE_FAMILIES
};

static const char *const family_rows[] = {
#define REFUSE(c, e, reason)
#define REFUSE_IF(c, e, i, m, v, label, reason)
#define REFUSE_FAMILIES(c, e, reason) #c,
#include "spec/syscalls.def"
};

_Static_assert(ARRAY_SIZE(rows) == REFUSED_ROWS && ARRAY_SIZE(family_rows) == REFUSED_FAMILY_ROWS, "each row is counted");

/* By their numbers, as linux/socket.h has them. */
static const char *const families[] = {
	"UNSPEC", "UNIX",      "INET",    "AX25",    "IPX",      "APPLETALK", "NETROM",     "BRIDGE", "ATMPVC", "X25",
	"INET6",  "ROSE",      "DECnet",  "NETBEUI", "SECURITY", "KEY",       "NETLINK",    "PACKET", "ASH",    "ECONET",
	"ATMSVC", "RDS",       "SNA",     "IRDA",    "PPPOX",    "WANPIPE",   "LLC",        "IB",     "MPLS",   "CAN",
	"TIPC",   "BLUETOOTH", "IUCV",    "RXRPC",   "ISDN",     "PHONET",    "IEEE802154", "CAIF",   "ALG",    "NFC",
	"VSOCK",  "KCM",       "QIPCRTR", "SMC",     "XDP",      "MCTP",
};

void refused_add(struct refused *refused, uint32_t what)
{
	uint32_t *count = &refused->others;

	if (what >= REFUSED_COUNT)
		return;
	array_for_each(refused->calls, call) {
		if (call->count == 0)
			call->what = what;
		if (call->what == what) {
			count = &call->count;
			break;
		}
	}
	*count += *count < UINT32_MAX;
}

bool refused_is_valid(const struct refused *refused)
{
	bool is_end = false;

	for (size_t i = 0; i < REFUSED_CALLS; i++) {
		const struct refused_call *call = &refused->calls[i];

		is_end |= call->count == 0;
		if (is_end ? call->count != 0 || call->what != 0 : call->what >= REFUSED_COUNT)
			return false;
		for (size_t j = 0; j < i && !is_end; j++) {
			if (refused->calls[j].what == call->what)
				return false;
		}
	}
	return refused->zero == 0 && (refused->others == 0 || !is_end);
}

uint64_t refused_sum(const struct refused *refused)
{
	uint64_t sum = refused->others;

	array_for_each(refused->calls, call)
		sum += call->count;
	return sum;
}

static void name_family(uint32_t what, char text[REFUSED_NAME_BYTES])
{
	const char *call = family_rows[what / REFUSED_FAMILIES];
	unsigned family = what % REFUSED_FAMILIES;

	if (family < ARRAY_SIZE(families))
		(void)snprintf(text, REFUSED_NAME_BYTES, "%s(AF_%s)", call, families[family]);
	else
		(void)snprintf(text, REFUSED_NAME_BYTES, "%s(%u)", call, family);
}

void refused_name(uint32_t what, char text[REFUSED_NAME_BYTES])
{
	if (what >= REFUSED_COUNT)
		(void)snprintf(text, REFUSED_NAME_BYTES, "other");
	else if (what >= REFUSED_ROWS)
		name_family(what - REFUSED_ROWS, text);
	else if (rows[what].label)
		(void)snprintf(text, REFUSED_NAME_BYTES, "%s(%s)", rows[what].call, rows[what].label);
	else
		(void)snprintf(text, REFUSED_NAME_BYTES, "%s", rows[what].call);
}

void refused_sentence(const struct refused *refused, char *text, size_t size)
{
	uint64_t left = refused_sum(refused);
	size_t used = 0, named = 0;

	text[0] = '\0';
	for (; named < NAMED_IN_A_SENTENCE && refused->calls[named].count > 0 && used < size; named++) {
		const struct refused_call *call = &refused->calls[named];
		char name[REFUSED_NAME_BYTES];

		refused_name(call->what, name);
		left -= call->count;
		used += (size_t)snprintf(text + used, size - used, "%s%s (%" PRIu32 " time%s)",
					 named == 0  ? "The sandbox refused "
					 : left == 0 ? " and "
						     : ", ",
					 name, call->count, call->count == 1 ? "" : "s");
	}
	if (left > 0 && used < size)
		used += (size_t)snprintf(text + used, size - used, " and others (%" PRIu64 " time%s)", left, left == 1 ? "" : "s");
	if (named > 0 && used < size)
		(void)snprintf(text + used, size - used, ".");
}
