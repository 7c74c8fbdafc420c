/* SPDX-License-Identifier: Apache-2.0
 * db.h: the SQLite database `safexec.db` in the working folder: its schema, its statements, its errors as errno. One writer;
 * write-ahead log; a commit is on the disk when it returns. <https://www.sqlite.org/wal.html>
 */
#pragma once
#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>

enum statement {
#define STATEMENT(name, sql) DB_##name,
#include "store/statements.def"
#undef STATEMENT
	DB_STATEMENTS,
};

struct db {
	sqlite3 *handle; /* NULL: not open */
	sqlite3_stmt *statements[DB_STATEMENTS];
};

/* Opens it, makes or migrates the schema, and checks that it can be written to. -errno with a sentence; then nothing is open. */
int db_open(struct db *db, struct err *err);

/* A NULL handle is fine. */
void db_close(struct db *db);

/* A statement, reset and without values, to be bound. */
sqlite3_stmt *db_use(struct db *db, enum statement name);

/* 1: a row; 0: done, and the statement is reset; -errno: it failed and is reset. */
int db_step(sqlite3_stmt *statement);

/* For statements without rows and values. */
int db_do(struct db *db, enum statement name);

/* How many rows the last statement changed. */
int db_changes(const struct db *db);
