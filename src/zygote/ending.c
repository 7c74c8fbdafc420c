/* SPDX-License-Identifier: Apache-2.0
 *
 * Python tells its audit hooks when it is about to forget them, in Py_FinalizeEx(), right after the interpreter's state was
 * cleared (finalize_interp_clear in Python/pylifecycle.c). No Python code runs from there on: what follows frees memory, and
 * for that restores the reference counts of every interned string. Our hook returns from Py_FinalizeEx() there and then, to
 * whom it was called by, by the frame information that every program carries (the unwinder of libgcc): with the caller's registers,
 * and 0. Whoever called it, Py_RunMain() or Py_Exit(), goes on to exit() with its own status, which nobody here needs to know.
 * Of what is left out only the functions of Py_AtExit() could be noticed, so that there must be none.
 */
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include "zygote/ending.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <unwind.h>

/* Exported by every Python from 3.8 on, and not part of the limited API. */
int PySys_AddAuditHook(int (*hook)(const char *event, PyObject *args, void *data), void *data);

#define LAST_EVENT    "cpython._PySys_ClearAuditHooks"
#define AT_EXIT_SLOTS 32 /* of Py_AtExit, which does not tell how many are taken, but when all are */

enum { RBX, RBP, R12, R13, R14, R15, SAVED };
static const int dwarf_numbers[SAVED] = { [RBX] = 3, [RBP] = 6, [R12] = 12, [R13] = 13, [R14] = 14, [R15] = 15 }; /* psABI */

struct frame { /* its layout is known to go_to */
	uint64_t registers[SAVED];
	uint64_t stack, address;
};

struct search {
	struct frame frame;
	bool is_next, is_found;
};

static struct {
	uintptr_t finalize, callers[2]; /* Py_FinalizeEx, Py_RunMain, Py_Exit */
	bool is_armed, is_forgone;
} ending; /* listed in ARCHITECTURE.md under "Mutable globals" */

static _Unwind_Reason_Code look_at(struct _Unwind_Context *context, void *arg)
{
	struct search *search = arg;
	uintptr_t function = _Unwind_GetRegionStart(context);

	if (!search->is_next) {
		search->is_next = function == ending.finalize;
		return _URC_NO_REASON;
	}
	for (size_t i = 0; i < SAVED; i++)
		search->frame.registers[i] = _Unwind_GetGR(context, dwarf_numbers[i]);
	search->frame.stack = _Unwind_GetCFA(context);
	search->frame.address = _Unwind_GetIP(context);
	search->is_found = function == ending.callers[0] || function == ending.callers[1];
	return _URC_END_OF_STACK;
}

static _Noreturn void go_to(const struct frame *frame)
{
	__asm__ volatile("movq 0(%0), %%rbx\n\t"
			 "movq 8(%0), %%rbp\n\t"
			 "movq 16(%0), %%r12\n\t"
			 "movq 24(%0), %%r13\n\t"
			 "movq 32(%0), %%r14\n\t"
			 "movq 40(%0), %%r15\n\t"
			 "movq 56(%0), %%rcx\n\t" /* before the stack moves: a signal's frame may then cover what lay below */
			 "movq 48(%0), %%rsp\n\t"
			 "pushq %%rcx\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "ret"
			 :
			 : "D"(frame)
			 : "memory");
	__builtin_unreachable();
}

static int see_event(const char *event, PyObject *args, void *data)
{
	struct search search = { .is_found = false };

	(void)args;
	(void)data;
	if (!ending.is_armed || strcmp(event, LAST_EVENT) != 0)
		return 0;
	(void)_Unwind_Backtrace(look_at, &search);
	if (search.is_found)
		go_to(&search.frame);
	return 0;
}

bool ending_prepare(void)
{
	ending.finalize = (uintptr_t)dlsym(RTLD_DEFAULT, "Py_FinalizeEx");
	ending.callers[0] = (uintptr_t)dlsym(RTLD_DEFAULT, "Py_RunMain");
	ending.callers[1] = (uintptr_t)dlsym(RTLD_DEFAULT, "Py_Exit");
	return ending.finalize && PySys_AddAuditHook(see_event, NULL) == 0;
}

static void do_nothing(void)
{
}

void ending_arm(void)
{
	for (int i = 0; i < AT_EXIT_SLOTS; i++) {
		if (Py_AtExit(do_nothing) < 0)
			return;
	}
	ending.is_armed = !ending.is_forgone;
}

void ending_forgo(void)
{
	ending.is_forgone = true;
}
