import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { needs } from '../../test/support/places.ts'
import { jobOf, MOUNT_POINTS, writtenTree } from '../../test/support/run-jobs.ts'
import { namespaceRefusal } from './namespace-refusal.ts'

const support = fileURLToPath(new URL('../../test/support/run-jobs.ts', import.meta.url))

/** What a job ends with on a machine that a line of bash has been run on, in a user namespace. */
function outcomeAfter(line: string, runner: string, view: string): { readonly message: string; readonly hint: string } {
  const script = `
    import { runJob } from '#runner'
    import { jobOf } from ${JSON.stringify(support)}
    const limits = { diskMiB: undefined, memoryMiB: undefined, timeoutSeconds: 20 }
    await runJob(jobOf('true', { view: ${JSON.stringify(view)}, limits }), ${JSON.stringify(runner)}).then(
      () => console.log(JSON.stringify({ message: 'it ran', hint: '' })),
      (error) => console.log(JSON.stringify({ message: error.message, hint: error.hint, code: error.code })),
    )`
  const node = [process.execPath, '--conditions=source', '--input-type=module', '-e', script]
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'bash', '-e', '-c', `${line}\nexec "$@"`, 'test', ...node], {
    cwd,
    encoding: 'utf8',
  })
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout) as { readonly message: string; readonly hint: string }
}

function hide(program: string): string {
  return `mount --bind /dev/null '${realpathSync(program)}'`
}

test('without fakeroot the error names the package', needs('unshare', 'fakeroot'), () => {
  const { message, hint } = outcomeAfter(hide('/usr/bin/fakeroot'), 'fakeroot', 'folder')
  assert.equal(message, 'Cannot run runAsRoot: fakeroot: there is no program "fakeroot"')
  assert.equal(hint, 'Install the package fakeroot')
})

test('without nsenter the error names the package', needs('unshare', 'nsenter'), () => {
  const { message, hint } = outcomeAfter(hide('/usr/bin/nsenter'), 'namespace', 'image')
  assert.equal(message, 'Cannot run runAsRoot: namespace: there is no program "nsenter"')
  assert.equal(hint, 'Install the package util-linux')
})

test('where no user namespaces are allowed the error names the settings', needs('unshare', 'nsenter'), () => {
  const line = 'echo 0 > /proc/sys/user/max_user_namespaces'
  const { message, hint } = outcomeAfter(line, 'namespace', 'image')
  assert.match(message, /^Cannot make a user namespace: unshare: unshare failed: No space left on device$/)
  assert.match(hint, /user\.max_user_namespaces/)
})

test('with one number only, a tree of other owners is refused, and the package named that gives more', () => {
  const alone = [{ inside: 0, outside: 1000, count: 1 }]
  const mapping = { uids: alone, gids: alone, writer: 'self' } as const
  assert.equal(namespaceRefusal(jobOf('true'), mapping), undefined)
  const upper = writtenTree({ ...MOUNT_POINTS, shadow: 'x' }, { uid: 0, gid: 42 })
  assert.match(
    namespaceRefusal(jobOf('true', { upper }), mapping) ?? '',
    /belongs to 0:42, and there is only the number 0: install uidmap, and give the user a range in \/etc\/subuid and \/etc\/subgid$/,
  )
})
