import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { readCases } from './golden-case.ts'
import { runGoldenCase } from './run-golden-case.ts'

const folder = fileURLToPath(new URL('cases/', import.meta.url))
const cases = readCases(folder, ['streamFromConf', 'streamLayeredImage', 'buildLayeredImage'])

test('the cases of the project are here', () => {
  assert.equal(cases.length, 7)
})

for (const golden of cases) {
  test(`${golden.function} gives what was recorded: ${golden.case}`, async () => {
    await runGoldenCase(golden, { store: `file://${folder}cache`, layersFolder: folder })
  })
}
