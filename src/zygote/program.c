/* SPDX-License-Identifier: Apache-2.0
 *
 * The zygote was started as `python3 script.py`. Just before it opens its file, Python's main raises the audit event
 * cpython.run_file (PEP 578; pymain_run_file in Modules/main.c, since 3.8). There our hook lets the zygote serve; in a guest it returns,
 * and Python's own main goes on to run that file. A run with another entrypoint, or one whose value is wanted, needs another main at
 * that very place: with no frame of ours below it, and Python's own end behind it. The hook runs it, and then raises
 * SystemExit with the status, which Python's main takes for the program's own.
 */
#define Py_LIMITED_API 0x03080000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "zygote/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Exported by every Python from 3.8 on, and not part of the limited API. */
int PySys_AddAuditHook(int (*hook)(const char *event, PyObject *args, void *data), void *data);
int PyRun_SimpleFileExFlags(FILE *file, const char *name, int is_to_be_closed, void *flags);

#define APP    "/app/"
#define SCRIPT "script.py"

static struct {
	PyObject *side, *begin;
	uint32_t flags;
	bool has_begun, is_ours; /* not Python's own main's to run */
	bool is_archive, is_unbuffered;
	char path[sizeof APP + BUNDLE_MAX_PATH]; /* of the entrypoint */
} program;                                       /* listed in ARCHITECTURE.md under "Mutable globals" */

void program_take_side(PyObject *side)
{
	Py_INCREF(side);
	program.side = side;
}

/* --- instead of Python's own main -------------------------------------------------------------------------------------------- */

/* After the interpreter's end: an unhandled KeyboardInterrupt ends the process by the signal, as Python's own main does. */
static void die_by_interrupt(void)
{
	(void)signal(SIGINT, SIG_DFL);
	(void)kill(getpid(), SIGINT);
}

static void flush(const char *name)
{
	PyObject *stream = PySys_GetObject(name); /* borrowed */
	PyObject *type, *value, *trace, *done;

	PyErr_Fetch(&type, &value, &trace);
	done = stream && stream != Py_None ? PyObject_CallMethod(stream, "flush", NULL) : NULL;
	Py_XDECREF(done);
	PyErr_Clear();
	PyErr_Restore(type, value, trace);
}

/* A SyntaxError was raised inside a function of ours; Python's own main shows it without any frame. */
static void hide_our_frames(void)
{
	PyObject *type, *value, *trace;

	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	Py_XDECREF(trace);
	if (value)
		(void)PyException_SetTraceback(value, Py_None);
	PyErr_Restore(type, value, NULL);
}

/* The body, then the last expression if it stands apart; its value goes to the report. */
static PyObject *evaluate(PyObject *codes, PyObject *globals)
{
	PyObject *body = PyTuple_GetItem(codes, 0), *expression = PyTuple_GetItem(codes, 1); /* borrowed */
	PyObject *value = PyEval_EvalCode(body, globals, globals);

	if (value && expression != Py_None) {
		Py_DECREF(value);
		value = PyEval_EvalCode(expression, globals, globals);
		if (value) {
			PyObject *done = PyObject_CallMethod(program.side, "report_value", "(O)", value);

			Py_XDECREF(done);
			PyErr_Clear();
		}
	}
	return value;
}

/* The exit status, unless the program has ended the process itself. */
static int run_compiled(void)
{
	PyObject *globals = PyModule_GetDict(PyImport_AddModule("__main__")); /* borrowed */
	PyObject *codes = PyObject_CallMethod(program.side, "compile_program", "sOO", program.path, globals,
					      program.flags & WIRE_JOB_VALUE ? Py_True : Py_False);
	PyObject *value = NULL;

	if (!codes)
		hide_our_frames();
	else if (program.flags & WIRE_JOB_CHECK)
		value = codes;
	else
		value = evaluate(codes, globals);
	if (codes != value)
		Py_XDECREF(codes);
	flush("stderr");
	flush("stdout");
	if (!value) {
		if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
			(void)Py_AtExit(die_by_interrupt);
		PyErr_Print(); /* or the end, after SystemExit */
	}
	(void)PyDict_DelItemString(globals, "__file__");
	(void)PyDict_DelItemString(globals, "__cached__");
	PyErr_Clear();
	Py_XDECREF(value);
	return value ? 0 : 1;
}

static int run_file(void)
{
	FILE *file = fopen(program.path, "rbe");

	if (!file) {
		(void)fprintf(stderr, "%s: can't open file '%s': [Errno %d] %s\n", "python3", program.path, errno, strerror(errno));
		return 2;
	}
	return PyRun_SimpleFileExFlags(file, program.path, 1, NULL) == 0 ? 0 : 1;
}

/* As Python's main does it for a zip archive, whose place in sys.path is the folder's. */
static int run_archive(void)
{
	PyObject *runpy = PyImport_ImportModule("runpy");
	PyObject *done = runpy ? PyObject_CallMethod(runpy, "_run_module_as_main", "sO", "__main__", Py_False) : NULL;

	Py_XDECREF(runpy);
	Py_XDECREF(done);
	return done ? 0 : -1;
}

static bool is_compiled_by_us(void)
{
	return program.flags & (WIRE_JOB_VALUE | WIRE_JOB_CHECK);
}

/* -1, as a hook has it: SystemExit is set, or what went wrong. */
static int run_instead(void)
{
	PyObject *done =
		PyObject_CallMethod(program.side, "enter_program", "sO", program.path, program.is_archive ? Py_True : Py_False);
	int status;

	Py_XDECREF(done);
	if (!done)
		return -1;
	if (is_compiled_by_us())
		status = run_compiled();
	else
		status = program.is_archive ? run_archive() : run_file();
	if (status < 0) /* Python's main reports it */
		return -1;

	PyObject *number = PyLong_FromLong(status);

	PyErr_SetObject(PyExc_SystemExit, number);
	Py_XDECREF(number);
	return -1;
}

static int on_audit(const char *event, PyObject *args, void *data)
{
	(void)args;
	(void)data;
	if (program.has_begun || strcmp(event, "cpython.run_file") != 0)
		return 0;
	program.has_begun = true;

	PyObject *done = PyObject_CallObject(program.begin, NULL); /* returns in guests and in the rehearsal */

	Py_XDECREF(done);
	if (!done)
		return -1;
	return program.is_ours ? run_instead() : 0;
}

int program_begin_with(PyObject *begin)
{
	Py_INCREF(begin);
	program.begin = begin;
	return PySys_AddAuditHook(on_audit, NULL);
}

/* --- words ------------------------------------------------------------------------------------------------------------------- */

static int append(const char *list_name, const struct bundle_record *record)
{
	PyObject *list = PySys_GetObject(list_name); /* borrowed; NULL: this Python has none */
	PyObject *text = PyUnicode_DecodeFSDefaultAndSize(record->bytes, (Py_ssize_t)record->size);
	int r = text && list && PyList_Check(list) ? PyList_Append(list, text) : 0;

	Py_XDECREF(text);
	return text ? r : -1;
}

/* The one variable for Python itself that can still be honoured by an interpreter that is running: on when it is neither empty nor 0, as
 * config_get_env_flag has it in Python/initconfig.c. */
static bool is_unbuffered(const char *variable, size_t size)
{
	static const char name[] = "PYTHONUNBUFFERED=";
	size_t at = sizeof name - 1;

	if (size < at || memcmp(variable, name, at) != 0)
		return false;
	while (at < size && variable[at] == '0')
		at++;
	return at < size;
}

static int set_variable(PyObject *variables, const struct bundle_record *record)
{
	const char *equals = memchr(record->bytes, '=', (size_t)record->size);
	Py_ssize_t size = equals - record->bytes;
	PyObject *name = PyUnicode_DecodeFSDefaultAndSize(record->bytes, size);
	PyObject *value = PyUnicode_DecodeFSDefaultAndSize(equals + 1, (Py_ssize_t)record->size - size - 1);
	int r = name && value ? PyObject_SetItem(variables, name, value) : -1;

	if (is_unbuffered(record->bytes, (size_t)record->size))
		program.is_unbuffered = true;
	Py_XDECREF(name);
	Py_XDECREF(value);
	return r;
}

static int take_words(struct bundle *bundle)
{
	PyObject *os = PyImport_ImportModule("os"), *variables = os ? PyObject_GetAttrString(os, "environ") : NULL;
	struct bundle_record record;
	int r = variables ? 0 : -1;

	while (r == 0 && bundle_next(bundle, &record) > 0) {
		switch (record.type) {
		case BUNDLE_ENTRY:
			memcpy(program.path + strlen(APP), record.name, record.name_size + 1);
			break;
		case BUNDLE_ARG:
			r = append("argv", &record);
			if (r == 0)
				r = append("orig_argv", &record);
			break;
		case BUNDLE_ENV:
			r = set_variable(variables, &record);
			break;
		default:
			break;
		}
	}
	Py_XDECREF(variables);
	Py_XDECREF(os);
	return r;
}

static int set_item(const char *list_name, Py_ssize_t index, const char *text, size_t size)
{
	PyObject *list = PySys_GetObject(list_name); /* borrowed */
	PyObject *item = PyUnicode_DecodeFSDefaultAndSize(text, (Py_ssize_t)size);

	if (!item)
		return -1;
	if (list && PyList_Check(list) && PyList_Size(list) > index)
		return PyList_SetItem(list, index, item); /* takes it */
	Py_DECREF(item);
	return 0;
}

/* Whether the entrypoint is something that Python imports from, which is looked at before it is opened as a script. */
static int see_archive(void)
{
	PyObject *known = PySys_GetObject("path_importer_cache"); /* borrowed; what Python's main has seen is the zygote's script */
	PyObject *path = PyUnicode_DecodeFSDefault(program.path);

	if (known && PyDict_DelItemString(known, APP SCRIPT) < 0)
		PyErr_Clear();

	PyObject *importer = path ? PyImport_GetImporter(path) : NULL;

	program.is_archive = importer && importer != Py_None;
	Py_XDECREF(importer);
	Py_XDECREF(path);
	return importer ? 0 : -1;
}

/* As `python3 pkg/main.py` has it. sys.path[0] is corrected in _safexec.py. */
static int name_program(void)
{
	const char *name = program.path + strlen(APP);
	int r = set_item("argv", 0, name, strlen(name));

	return r < 0 ? r : set_item("orig_argv", 1, name, strlen(name));
}

static int unbuffer(void)
{
	PyObject *done = PyObject_CallMethod(program.side, "unbuffer", NULL);

	Py_XDECREF(done);
	return done ? 0 : -1;
}

static int start_report(const struct guest_job *job)
{
	PyObject *done = PyObject_CallMethod(program.side, "start_report", "iO", job->report,
					     job->flags & WIRE_JOB_DISPLAYS ? Py_True : Py_False);

	Py_XDECREF(done);
	return done ? 0 : -1;
}

int program_prepare(struct guest_job *job)
{
	bool has_files = job->bundle.bytes;
	int r = 0;

	program.flags = job->flags;
	memcpy(program.path, APP SCRIPT, sizeof APP SCRIPT);
	if (job->bundle.bytes)
		r = take_words(&job->bundle);
	bundle_close(&job->bundle);
	if (r == 0 && program.is_unbuffered)
		r = unbuffer();
	if (r == 0 && job->report >= 0)
		r = start_report(job);
	if (r == 0 && strcmp(program.path, APP SCRIPT) != 0)
		r = name_program();
	if (r == 0 && has_files)
		r = see_archive();
	program.is_ours = is_compiled_by_us() || program.is_archive || strcmp(program.path, APP SCRIPT) != 0;
	return r;
}
