import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { needs } from '../../test/support/places.ts'
import { findPrograms } from './vm-programs.ts'

const onX64 = { skip: process.arch === 'x64' ? false : `guests are x64, this machine is ${process.arch}` }

test('findPrograms() names the package of what is missing, and why a busybox is not taken', onX64, async () => {
  await using temp = await makeTempDir('programs-')
  const refused = (text: RegExp, hint: string): void => {
    assert.throws(
      () => findPrograms(temp.path),
      (error) => {
        assert.ok(error instanceof DockerToolsError)
        assert.match(error.message, text)
        assert.equal(error.hint, hint)
        return error.code === 'PROGRAM_MISSING'
      },
    )
  }
  refused(/there is no qemu-system-x86_64$/, 'Install qemu-system-x86')
  put(join(temp.path, 'qemu-system-x86_64'), '')
  refused(/there is no static busybox$/, 'Install busybox-static')
  put(join(temp.path, 'busybox'), '#!/bin/sh\n')
  refused(/there is no static busybox \("\S+\/busybox" needs libraries\)$/, 'Install busybox-static')
  copyFileSync(process.execPath, join(temp.path, 'busybox'))
  refused(/"\S+\/busybox" needs libraries/, 'Install busybox-static')
})

test('findPrograms() takes the busybox that has what a guest needs', { ...onX64, ...needs('busybox') }, async () => {
  await using temp = await makeTempDir('programs-')
  put(join(temp.path, 'qemu-system-x86_64'), '')
  const programs = findPrograms(`${temp.path}:/usr/bin:/bin`)
  assert.equal(programs.qemu, join(temp.path, 'qemu-system-x86_64'))
  assert.ok(programs.applets.includes('unshare'))
})

function put(path: string, content: string): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  chmodSync(path, 0o755)
}
