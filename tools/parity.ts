/**
 * Writes docs/parity.md from docs/parity/*.json, in which every row names the tests that show it. With --print it only
 * shows what it would write; with --results FILE, written by tools/test-results.mjs, it says which rows no test has
 * shown, and fails if there are any.
 *
 * Run it as: node tools/parity.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readParityData } from './parity-data.ts'
import { parityDocument } from './parity-document.ts'
import { rowsNotShown, type TestResult } from './parity-tests.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const data = readParityData(root)
const [option, file] = process.argv.slice(2)
if (option === '--results' && file !== undefined) {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  const missing = rowsNotShown(
    data,
    lines.map((line) => JSON.parse(line) as TestResult),
  )
  for (const line of missing) console.error(line)
  if (missing.length > 0) process.exitCode = 1
} else if (option === '--print') process.stdout.write(parityDocument(data))
else writeFileSync(join(root, 'docs/parity.md'), parityDocument(data))
