/* SPDX-License-Identifier: Apache-2.0 */
#define Py_LIMITED_API 0x03080000
#include <Python.h>

#include "zygote/streams.h"

#include <stdbool.h>
#include <string.h>

/* Exported by every Python from 3.8 on, and not part of the limited API. */
int PySys_AddAuditHook(int (*hook)(const char *event, PyObject *args, void *data), void *data);

/* Raised when modules have been taken apart, and objects not yet (interpreter_clear in Python/pystate.c; PEP 578). Subinterpreters
 * raise it too, before their streams' time. */
#define EVENT "cpython.PyInterpreterState_Clear"

static struct {
	PyObject *kept[2];
	bool is_armed;
} streams; /* listed in ARCHITECTURE.md under "Mutable globals" */

static int see_event(const char *event, PyObject *args, void *data)
{
	(void)args;
	(void)data;
	if (!streams.is_armed || strcmp(event, EVENT) != 0)
		return 0;
	streams.is_armed = false;
	for (int i = 0; i < 2; i++) {
		PyObject *done = PyObject_CallMethod(streams.kept[i], "flush", NULL);

		Py_XDECREF(done);
		PyErr_Clear(); /* as when Python frees a stream that cannot be flushed */
	}
	return 0;
}

int streams_prepare(void)
{
	static const char *const names[] = { "stdout", "stderr" };

	for (int i = 0; i < 2; i++) {
		streams.kept[i] = PySys_GetObject(names[i]); /* borrowed */
		if (!streams.kept[i]) {
			PyErr_SetString(PyExc_RuntimeError, "sys has lost a stream");
			return -1;
		}
		Py_INCREF(streams.kept[i]);
	}
	return PySys_AddAuditHook(see_event, NULL);
}

void streams_arm(void)
{
	streams.is_armed = true;
}
