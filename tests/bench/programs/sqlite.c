/* SPDX-License-Identifier: MIT */
/*
 * sqlite [ROUNDS] - a database in memory: inserts, joins, groups, sorts, patterns and updates with
 * an index and a trigger, through SQLite's public interface.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sqlite3.h"

static const char schema[] =
	"CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, country INTEGER, people INTEGER);"
	"CREATE TABLE country(id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
	"CREATE TABLE log(city INTEGER, was INTEGER);"
	"CREATE INDEX city_people ON city(people);"
	"CREATE TRIGGER grown AFTER UPDATE OF people ON city BEGIN INSERT INTO log VALUES(new.id, old.people); END;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
	" INSERT INTO country SELECT i, printf('country-%03d', i) FROM n;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
	" INSERT INTO city SELECT i, printf('city-%x', i * 7919 % 20011), i * 31 % 200 + 1, i * 104729 % 99991 FROM n;";

static const char *const queries[] = {
	"SELECT country.name, sum(people), count(*) FROM city JOIN country ON country.id = city.country"
	" GROUP BY country.name ORDER BY 2 DESC",
	"SELECT name FROM city WHERE name LIKE '%a_%e%' ORDER BY name COLLATE NOCASE",
	"SELECT a.name, b.name FROM city a JOIN city b ON b.people = a.people + 1 WHERE a.people BETWEEN 1000 AND 20000",
	"UPDATE city SET people = people + 1 WHERE people % 7 = 3",
	"SELECT group_concat(upper(substr(name, 3)), ',') FROM city WHERE country IN (SELECT id FROM country WHERE id % 3 = 1)",
	"SELECT c, rank() OVER (ORDER BY s) FROM (SELECT country AS c, sum(people) AS s FROM city GROUP BY country)",
	"DELETE FROM log",
};

static void check(sqlite3 *db, int status)
{
	if (status == SQLITE_OK)
		return;
	fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static unsigned long run_query(sqlite3 *db, const char *sql)
{
	unsigned long rows = 0;
	sqlite3_stmt *query;

	check(db, sqlite3_prepare_v2(db, sql, -1, &query, NULL));
	while (sqlite3_step(query) == SQLITE_ROW)
		rows += sqlite3_column_bytes(query, 0) != 0;
	check(db, sqlite3_finalize(query));
	return rows;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100, rows = 0;
	sqlite3 *db;

	check(NULL, sqlite3_open(":memory:", &db));
	check(db, sqlite3_exec(db, schema, NULL, NULL, NULL));
	for (; rounds != 0; rounds--)
		for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
			rows += run_query(db, queries[i]);
	printf("%lu rows\n", rows);
	return sqlite3_close(db);
}
