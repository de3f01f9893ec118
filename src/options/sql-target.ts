import { TablecastError } from '../errors.ts';

/** Tells whether text names a database of PostgreSQL. */
export function isPostgres(to: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(to);
}

/**
 * Throws `OPTION_INVALID` for an address of something else than PostgreSQL, or in another form: as the name of a file it
 * would be told, with the password in it.
 */
export function requirePlaceOfSql(to: string): void {
  if (!/^[a-z][a-z\d+.-]+:\/\/|^postgres(?:ql)?:|(?:^|\s)password\s*=/i.test(to)) return;
  if (isPostgres(to) && URL.canParse(to)) return;
  throw new TablecastError('OPTION_INVALID', 'The target is no file and no address of PostgreSQL.', {
    hint: 'Write rows.db, or postgres://user:password@host:5432/database.',
  });
}
