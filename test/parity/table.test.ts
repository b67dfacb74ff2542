import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readParityData } from '../../tools/parity-data.ts'
import { parityDocument } from '../../tools/parity-document.ts'
import { hasTest, proofsOf, rowsNotShown } from '../../tools/parity-tests.ts'
import { ROOT } from '../support/places.ts'

const data = readParityData(ROOT)

test('docs/parity.md is what docs/parity has: node tools/parity.ts writes it', () => {
  assert.equal(readFileSync(join(ROOT, 'docs/parity.md'), 'utf8'), parityDocument(data))
})

test('every row of docs/parity.md has tests behind it', () => {
  const missing = new Set<string>()
  for (const { row, file, name } of proofsOf(data)) {
    const path = join(ROOT, file)
    if (!existsSync(path) || !hasTest(readFileSync(path, 'utf8'), name)) missing.add(`${row}: ${file}: ${name}`)
  }
  assert.deepEqual([...missing], [])
})

interface ArgumentsSchema {
  readonly const?: string
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, ArgumentsSchema>>
}

test('docs/parity.md has every function of definitions, and every argument of the image functions', () => {
  const schema = JSON.parse(readFileSync(join(ROOT, 'schema/definition.json'), 'utf8')) as {
    readonly $defs: Readonly<Record<string, ArgumentsSchema>>
  }
  const subjectsOf = (title: string): string => {
    const section = data.sections.find((one) => one.title === title)
    const own = (section?.rows ?? []).map(({ subject }) => subject)
    return [...own, ...(section?.like ?? []).map(subjectsOf)].join('\n')
  }
  const all = data.sections.map(({ title }) => subjectsOf(title)).join('\n')
  const missing: string[] = []
  let count = 0
  for (const { properties } of Object.values(schema.$defs)) {
    const { const: one, enum: several = one === undefined ? [] : [one] } = properties?.['function'] ?? {}
    for (const name of several) {
      const section = data.sections.find(({ functions }) => functions?.includes(name) === true)
      if (section === undefined) {
        if (!all.includes(`\`${name}\``)) missing.push(name)
        continue
      }
      const subjects = subjectsOf(section.title)
      for (const argument of Object.keys(properties?.['args']?.properties ?? {})) {
        count++
        if (!subjects.includes(`\`${argument}\``)) missing.push(`${name}, ${argument}`)
      }
    }
  }
  assert.deepEqual(missing, [])
  assert.ok(count > 100, `${count} arguments`)
})

test('a table with an empty cell, without a test or with one that has not passed is refused', () => {
  const row = { subject: '`a`', verdict: 'same', tests: ['test/x.test.ts: a ${b} c'] } as const
  const sections = [{ title: 'f', subject: 'argument', rows: [row] }]
  const small = { intro: '# x', sections, assertions: [], examples: [] }
  const withRow = (changes: object): typeof small => ({
    ...small,
    sections: [{ title: 'f', subject: 'argument', rows: [{ ...row, ...changes }] }],
  })
  assert.match(parityDocument(small), /\| `a` \| \*same\* \| \[x\]\(\.\.\/test\/x\.test\.ts\) \|/)
  assert.throws(() => parityDocument(withRow({ subject: '' })), /A cell is empty/)
  assert.throws(() => parityDocument(withRow({ verdict: 'differs' })), /does not say why/)
  assert.throws(() => proofsOf(withRow({ tests: [] })), /No test is named for f, `a`/)
  const result = (name: string, outcome: 'passed' | 'failed' | 'skipped') => ({ file: 'test/x.test.ts', name, outcome })
  assert.deepEqual(rowsNotShown(small, [result('a big c', 'passed'), result('other', 'failed')]), [])
  assert.deepEqual(rowsNotShown(small, []), ['f, `a`: test/x.test.ts: a ${b} c was not run'])
  const mixed = [result('a big c', 'passed'), result('a small c', 'skipped')]
  assert.deepEqual(rowsNotShown(small, mixed), ['f, `a`: test/x.test.ts: a small c is skipped'])
  assert.equal(hasTest("test('one', () => {})", 'one'), true)
  assert.equal(hasTest("test('one', () => {})", 'two'), false)
  assert.equal(hasTest('test(`a ${x} c`, () => {})', 'a special c'), true)
})
