import Database from 'better-sqlite3';

/** A row as the SQLite backend of Zeek's storage framework writes it. */
export type StorageRow = readonly [key: Buffer | string, value: Buffer | string, expiry: number | null];

/** What the JSON serializer writes, by src/storage/serializer/json/JSON.cc of Zeek 9.0. */
export function json(text: string): Buffer {
  return Buffer.from(`JSONv1;${text}`);
}

/** Makes a file with the tables that src/storage/backend/sqlite/SQLite.cc of Zeek 9.0 makes; returns its name. */
export function makeStorage(
  file: string,
  tables: Readonly<Record<string, readonly StorageRow[]>>,
  more = '',
): string {
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = off');
  for (const [name, rows] of Object.entries(tables)) {
    database.exec(
      `create table if not exists ${name} (key_str blob primary key, value_str blob not null, expire_time real);`,
    );
    database.exec('create table if not exists zeek_storage_expiry_runs (ukey primary key, last_run double);');
    database.exec(`insert into zeek_storage_expiry_runs (ukey, last_run) values('${name}', 0);`);
    const insert = database.prepare(`insert into ${name} (key_str, value_str, expire_time) values(?, ?, ?)`);
    for (const row of rows) insert.run(...row);
  }
  database.exec(more);
  database.pragma('optimize');
  database.close();
  return file;
}
