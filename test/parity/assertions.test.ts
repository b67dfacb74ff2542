import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { parityDocument, readParityData } from '../../tools/parity.ts'
import { BUSYBOX, needsRoot } from '../interop/needs.ts'
import { ROOT } from '../support/places.ts'
import type { Checks } from './check.ts'
import { ENGINE_CHECKS } from './engine-checks.ts'
import { IMAGE_CHECKS } from './image-checks.ts'
import { type Lab, openLab } from './lab.ts'
import { LAYER_CHECKS } from './layer-checks.ts'
import { SHELL_CHECKS } from './shell-checks.ts'

const PROGRAMS = [
  'dockerd',
  'docker',
  'docker-proxy',
  'runc',
  'unshare',
  'nsenter',
  'nix-store',
  'perl',
  'tar',
  BUSYBOX,
]

const data = readParityData(ROOT)
const checks: Checks = { ...IMAGE_CHECKS, ...LAYER_CHECKS, ...SHELL_CHECKS, ...ENGINE_CHECKS }

suite("assertions of upstream's tests", needsRoot(...PROGRAMS), () => {
  let lab: Lab
  const passed = new Set<string>()

  before(async () => {
    lab = await openLab()
  })
  after(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  for (const { id, says } of data.assertions) {
    test(`${id}: ${says}`, async () => {
      const check = checks[id]
      assert.ok(check, `there is no check ${id}`)
      await check(lab)
      passed.add(id)
    })
  }

  for (const { name } of data.examples.filter(({ assertions }) => assertions.length === 0)) {
    test(`the example ${name}, which upstream only builds, is loaded`, async () => {
      await lab.image(name)
      passed.add(name)
    })
  }

  test('docs/parity.md tells what has just been seen', () => {
    assert.equal(readFileSync(join(ROOT, 'docs/parity.md'), 'utf8'), parityDocument(data, passed))
  })
})
