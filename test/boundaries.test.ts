import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findViolations, importsOf, readSources } from './support/import-graph.ts'
import { ROOT } from './support/places.ts'

const MAX_LINES = 350

const sources = readSources(join(ROOT, 'src'))

test('folders import only what stands below them, by its door, and nothing goes in circles', () => {
  assert.ok(sources.size > 150)
  assert.deepEqual(findViolations(sources), [])
})

test('index.ts files say what the folder is for, and only pass on', () => {
  for (const [file, text] of sources) {
    if (file !== 'index.ts' && !file.endsWith('/index.ts')) continue
    assert.match(text, /^\/\*\*\n \* .{20,}/, `${file} begins with a module comment`)
    const rest = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/export (?:type )?\{[^}]*\} from '[^']+'/g, '')
    assert.equal(rest.trim(), '', `${file} holds more than exports`)
  }
})

test(`no file is longer than ${MAX_LINES} lines: it would be about a second thing`, () => {
  for (const [file, text] of sources) assert.ok(text.split('\n').length - 1 <= MAX_LINES, file)
})

test('the check sees what it should see', () => {
  const made = (files: Readonly<Record<string, string>>): readonly string[] =>
    findViolations(
      new Map(
        Object.entries({
          'errors.ts': '',
          'tar/index.ts': "export { a } from './a.ts'",
          'tar/a.ts': '',
          'image/index.ts': '',
          'store/index.ts': '',
          'tree/index.ts': '',
          ...files,
        }),
      ),
    )
  assert.deepEqual(made({ 'image/x.ts': "import { a } from '#tar'\nimport '#errors'" }), [])
  assert.deepEqual(made({ 'store/x.ts': "import type { a } from '#tree'" }), [])
  assert.deepEqual(made({ 'tar/x.ts': "import type { a } from '#image'" }), [
    'tar/x.ts imports "#image": tar may not import image',
  ])
  assert.deepEqual(made({ 'tree/x.ts': "export { a } from '#store'" }), [
    'tree/x.ts imports "#store": tree may not import store',
  ])
  assert.deepEqual(made({ 'image/x.ts': "await import('#store')" }), [
    'image/x.ts imports "#store": image may not import store',
  ])
  assert.equal(made({ 'image/x.ts': "import '../tar/a.ts'" }).length, 1)
  assert.equal(made({ 'image/x.ts': "import './gone.ts'" }).length, 1)
  assert.equal(made({ 'image/x.ts': "import '#gone'" }).length, 1)
  assert.equal(made({ 'other/index.ts': '', 'other/x.ts': "import '#tar'" }).length, 1)
  const circle = { 'image/x.ts': "import type { y } from './y.ts'", 'image/y.ts': "import type { x } from './x.ts'" }
  assert.deepEqual(made(circle), ['a circle of imports: image/x.ts > image/y.ts > image/x.ts'])
  assert.deepEqual(importsOf("// from 'a'\n/* from 'b' */ import {\n  c,\n} from 'c'"), ['c'])
})
