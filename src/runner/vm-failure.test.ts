import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScriptError } from '#errors'
import { runAsRootJob } from '../../test/support/run-jobs.ts'
import { guestFailure } from './vm-failure.ts'
import type { GuestReport } from './vm-session.ts'

const job = runAsRootJob('', undefined)
const limits = { diskMiB: 64, memoryMiB: 256 }
const WELL: GuestReport = {
  hasBooted: true,
  status: 0,
  failure: undefined,
  isOutOfMemory: false,
  freeBlocks: 1000,
  freeInodes: 1000,
  stderrTail: '',
  console: '',
}

function messageOf(report: Partial<GuestReport>): string {
  const error = guestFailure(job, limits, { ...WELL, status: 1, ...report })
  return `${error?.code}: ${error?.message}`
}

test('guestFailure() finds nothing wrong with a script that ended with 0, whatever it came near to', () => {
  assert.equal(guestFailure(job, limits, { ...WELL, isOutOfMemory: true, freeBlocks: 0 }), undefined)
})

test('guestFailure() passes on the status and what was said', () => {
  const error = guestFailure(job, limits, { ...WELL, status: 42, stderrTail: 'problem\n' })
  assert.ok(error instanceof ScriptError)
  assert.equal(error.exitCode, 42)
  assert.equal(error.message, 'Cannot finish runAsRoot: the script exited with status 42; it said:\nproblem')
})

test('guestFailure() names the limit that a script ran into', () => {
  const memory = 'LIMIT_EXCEEDED: Cannot finish runAsRoot: it uses more memory than buildVMMemorySize allows, 256 MiB'
  assert.equal(messageOf({ isOutOfMemory: true }), memory)
  const panic = '[1.2] Kernel panic - not syncing: System is deadlocked on memory'
  assert.equal(messageOf({ status: undefined, console: panic }), memory)
  const disk = 'LIMIT_EXCEEDED: Cannot finish runAsRoot: it writes more than diskSize allows, 64 MiB'
  assert.equal(messageOf({ freeBlocks: 3 }), disk)
  assert.equal(messageOf({ freeInodes: 0 }), disk)
  assert.equal(messageOf({ stderrTail: 'cp: No space left on device' }), disk)
})

test('guestFailure() tells a guest that the script brought down from one that never came up', () => {
  const console = 'a line\n[    1.2] Kernel panic - not syncing: sysrq triggered crash\n[    1.3] Offset: disabled\n'
  assert.equal(
    messageOf({ status: undefined, console }),
    'SCRIPT_FAILED: Cannot finish runAsRoot: the guest ended with the script (Kernel panic - not syncing: sysrq triggered crash)',
  )
  const [code, kernel] = ['RUNNER_UNAVAILABLE', 'qemu-system-x86_64: could not load kernel']
  assert.equal(
    messageOf({ status: undefined, hasBooted: false, console: `${kernel}\n` }),
    `${code}: Cannot run runAsRoot in a guest: it does not start (${kernel})`,
  )
  const failure = 'its kernel cannot mount an overlay'
  assert.equal(messageOf({ status: undefined, failure }), `${code}: Cannot run runAsRoot in a guest: ${failure}`)
})
