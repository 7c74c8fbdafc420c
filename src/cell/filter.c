/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/filter.h"

#include "base/fd.h"
#include "spec/refused.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

enum rule_kind { RULE_ALLOW, RULE_ALLOW_IF, RULE_ALLOW_SOCKET, RULE_REFUSE, RULE_REFUSE_IF, RULE_REFUSE_FAMILIES, RULE_QUIET };

struct rule {
	enum rule_kind kind;
	int call, error;
	unsigned index;
	uint32_t mask, value; /* RULE_ALLOW_SOCKET: family and protocol */
};

static const struct rule rules[] = {
#define ALLOW(c)                                { RULE_ALLOW, SCMP_SYS(c), 0, 0, 0, 0 },
#define ALLOW_IF(c, i, m, v)                    { RULE_ALLOW_IF, SCMP_SYS(c), 0, i, m, v },
#define ALLOW_SOCKET(family, protocol)          { RULE_ALLOW_SOCKET, SCMP_SYS(socket), 0, 0, family, protocol },
#define REFUSE(c, e, reason)                    { RULE_REFUSE, SCMP_SYS(c), e, 0, 0, 0 },
#define REFUSE_IF(c, e, i, m, v, label, reason) { RULE_REFUSE_IF, SCMP_SYS(c), e, i, m, v },
#define REFUSE_FAMILIES(c, e, reason)           { RULE_REFUSE_FAMILIES, SCMP_SYS(c), e, 0, 0, 0 },
#define QUIET(c, e, reason)                     { RULE_QUIET, SCMP_SYS(c), e, 0, 0, 0 },
#include "spec/syscalls.def"
};

static struct scmp_arg_cmp low_bits(unsigned index, uint32_t mask, uint32_t value)
{
	return SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, value);
}

static bool is_family_allowed(int call, uint32_t family)
{
	array_for_each(rules, rule) {
		if (rule->call != call)
			continue;
		if (rule->kind == RULE_ALLOW_IF && rule->index == 0 && rule->value == family)
			return true;
		if (rule->kind == RULE_ALLOW_SOCKET && rule->mask == family)
			return true;
	}
	return false;
}

static int add_allow_rule(scmp_filter_ctx context, const struct rule *rule)
{
	switch (rule->kind) {
	case RULE_ALLOW:
		return seccomp_rule_add(context, SCMP_ACT_ALLOW, rule->call, 0);
	case RULE_ALLOW_IF:
		return seccomp_rule_add(context, SCMP_ACT_ALLOW, rule->call, 1, low_bits(rule->index, rule->mask, rule->value));
	case RULE_ALLOW_SOCKET:
		return seccomp_rule_add(context, SCMP_ACT_ALLOW, rule->call, 2, low_bits(0, UINT32_MAX, rule->mask),
					low_bits(2, UINT32_MAX, rule->value));
	default:
		return 0;
	}
}

static int add_refusal(scmp_filter_ctx context, const struct rule *rule, uint32_t action)
{
	switch (rule->kind) {
	case RULE_REFUSE:
	case RULE_QUIET:
		return seccomp_rule_add(context, action, rule->call, 0);
	case RULE_REFUSE_IF:
		return seccomp_rule_add(context, action, rule->call, 1, low_bits(rule->index, rule->mask, rule->value));
	case RULE_REFUSE_FAMILIES:
		for (uint32_t family = 0; family < REFUSED_FAMILIES; family++) {
			int r = 0;

			if (!is_family_allowed(rule->call, family))
				r = seccomp_rule_add(context, action, rule->call, 1, low_bits(0, UINT32_MAX, family));
			if (r < 0)
				return r;
		}
		return 0;
	default:
		return 0;
	}
}

static int add_refuse_rule(scmp_filter_ctx context, const struct rule *rule)
{
	uint32_t errno_action = SCMP_ACT_ERRNO((uint16_t)rule->error);

	return add_refusal(context, rule, rule->kind == RULE_QUIET ? errno_action : SCMP_ACT_NOTIFY);
}

static int add_refuse_alone_rule(scmp_filter_ctx context, const struct rule *rule)
{
	return add_refusal(context, rule, SCMP_ACT_ERRNO((uint16_t)rule->error));
}

/* libseccomp writes to a descriptor only. */
static int export_rows(scmp_filter_ctx context, struct filter *ret_filter)
{
	_cleanup_(fd_closep) int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;

	int r = seccomp_export_bpf(context, fd);

	if (r < 0)
		return r;

	ssize_t size = pread(fd, ret_filter->rows, sizeof ret_filter->rows, 0);

	if (size < 0)
		return -errno;
	if (size == 0 || (size_t)size == sizeof ret_filter->rows || (size_t)size % sizeof(struct sock_filter) != 0)
		return -E2BIG;
	ret_filter->count = (uint16_t)((size_t)size / sizeof(struct sock_filter));
	return 0;
}

static void release_context(scmp_filter_ctx *context)
{
	if (*context)
		seccomp_release(*context);
}

typedef int add_rule_fn(scmp_filter_ctx context, const struct rule *rule);

static int build(uint32_t default_action, add_rule_fn *add, bool has_end_call, struct filter *ret_filter)
{
	_cleanup_(release_context) scmp_filter_ctx context = seccomp_init(default_action);

	if (!context)
		return -ENOMEM;

	/* A call by the i386 or x32 entry means another call by the same number. */
	int r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

	if (r == 0 && has_end_call)
		r = seccomp_rule_add(context, SCMP_ACT_NOTIFY, FILTER_END_CALL, 1,
				     SCMP_CMP64(0, SCMP_CMP_EQ, (scmp_datum_t)FILTER_END_MARK));
	if (r < 0)
		return r;
	array_for_each(rules, rule) {
		if (rule->call < 0) /* libseccomp's mark for a call that this architecture does not have */
			continue;
		r = add(context, rule);
		if (r < 0)
			return r;
	}
	return export_rows(context, ret_filter);
}

int filters_build(struct filters *ret_filters, struct err *err)
{
	int r = build(SCMP_ACT_TRACE(0), add_allow_rule, false, &ret_filters->allow);

	if (r == 0)
		r = build(SCMP_ACT_ALLOW, add_refuse_rule, true, &ret_filters->refuse);
	if (r == 0)
		r = build(SCMP_ACT_ALLOW, add_refuse_alone_rule, false, &ret_filters->refuse_alone);
	if (r < 0)
		return err_set(err, r, "the system call filter cannot be built by this libseccomp");
	return 0;
}

/* What a guest's listener has to say; the filter's rules once more, in the order of their numbers. */
uint32_t filters_judge(const struct seccomp_data *call, int *ret_errno)
{
	uint32_t row = 0, families = REFUSED_ROWS;

	array_for_each(rules, rule) {
		uint32_t argument = (uint32_t)call->args[rule->index], what = row;
		bool is_it = rule->call == call->nr;

		switch (rule->kind) {
		case RULE_REFUSE_IF:
			is_it = is_it && (argument & rule->mask) == rule->value;
			row++;
			break;
		case RULE_REFUSE:
			row++;
			break;
		case RULE_REFUSE_FAMILIES:
			what = families + argument;
			is_it = is_it && argument < REFUSED_FAMILIES && !is_family_allowed(rule->call, argument);
			families += REFUSED_FAMILIES;
			break;
		default:
			is_it = false;
		}
		if (is_it) {
			*ret_errno = rule->error;
			return what;
		}
	}
	*ret_errno = ENOSYS;
	return REFUSED_COUNT;
}

static bool is_conditional(const struct rule *rule)
{
	return rule->kind == RULE_ALLOW_IF || rule->kind == RULE_ALLOW_SOCKET || rule->kind == RULE_REFUSE_IF;
}

unsigned filters_count_allowed(unsigned *ret_conditional)
{
	unsigned allowed = 0, conditional = 0;

	array_for_each(rules, rule) {
		bool is_new = rule->kind <= RULE_ALLOW_SOCKET && rule->call >= 0, is_free = true;

		for (const struct rule *other = rules; is_new && other < rule; other++)
			is_new = other->call != rule->call || other->kind > RULE_ALLOW_SOCKET;
		for (size_t i = 0; is_new && i < ARRAY_SIZE(rules); i++)
			is_free &= rules[i].call != rule->call || !is_conditional(&rules[i]);
		allowed += is_new;
		conditional += is_new && !is_free;
	}
	*ret_conditional = conditional;
	return allowed;
}
