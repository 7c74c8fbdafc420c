/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/result.h"

#include <signal.h>
#include <string.h>

static const char *const verdict_names[] = {
#define VERDICT(symbol, name, meaning) [VERDICT_##symbol] = name,
#include "spec/verdict.def"
#undef VERDICT
};

const char *verdict_name(uint32_t verdict)
{
	return verdict < ARRAY_SIZE(verdict_names) ? verdict_names[verdict] : "unknown";
}

const char *signal_name(int signal)
{
	static const char *const names[] = {
#define NAME(s) [s] = #s
		NAME(SIGHUP),  NAME(SIGINT),    NAME(SIGQUIT), NAME(SIGILL),  NAME(SIGTRAP),   NAME(SIGABRT), NAME(SIGBUS),
		NAME(SIGFPE),  NAME(SIGKILL),   NAME(SIGUSR1), NAME(SIGSEGV), NAME(SIGUSR2),   NAME(SIGPIPE), NAME(SIGALRM),
		NAME(SIGTERM), NAME(SIGSTKFLT), NAME(SIGCHLD), NAME(SIGCONT), NAME(SIGSTOP),   NAME(SIGTSTP), NAME(SIGTTIN),
		NAME(SIGTTOU), NAME(SIGURG),    NAME(SIGXCPU), NAME(SIGXFSZ), NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH),
		NAME(SIGIO),   NAME(SIGPWR),    NAME(SIGSYS),
#undef NAME
	};

	if (signal < 0 || (size_t)signal >= ARRAY_SIZE(names) || !names[signal])
		return "signal";
	return names[signal];
}
