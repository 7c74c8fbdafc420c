/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_printf_(3, 0) static void write_text(struct err *err, int code, const char *format, va_list args)
{
	err->code = code;
	(void)vsnprintf(err->text, sizeof err->text, format, args);
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	write_text(err, code, format, args);
	va_end(args);

	size_t used = strlen(err->text);

	(void)snprintf(err->text + used, sizeof err->text - used, ": %s", strerrordesc_np(-code));
	return code;
}

int err_say(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	write_text(err, code, format, args);
	va_end(args);
	return code;
}
