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

/* Binds a value; a text has to stay as it is until the statement is done. */
int db_bind_text(sqlite3_stmt *statement, int at, const char *text);
int db_bind_number(sqlite3_stmt *statement, int at, uint64_t number);

/* A column of a row; NULL is 0, or "". */
uint64_t db_number(sqlite3_stmt *row, int at);
void db_copy_text(sqlite3_stmt *row, int at, char *room, size_t size);

/* How many rows the last statement changed. */
int db_changes(const struct db *db);
