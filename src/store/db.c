/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include "base/macro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_NAME "safexec.db"
#define BUSY_MS   5000 /* another writer is `safexec keys`, for milliseconds */

/* Migration N brings user_version from N to N + 1. Never changed once released; a change is a further row. */
static const char *const migrations[] = {
	"CREATE TABLE jobs ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key INTEGER NOT NULL, state INTEGER NOT NULL,"
	" priority INTEGER NOT NULL, created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL DEFAULT 0,"
	" ended_ms INTEGER NOT NULL DEFAULT 0, deadline_ms INTEGER NOT NULL, verdict TEXT NOT NULL DEFAULT '', once TEXT,"
	" digest BLOB NOT NULL, bytes INTEGER NOT NULL, delivery INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
	" next_ms INTEGER NOT NULL DEFAULT 0, url TEXT, body BLOB NOT NULL, result BLOB) STRICT;"
	"CREATE UNIQUE INDEX jobs_once ON jobs (key, once) WHERE once IS NOT NULL;"
	"CREATE INDEX jobs_queue ON jobs (state, priority, key, number);"
	"CREATE INDEX jobs_ended ON jobs (ended_ms) WHERE state >= 2;"
	"CREATE INDEX jobs_callback ON jobs (next_ms) WHERE delivery = 1 AND state >= 2;"
	"CREATE INDEX jobs_count ON jobs (state, bytes);"
	"CREATE TABLE keys ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, tag TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, name TEXT NOT NULL UNIQUE,"
	" scopes INTEGER NOT NULL, per_minute INTEGER NOT NULL, burst INTEGER NOT NULL, concurrency INTEGER NOT NULL,"
	" priority_max INTEGER NOT NULL, environments TEXT NOT NULL, providers TEXT NOT NULL, limits TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;",
	"ALTER TABLE jobs ADD COLUMN runner INTEGER NOT NULL DEFAULT 0;",
};

static const char *const texts[] = {
#define STATEMENT(name, sql) [DB_##name] = (sql),
#include "store/statements.def"
#undef STATEMENT
};

static int to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_ROW:
		return 1;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_FULL:
		return -EDQUOT;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	default:
		return -EIO;
	}
}

sqlite3_stmt *db_use(struct db *db, enum statement name)
{
	sqlite3_stmt *statement = db->statements[name];

	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return statement;
}

int db_step(sqlite3_stmt *statement)
{
	int r = to_errno(sqlite3_step(statement));

	if (r != 1)
		(void)sqlite3_reset(statement);
	return r;
}

int db_do(struct db *db, enum statement name)
{
	int r = db_step(db_use(db, name));

	if (r == 1)
		(void)sqlite3_reset(db->statements[name]);
	return r < 0 ? r : 0;
}

int db_changes(const struct db *db)
{
	return sqlite3_changes(db->handle);
}

int db_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

int db_bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	return sqlite3_bind_int64(statement, at, (int64_t)number);
}

uint64_t db_number(sqlite3_stmt *row, int at)
{
	return (uint64_t)sqlite3_column_int64(row, at);
}

void db_copy_text(sqlite3_stmt *row, int at, char *room, size_t size)
{
	const unsigned char *text = sqlite3_column_text(row, at);

	(void)snprintf(room, size, "%s", text ? (const char *)text : "");
}

/* The name stays relative to the working folder, whose path our user may not be able to walk. */
static int keep_name(sqlite3_vfs *vfs, const char *name, int size, char *full)
{
	(void)vfs;
	return (size_t)snprintf(full, (size_t)size, "%s", name) < (size_t)size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int use_relative_names(void)
{
	static sqlite3_vfs here; /* SQLite keeps it by pointer */
	const sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");

	if (!unix_vfs)
		return SQLITE_ERROR;
	if (here.zName)
		return SQLITE_OK;
	here = *unix_vfs;
	here.zName = "here";
	here.xFullPathname = keep_name;
	return sqlite3_vfs_register(&here, 0);
}

static int read_version(struct db *db)
{
	sqlite3_stmt *statement = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);
	return version;
}

static int migrate(struct db *db, struct err *err)
{
	int version = read_version(db), code = SQLITE_OK;
	char text[64];

	if (version < 0 || version > (int)ARRAY_SIZE(migrations))
		return err_say(err, -EINVAL, FILE_NAME " is of version %d, which this program does not know (it knows up to %zu).",
			       version, ARRAY_SIZE(migrations));
	for (; version < (int)ARRAY_SIZE(migrations) && code == SQLITE_OK; version++) {
		(void)snprintf(text, sizeof text, "PRAGMA user_version = %d; COMMIT", version + 1);
		code = sqlite3_exec(db->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db->handle, migrations[version], NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
	}
	return to_errno(code);
}

static int prepare(struct db *db)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < DB_STATEMENTS && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v3(db->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL);
	return to_errno(code);
}

/* auto_vacuum has to come before the first table, and so before the log is switched on. */
static int set_up(struct db *db, struct err *err)
{
	static const char pragmas[] = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				      "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
				      "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384";
	int r;

	(void)sqlite3_busy_timeout(db->handle, BUSY_MS);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	r = to_errno(sqlite3_exec(db->handle, pragmas, NULL, NULL, NULL));
	if (r == 0)
		r = migrate(db, err);
	if (r == 0)
		r = prepare(db);
	if (r == 0)
		r = db_do(db, DB_BEGIN); /* takes the write lock: a read-only folder shows now */
	return r == 0 ? db_do(db, DB_COMMIT) : r;
}

int db_open(struct db *db, struct err *err)
{
	struct err why = { 0 };
	int r = to_errno(use_relative_names());

	*db = (struct db){ 0 };
	if (r == 0)
		r = to_errno(sqlite3_open_v2(FILE_NAME, &db->handle,
					     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, "here"));
	if (r == 0)
		r = set_up(db, &why);
	if (r == 0)
		return 0;
	if (why.text[0] == '\0')
		(void)err_say(&why, r, "The database " FILE_NAME " cannot be used: %s.",
			      db->handle ? sqlite3_errmsg(db->handle) : "no memory");
	*err = why;
	db_close(db);
	return r;
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++)
		(void)sqlite3_finalize(db->statements[i]);
	(void)sqlite3_close(db->handle);
	*db = (struct db){ 0 };
}
