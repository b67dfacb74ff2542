import assert from 'node:assert/strict'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from './support/places.ts'

const SKIPPED = ['node_modules', 'dist', '.git']

/** Words in two halves, so that this file does not hold them. */
const joined = (...halves: readonly (readonly [string, string])[]): string =>
  halves.map((half) => half.join('')).join('|')

const FORBIDDEN: Readonly<Record<string, RegExp>> = {
  'a path of the machine it was written on': new RegExp(
    `(^|[\\s"'\`(=])/(${joined(['wo', 'rk'], ['ro', 'ot'])})/`,
    'm',
  ),
  'the host of a package registry': new RegExp(
    joined(['registry.npm', 'js'], ['registry.yarn', 'pkg'], ['npm', 'js.org'], ['pypi', '.org']),
  ),
  'who wrote it with what': new RegExp(
    `\\b(${joined(['A', 'I'], ['L', 'LM'], ['Cla', 'ude'], ['Chat', 'GPT'], ['Ope', 'nAI'], ['Anth', 'ropic'], ['Co', 'pilot'])})\\b`,
  ),
  'a mark of a merge': /^(<{7}|>{7}|={7}$)/m,
  'a note to self': new RegExp(`\\b(${joined(['TO', 'DO'], ['FIX', 'ME'], ['X', 'XX'])})\\b`),
}

const files = globSync('**/*', { cwd: ROOT, exclude: (name) => SKIPPED.includes(name) })
  .concat(globSync('.*/**/*', { cwd: ROOT, exclude: (name) => SKIPPED.includes(name) }))
  .filter((file) => !SKIPPED.includes(file.split('/')[0] ?? ''))
  .filter((file) => statSync(join(ROOT, file)).isFile())
  .toSorted()

test('no file says what only its writers care about', () => {
  assert.ok(files.length > 200)
  const found: string[] = []
  for (const file of files) {
    const bytes = readFileSync(join(ROOT, file))
    // Binary files have no words; the lock file says where packages come from, by its nature.
    if (bytes.includes(0) || file === 'package-lock.json') continue
    const text = bytes.toString('utf8')
    for (const [what, pattern] of Object.entries(FORBIDDEN)) {
      const match = pattern.exec(text)
      if (match !== null) found.push(`${file} holds ${what}: ${JSON.stringify(match[0])}`)
    }
  }
  assert.deepEqual(found, [])
})
