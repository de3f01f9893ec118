// Adds up vitest's JSON results: node scripts/count-tests.mjs <directory> <steps that failed>
// Names what failed; the last line is `N passed, N failed`; the exit code is 1 when anything failed or nothing ran.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [directory = '.', failedSteps = '0'] = process.argv.slice(2);
const results = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(path.join(directory, name), 'utf8')));

const passed = results.reduce((sum, result) => sum + result.numPassedTests, 0);
const failedTests = results.reduce((sum, result) => sum + result.numFailedTests, 0);
const skipped = results.reduce((sum, result) => sum + result.numPendingTests + result.numTodoTests, 0);

// A file that cannot be loaded, or a step such as the linter, fails without a failing test.
const failed = Math.max(failedTests, Number(failedSteps), passed === 0 ? 1 : 0);

for (const file of results.flatMap((result) => result.testResults)) {
  const tests = file.assertionResults.filter((test) => test.status === 'failed');
  if (file.status === 'failed' && tests.length === 0) console.log(`failed: ${file.name}: ${file.message}`);
  for (const test of tests)
    console.log(`failed: ${file.name}: ${test.fullName}: ${test.failureMessages.join(' ')}`);
}

if (skipped > 0) console.log(`${String(skipped)} skipped`);
console.log(`${String(passed)} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
