# SPDX-License-Identifier: Apache-2.0
# sqlite3 in memory and in a file, with a transaction rolled back and a function of ours.
import sqlite3

for where in (":memory:", "shop.db"):
    db = sqlite3.connect(where)
    db.execute("create table item (id integer primary key, name text unique, price real)")
    db.executemany("insert into item (name, price) values (?, ?)", [("pear", 1.5), ("apple", 1), ("fig", 4)])
    db.commit()
    try:
        with db:
            db.execute("update item set price = 0")
            db.execute("insert into item (name) values ('pear')")
    except sqlite3.IntegrityError as e:
        print(e)
    db.create_function("twice", 1, lambda x: x * 2)
    print(db.execute("select name, twice(price), rank() over (order by price) from item order by name").fetchall())
    db.close()
db = sqlite3.connect("shop.db")
db.execute("pragma journal_mode=wal")
db.row_factory = sqlite3.Row
print([dict(r) for r in db.execute("select * from item where price > 1")], db.total_changes)
