/* SPDX-License-Identifier: Apache-2.0
 * bpf.h: runs a seccomp filter in user space, so that a test can ask it about calls that must not be made. Knows the
 * instructions that libseccomp writes; anything else fails the test. Documentation/userspace-api/seccomp_filter.rst
 */
#pragma once
#include "cell/filter.h"
#include "unit.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

static inline bool bpf_jumps(uint16_t code, uint32_t a, uint32_t k)
{
	switch (code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= k;
	case BPF_JMP | BPF_JSET | BPF_K:
		return a & k;
	default:
		fail_msg("instruction %#x is unknown to this test", code);
		return false;
	}
}

/* What the filter returns for a call: SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | errno, ... */
static inline uint32_t bpf_run(const struct filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < filter->count; at++) {
		const struct sock_filter *row = &filter->rows[at];

		switch (row->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(row->k % sizeof a == 0 && row->k + sizeof a <= sizeof *data);
			memcpy(&a, (const char *)data + row->k, sizeof a);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= row->k;
			break;
		case BPF_JMP | BPF_JA:
			at += row->k;
			break;
		case BPF_RET | BPF_K:
			return row->k;
		default:
			at += bpf_jumps(row->code, a, row->k) ? row->jt : row->jf;
		}
	}
	fail_msg("the filter ends without a verdict");
	return 0;
}
