import { reportFailure } from '../../../src/cli/failure.ts';
import { endWithReader } from '../../../src/cli/output.ts';
import { program } from '../../../src/cli/program.ts';

/** The command line, built from the sources, so that many of its processes start in little time. */
endWithReader();
try {
  await program('0.0.0').parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.argv.includes('--json'));
}
